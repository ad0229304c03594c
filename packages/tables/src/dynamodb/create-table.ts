import { dynamodb, ServiceError } from "@millrace/api";
import type { Random } from "@millrace/runtime";
import { handle } from "../handler.ts";
import { invalid } from "../refusals.ts";
import { description, NO_THROUGHPUT } from "../tables/describe.ts";
import { knownTable, tableNamed } from "../tables/find-table.ts";
import {
  readIndex,
  readKey,
  readTags,
  readThroughput,
  readTypes,
  refuseUnfitIndexes,
  refuseUnserved,
} from "../tables/read-definition.ts";
import { tableKey } from "../tables/table-row.ts";
import type { TableRow } from "../tables/table-row.ts";

const TABLE_COUNT_MAX = 2_500;

/** Makes a table, which is ACTIVE after the delay of transitions. */
export const createTable = handle(dynamodb.operations.CreateTable, async (context, input, call) => {
  const { store, transitionDelayMs, upkeep } = context;
  const { nowMs, caller } = call;
  refuseUnserved(input);
  const name = tableNamed(input.TableName, caller);
  const types = readTypes(input.AttributeDefinitions ?? []);
  const billingMode = input.BillingMode ?? "PROVISIONED";
  const throughput =
    billingMode === "PROVISIONED" && input.ProvisionedThroughput === undefined
      ? undefined
      : (readThroughput(billingMode, input.ProvisionedThroughput, "table") ?? NO_THROUGHPUT);
  if (throughput === undefined) {
    throw invalid(
      "One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
    );
  }
  const key = readKey(input.KeySchema, types);
  const settledMs = nowMs + transitionDelayMs;
  const indexes = (input.GlobalSecondaryIndexes ?? []).map((index) =>
    readIndex(index, types, billingMode, settledMs),
  );
  refuseUnfitIndexes(key, indexes, types);
  const row: TableRow = {
    id: uuidFrom(context.random),
    createdMs: nowMs,
    settledMs,
    isNew: true,
    key,
    types,
    indexes,
    billingMode,
    throughput,
    ...(input.TableClass === undefined ? {} : { tableClass: input.TableClass }),
    isProtected: input.DeletionProtectionEnabled ?? false,
    tags: readTags(input.Tags ?? []),
  };
  const leftover = store.find(name);
  if (leftover !== undefined && knownTable(context, name, nowMs) === undefined) await upkeep.remove(leftover);
  await store.commit(() => {
    if (store.find(name) !== undefined) {
      throw new ServiceError("ResourceInUseException", `Table already exists: ${name.name}`);
    }
    if (store.tablesOf(name.accountId, name.region).length >= TABLE_COUNT_MAX) {
      throw new ServiceError(
        "LimitExceededException",
        `Subscriber limit exceeded: There is a limit of ${TABLE_COUNT_MAX} tables per subscriber`,
      );
    }
    const stateKey = tableKey(name);
    return {
      change: { expect: [[stateKey, 0]], puts: [[stateKey, JSON.stringify(row)]] },
      result: undefined,
    };
  });
  return { TableDescription: description(store.find(name)!, nowMs) };
});

function uuidFrom(random: Random): string {
  const bytes = Buffer.from(random.bytes(16));
  // Version 4, variant 1 (RFC 9562 §5.4).
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
