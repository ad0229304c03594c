/** Tables as requests name them: by name, or by ARN. */
import { ServiceError } from "@millrace/api";
import type { Caller } from "@millrace/wire";
import type { Call, TablesContext } from "../handler.ts";
import { invalid, noSuchTable } from "../refusals.ts";
import type { TableName } from "./table-row.ts";
import { statusOf } from "./table-row.ts";
import type { Table } from "./table-store.ts";

const NAME_PATTERN = "[a-zA-Z0-9_.-]+";
const NAME = /^[a-zA-Z0-9_.-]{3,255}$/;
const ARN = /^arn:[^:]+:dynamodb:([a-z0-9-]+):(\d{12}):table\/([a-zA-Z0-9_.-]{3,255})$/;

/** @throws {ServiceError} `ValidationException` for what is no name of a table. */
export function tableNamed(given: string, { accountId, region }: Caller): TableName {
  const arn = ARN.exec(given);
  if (arn !== null) return { accountId: arn[2]!, region: arn[1]!, name: arn[3]! };
  if (given.length < 3 || given.length > 255) {
    throw invalid("TableName must be at least 3 characters long and at most 255 characters long");
  }
  if (!NAME.test(given)) {
    throw invalid(
      `1 validation error detected: Value '${given}' at 'tableName' failed to satisfy constraint: ` +
        `Member must satisfy regular expression pattern: ${NAME_PATTERN}`,
    );
  }
  return { accountId, region, name: given };
}

/** The table of this name, also while it is being created or deleted; undefined once it is gone. */
export function knownTable({ store }: TablesContext, name: TableName, nowMs: number): Table | undefined {
  const table = store.find(name);
  return table?.row.goneMs !== undefined && table.row.goneMs <= nowMs ? undefined : table;
}

/** For operations on tables. @throws {ServiceError} `ResourceNotFoundException`, which names the table. */
export function describedTable(context: TablesContext, given: string, { caller, nowMs }: Call): Table {
  const name = tableNamed(given, caller);
  const table = knownTable(context, name, nowMs);
  if (table === undefined) {
    throw new ServiceError(
      "ResourceNotFoundException",
      `Requested resource not found: Table: ${name.name} not found`,
    );
  }
  return table;
}

/** For operations on items. @throws {ServiceError} `ResourceNotFoundException` unless items can be reached. */
export function tableInUse(context: TablesContext, given: string, { caller, nowMs }: Call): Table {
  const table = knownTable(context, tableNamed(given, caller), nowMs);
  if (table === undefined) throw noSuchTable();
  const status = statusOf(table.row, nowMs);
  if (status === "CREATING" || status === "DELETING") throw noSuchTable();
  return table;
}

/** @throws {ServiceError} `ResourceInUseException` unless the table is ACTIVE. */
export function refuseUnsettled({ row, name }: Table, nowMs: number): void {
  const status = statusOf(row, nowMs);
  if (status === "ACTIVE") return;
  const deed = { CREATING: "created", UPDATING: "updated", DELETING: "deleted" }[status];
  throw new ServiceError(
    "ResourceInUseException",
    `Attempt to change a resource which is still in use: Table is being ${deed}: ${name.name}`,
  );
}
