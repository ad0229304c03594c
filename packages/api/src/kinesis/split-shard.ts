import { operation, optional, required, structure } from "../shape.ts";
import { HashKey, ShardId, StreamARN, StreamId, StreamName } from "./shapes.ts";

export const SplitShard = operation({
  name: "SplitShard",
  plane: "control",
  documentation: "Closes a shard and opens two that share its keys, from a given hash key on.",

  input: structure(
    {
      StreamName: optional(StreamName),
      ShardToSplit: required(ShardId),
      NewStartingHashKey: required(HashKey),
      StreamARN: optional(StreamARN),
      StreamId: optional(StreamId),
    },
    { reported: ["StreamId", "StreamARN", "NewStartingHashKey", "StreamName", "ShardToSplit"] },
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
