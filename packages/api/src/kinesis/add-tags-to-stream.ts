import { operation, optional, required, structure } from "../shape.ts";
import { StreamARN, StreamId, StreamName, TagMap } from "./shapes.ts";

export const AddTagsToStream = operation({
  name: "AddTagsToStream",
  plane: "control",
  documentation: "Puts tags on a stream; a key that is already there gets the new value.",

  input: structure({
    StreamName: optional(StreamName),
    Tags: required(TagMap),
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
