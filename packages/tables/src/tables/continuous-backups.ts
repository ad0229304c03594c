import { ServiceError } from "@millrace/api";
import type { dynamodb, OutputOf } from "@millrace/api";
import type { Call, TablesContext } from "../handler.ts";
import { knownTable, tableNamed } from "./find-table.ts";
import type { TableRow } from "./table-row.ts";
import type { Table } from "./table-store.ts";

/** @throws {ServiceError} `TableNotFoundException`, as only the operations on backups call it. */
export function tableToBackUp(context: TablesContext, given: string, { caller, nowMs }: Call): Table {
  const name = tableNamed(given, caller);
  const table = knownTable(context, name, nowMs);
  if (table === undefined) throw new ServiceError("TableNotFoundException", `Table not found: ${name.name}`);
  return table;
}

type Description = NonNullable<
  OutputOf<(typeof dynamodb)["operations"]["UpdateContinuousBackups"]>["ContinuousBackupsDescription"]
>;

export function backupsDescription({ recoveryDays }: TableRow): Description {
  return {
    ContinuousBackupsStatus: "ENABLED",
    PointInTimeRecoveryDescription:
      recoveryDays === undefined
        ? { PointInTimeRecoveryStatus: "DISABLED" }
        : { PointInTimeRecoveryStatus: "ENABLED", RecoveryPeriodInDays: recoveryDays },
  };
}
