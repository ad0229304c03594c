import { operation, optional, required, structure } from "../shape.ts";
import { ResourceARN, StreamId, TagMap } from "./shapes.ts";

export const TagResource = operation({
  name: "TagResource",
  plane: "control",
  documentation: "Puts tags on a stream or a consumer; a key that is already there gets the new value.",

  input: structure({
    Tags: required(TagMap),
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
