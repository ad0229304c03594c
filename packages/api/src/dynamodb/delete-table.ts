import { operation, optional, required, structure } from "../shape.ts";
import { TableArn, TableDescription } from "./shapes.ts";

export const DeleteTable = operation({
  name: "DeleteTable",
  plane: "control",
  documentation: "Deletes a table with all of its items.",

  input: structure({
    TableName: required(TableArn),
  }),

  output: structure({
    TableDescription: optional(TableDescription),
  }),

  errors: [
    "ResourceInUseException",
    "ResourceNotFoundException",
    "LimitExceededException",
    "InternalServerError",
  ],
});
