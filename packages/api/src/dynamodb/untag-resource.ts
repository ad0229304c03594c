import { operation, required, structure } from "../shape.ts";
import { ResourceArn, TagKeys } from "./shapes.ts";

export const UntagResource = operation({
  name: "UntagResource",
  plane: "control",
  documentation: "Takes tags off a table.",

  input: structure({
    ResourceArn: required(ResourceArn),
    TagKeys: required(TagKeys),
  }),

  output: structure({}),

  errors: [
    "LimitExceededException",
    "ResourceNotFoundException",
    "InternalServerError",
    "ResourceInUseException",
  ],
});
