import { operation, optional, required, structure } from "../shape.ts";
import { ShardId, StreamARN, StreamId, StreamName } from "./shapes.ts";

export const MergeShards = operation({
  name: "MergeShards",
  plane: "control",
  documentation: "Closes two neighbouring shards and opens one that takes the keys of both.",

  input: structure(
    {
      StreamName: optional(StreamName),
      ShardToMerge: required(ShardId),
      AdjacentShardToMerge: required(ShardId),
      StreamARN: optional(StreamARN),
      StreamId: optional(StreamId),
    },
    { reported: ["StreamId", "StreamARN", "ShardToMerge", "AdjacentShardToMerge", "StreamName"] },
  ),

  output: structure({}),

  errors: [
    "ResourceNotFoundException",
    "ResourceInUseException",
    "InvalidArgumentException",
    "LimitExceededException",
    "ValidationException",
    "AccessDeniedException",
  ],
});
