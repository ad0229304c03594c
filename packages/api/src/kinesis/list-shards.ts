import { list, operation, optional, required, structure, timestamp } from "../shape.ts";
import {
  NextToken,
  PageSize,
  Shard,
  ShardFilterType,
  ShardId,
  StreamARN,
  StreamId,
  StreamName,
} from "./shapes.ts";

export const ShardFilter = structure({
  Type: required(ShardFilterType),
  ShardId: optional(ShardId),
  Timestamp: optional(timestamp()),
});

export const ListShards = operation({
  name: "ListShards",
  plane: "control",
  documentation: "Lists the shards of a stream, page by page, as they are or as they were at a time.",

  input: structure(
    {
      StreamName: optional(StreamName),
      NextToken: optional(NextToken),
      ExclusiveStartShardId: optional(ShardId),
      MaxResults: optional(PageSize),
      StreamCreationTimestamp: optional(timestamp()),
      ShardFilter: optional(ShardFilter),
      StreamARN: optional(StreamARN),
      StreamId: optional(StreamId),
    },
    {
      reported: [
        "MaxResults",
        "ExclusiveStartShardId",
        "StreamName",
        "NextToken",
        "StreamCreationTimestamp",
        "ShardFilter",
        "StreamARN",
        "StreamId",
      ],
    },
  ),

  output: structure({
    Shards: optional(list(Shard)),
    NextToken: optional(NextToken),
  }),

  errors: [
    "ResourceNotFoundException",
    "InvalidArgumentException",
    "LimitExceededException",
    "ExpiredNextTokenException",
    "ResourceInUseException",
    "AccessDeniedException",
  ],
});
