import { operation, optional, required, structure } from "../shape.ts";
import { TableArn, TableDescription } from "./shapes.ts";

export const DescribeTable = operation({
  name: "DescribeTable",
  plane: "control",
  documentation: "Shows a table: its state, keys, indexes and size.",

  input: structure({
    TableName: required(TableArn),
  }),

  output: structure({
    Table: optional(TableDescription),
  }),

  errors: ["ResourceNotFoundException", "InternalServerError"],
});
