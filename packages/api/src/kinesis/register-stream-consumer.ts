import { operation, optional, required, structure } from "../shape.ts";
import { Consumer, ConsumerName, StreamARN, StreamId, TagMap } from "./shapes.ts";

export const RegisterStreamConsumer = operation({
  name: "RegisterStreamConsumer",
  plane: "control",
  documentation: "Registers a fan-out consumer, which has a read throughput of its own on every shard.",

  input: structure({
    StreamARN: required(StreamARN),
    ConsumerName: required(ConsumerName),
    StreamId: optional(StreamId),
    Tags: optional(TagMap),
  }),

  output: structure({
    Consumer: required(Consumer),
  }),

  errors: [
    "InvalidArgumentException",
    "LimitExceededException",
    "ResourceInUseException",
    "ResourceNotFoundException",
  ],
});
