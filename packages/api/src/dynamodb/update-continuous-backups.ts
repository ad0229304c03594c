import { boolean, integer, operation, optional, required, structure } from "../shape.ts";
import { ContinuousBackupsDescription, TableArn } from "./shapes.ts";

export const UpdateContinuousBackups = operation({
  name: "UpdateContinuousBackups",
  plane: "control",
  documentation: "Keeps the setting of point-in-time recovery. Nothing is backed up for it.",

  input: structure({
    TableName: required(TableArn),
    PointInTimeRecoverySpecification: required(
      structure({
        PointInTimeRecoveryEnabled: required(boolean()),
        RecoveryPeriodInDays: optional(integer({ min: 1, max: 35 })),
      }),
    ),
  }),

  output: structure({
    ContinuousBackupsDescription: optional(ContinuousBackupsDescription),
  }),

  errors: ["TableNotFoundException", "ContinuousBackupsUnavailableException", "InternalServerError"],
});
