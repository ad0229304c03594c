import { operation, optional, required, structure } from "../shape.ts";
import { NaturalInteger, StreamARN, StreamId, StreamName, WarmThroughputObject } from "./shapes.ts";

export const UpdateStreamWarmThroughput = operation({
  name: "UpdateStreamWarmThroughput",
  plane: "control",
  documentation: "Sets the throughput that an on-demand stream can take at once.",

  input: structure({
    StreamARN: optional(StreamARN),
    StreamName: optional(StreamName),
    StreamId: optional(StreamId),
    WarmThroughputMiBps: required(NaturalInteger),
  }),

  output: structure({
    StreamARN: optional(StreamARN),
    StreamName: optional(StreamName),
    WarmThroughput: optional(WarmThroughputObject),
  }),

  errors: [
    "AccessDeniedException",
    "ResourceNotFoundException",
    "LimitExceededException",
    "InvalidArgumentException",
    "ResourceInUseException",
    "ValidationException",
  ],
});
