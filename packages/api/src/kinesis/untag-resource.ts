import { operation, optional, required, structure } from "../shape.ts";
import { ResourceARN, StreamId, TagKeyList } from "./shapes.ts";

export const UntagResource = operation({
  name: "UntagResource",
  plane: "control",
  documentation: "Removes tags from a stream or a consumer.",

  input: structure({
    TagKeys: required(TagKeyList),
    ResourceARN: required(ResourceARN),
    StreamId: optional(StreamId),
  }),

  output: structure({}),

  errors: [
    "ResourceNotFoundException",
    "ResourceInUseException",
    "InvalidArgumentException",
    "LimitExceededException",
    "AccessDeniedException",
  ],
});
