import { operation, optional, required, structure } from "../shape.ts";
import { ContinuousBackupsDescription, TableArn } from "./shapes.ts";

export const DescribeContinuousBackups = operation({
  name: "DescribeContinuousBackups",
  plane: "control",
  documentation: "Says whether point-in-time recovery was asked for.",

  input: structure({
    TableName: required(TableArn),
  }),

  output: structure({
    ContinuousBackupsDescription: optional(ContinuousBackupsDescription),
  }),

  errors: ["TableNotFoundException", "InternalServerError"],
});
