import { integer, list, operation, optional, structure } from "../shape.ts";
import { TableName } from "./shapes.ts";

export const ListTables = operation({
  name: "ListTables",
  plane: "control",
  documentation: "Lists the names of the tables, page by page.",

  input: structure({
    ExclusiveStartTableName: optional(TableName),
    Limit: optional(integer({ min: 1, max: 100 })),
  }),

  output: structure({
    TableNames: optional(list(TableName)),
    LastEvaluatedTableName: optional(TableName),
  }),

  errors: ["InternalServerError"],
});
