import { operation, optional, required, structure } from "../shape.ts";
import { StreamARN, StreamId, StreamName, TagKeyList } from "./shapes.ts";

export const RemoveTagsFromStream = operation({
  name: "RemoveTagsFromStream",
  plane: "control",
  documentation: "Removes tags from a stream; a key that is not there does no harm.",

  input: structure({
    StreamName: optional(StreamName),
    TagKeys: required(TagKeyList),
    StreamARN: optional(StreamARN),
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
