import { boolean, integer, operation, optional, required, structure } from "../shape.ts";
import { StreamARN, StreamId, StreamName, TagKey, TagList } from "./shapes.ts";

export const ListTagsForStream = operation({
  name: "ListTagsForStream",
  plane: "control",
  documentation: "Lists the tags of a stream, page by page, in order of their keys.",

  input: structure({
    StreamName: optional(StreamName),
    ExclusiveStartTagKey: optional(TagKey),
    Limit: optional(integer({ min: 1, max: 50 })),
    StreamARN: optional(StreamARN),
    StreamId: optional(StreamId),
  }),

  output: structure({
    Tags: required(TagList),
    HasMoreTags: required(boolean()),
  }),

  errors: [
    "ResourceNotFoundException",
    "InvalidArgumentException",
    "LimitExceededException",
    "AccessDeniedException",
  ],
});
