import { operation, optional, required, string, structure } from "../shape.ts";
import { ResourceArn, Tags } from "./shapes.ts";

export const ListTagsOfResource = operation({
  name: "ListTagsOfResource",
  plane: "control",
  documentation: "Lists the tags of a table.",

  input: structure({
    ResourceArn: required(ResourceArn),
    NextToken: optional(string()),
  }),

  output: structure({
    Tags: optional(Tags),
    NextToken: optional(string()),
  }),

  errors: ["ResourceNotFoundException", "InternalServerError"],
});
