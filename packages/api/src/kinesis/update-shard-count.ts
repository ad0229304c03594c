import { operation, optional, required, structure } from "../shape.ts";
import { PositiveInteger, ScalingType, StreamARN, StreamId, StreamName } from "./shapes.ts";

export const UpdateShardCount = operation({
  name: "UpdateShardCount",
  plane: "control",
  documentation: "Splits and merges shards until a stream has the wanted number of them, all of like size.",

  input: structure({
    StreamName: optional(StreamName),
    TargetShardCount: required(PositiveInteger),
    ScalingType: required(ScalingType),
    StreamARN: optional(StreamARN),
    StreamId: optional(StreamId),
  }),

  output: structure({
    StreamName: optional(StreamName),
    CurrentShardCount: optional(PositiveInteger),
    TargetShardCount: optional(PositiveInteger),
    StreamARN: optional(StreamARN),
  }),

  errors: [
    "InvalidArgumentException",
    "LimitExceededException",
    "ResourceInUseException",
    "ResourceNotFoundException",
    "ValidationException",
    "AccessDeniedException",
  ],
});
