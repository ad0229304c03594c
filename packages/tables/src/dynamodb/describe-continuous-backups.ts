import { dynamodb } from "@millrace/api";
import { handle } from "../handler.ts";
import { backupsDescription, tableToBackUp } from "../tables/continuous-backups.ts";

/** Shows whether point-in-time recovery was asked for. */
export const describeContinuousBackups = handle(
  dynamodb.operations.DescribeContinuousBackups,
  (context, input, call) => ({
    ContinuousBackupsDescription: backupsDescription(tableToBackUp(context, input.TableName, call).row),
  }),
);
