import { operation, optional, structure } from "../shape.ts";
import { ConsumerARN, ConsumerName, StreamARN, StreamId } from "./shapes.ts";

export const DeregisterStreamConsumer = operation({
  name: "DeregisterStreamConsumer",
  plane: "control",
  documentation: "Removes a fan-out consumer and ends its subscriptions.",

  input: structure({
    StreamARN: optional(StreamARN),
    ConsumerName: optional(ConsumerName),
    ConsumerARN: optional(ConsumerARN),
    StreamId: optional(StreamId),
  }),

  output: structure({}),

  errors: ["LimitExceededException", "ResourceNotFoundException", "InvalidArgumentException"],
});
