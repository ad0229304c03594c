import { operation, optional, required, structure, timestamp } from "../shape.ts";
import { ConsumerARN, ConsumerName, ConsumerStatus, StreamARN, StreamId } from "./shapes.ts";

export const ConsumerDescription = structure({
  ConsumerName: required(ConsumerName),
  ConsumerARN: required(ConsumerARN),
  ConsumerStatus: required(ConsumerStatus),
  ConsumerCreationTimestamp: required(timestamp()),
  StreamARN: required(StreamARN),
});

export const DescribeStreamConsumer = operation({
  name: "DescribeStreamConsumer",
  plane: "control",
  documentation: "Describes one fan-out consumer, found by its ARN or by its name and stream.",

  input: structure({
    StreamARN: optional(StreamARN),
    ConsumerName: optional(ConsumerName),
    ConsumerARN: optional(ConsumerARN),
    StreamId: optional(StreamId),
  }),

  output: structure({
    ConsumerDescription: required(ConsumerDescription),
  }),

  errors: ["LimitExceededException", "ResourceNotFoundException", "InvalidArgumentException"],
});
