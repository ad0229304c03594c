import { dynamodb } from "@millrace/api";
import { handle } from "../handler.ts";
import { backupsDescription, tableToBackUp } from "../tables/continuous-backups.ts";
import { changeTable } from "../tables/change-table.ts";

const RECOVERY_DAYS_DEFAULT = 35;

/** Keeps the setting, so that clients who ask for it see it. Nothing can be recovered by it. */
export const updateContinuousBackups = handle(
  dynamodb.operations.UpdateContinuousBackups,
  async (context, input, call) => {
    const { PointInTimeRecoveryEnabled, RecoveryPeriodInDays } = input.PointInTimeRecoverySpecification;
    tableToBackUp(context, input.TableName, call);
    const { row } = await changeTable(context, input.TableName, call, (table) => {
      const { recoveryDays: _, ...rest } = table.row;
      return PointInTimeRecoveryEnabled
        ? { ...rest, recoveryDays: RecoveryPeriodInDays ?? RECOVERY_DAYS_DEFAULT }
        : rest;
    });
    return { ContinuousBackupsDescription: backupsDescription(row) };
  },
);
