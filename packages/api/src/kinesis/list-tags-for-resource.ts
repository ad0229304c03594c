import { operation, optional, required, structure } from "../shape.ts";
import { ResourceARN, StreamId, TagList } from "./shapes.ts";

export const ListTagsForResource = operation({
  name: "ListTagsForResource",
  plane: "control",
  documentation: "Lists the tags of a stream or a consumer.",

  input: structure({
    ResourceARN: required(ResourceARN),
    StreamId: optional(StreamId),
  }),

  output: structure({
    Tags: optional(TagList),
  }),

  errors: [
    "ResourceNotFoundException",
    "ResourceInUseException",
    "InvalidArgumentException",
    "LimitExceededException",
    "AccessDeniedException",
  ],
});
