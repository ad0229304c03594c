import { operation, required, structure } from "../shape.ts";
import { ResourceArn, Tags } from "./shapes.ts";

export const TagResource = operation({
  name: "TagResource",
  plane: "control",
  documentation: "Puts tags on a table; a key that is already there gets the new value.",

  input: structure({
    ResourceArn: required(ResourceArn),
    Tags: required(Tags),
  }),

  output: structure({}),

  errors: [
    "LimitExceededException",
    "ResourceNotFoundException",
    "InternalServerError",
    "ResourceInUseException",
  ],
});
