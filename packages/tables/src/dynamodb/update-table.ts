import { dynamodb, ServiceError } from "@millrace/api";
import type { InputOf } from "@millrace/api";
import { handle } from "../handler.ts";
import { invalid, invalidValue, notServed } from "../refusals.ts";
import { changeTable } from "../tables/change-table.ts";
import { description, NO_THROUGHPUT } from "../tables/describe.ts";
import { refuseUnsettled } from "../tables/find-table.ts";
import {
  readIndex,
  readThroughput,
  readTypes,
  refuseUnfitIndexes,
  refuseUnserved,
} from "../tables/read-definition.ts";
import { indexesOf } from "../tables/table-row.ts";
import type { IndexRow, TableRow } from "../tables/table-row.ts";

type Input = InputOf<(typeof dynamodb)["operations"]["UpdateTable"]>;

/** Changes settings of a table, or its indexes: one index comes or goes in a call. */
export const updateTable = handle(dynamodb.operations.UpdateTable, async (context, input, call) => {
  refuseUnserved(input);
  const {
    BillingMode,
    DeletionProtectionEnabled,
    GlobalSecondaryIndexUpdates,
    ProvisionedThroughput,
    TableClass,
  } = input;
  const asked = [BillingMode, DeletionProtectionEnabled, ProvisionedThroughput, TableClass].some(
    (member) => member !== undefined,
  );
  if (!asked && (GlobalSecondaryIndexUpdates ?? []).length === 0) {
    throw invalid(
      "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required",
    );
  }
  const settledMs = call.nowMs + context.transitionDelayMs;
  const table = await changeTable(context, input.TableName, call, (found) => {
    refuseUnsettled(found, call.nowMs);
    return updatedRow(found.row, input, call.nowMs, settledMs);
  });
  return { TableDescription: description(table, call.nowMs) };
});

function updatedRow(row: TableRow, input: Input, nowMs: number, settledMs: number): TableRow {
  const billingMode = input.BillingMode ?? row.billingMode;
  const given = input.ProvisionedThroughput;
  const throughput =
    given !== undefined || billingMode !== row.billingMode
      ? (readThroughput(billingMode, given, "table") ?? NO_THROUGHPUT)
      : row.throughput;
  const types = { ...row.types, ...readTypes(input.AttributeDefinitions ?? []) };
  let indexes = indexesOf(row, nowMs);
  for (const update of input.GlobalSecondaryIndexUpdates ?? []) {
    indexes = withUpdate(indexes, update, types, billingMode, nowMs, settledMs);
  }
  const used = usedTypes(row, indexes, types);
  refuseUnfitIndexes(row.key, indexes, input.AttributeDefinitions === undefined ? used : types);
  return {
    ...row,
    settledMs,
    isNew: false,
    types: used,
    indexes,
    billingMode,
    throughput,
    ...(billingMode === "PAY_PER_REQUEST" && row.billingMode !== billingMode
      ? { payPerRequestMs: nowMs }
      : {}),
    ...(input.TableClass === undefined ? {} : { tableClass: input.TableClass }),
    isProtected: input.DeletionProtectionEnabled ?? row.isProtected,
  };
}

function withUpdate(
  indexes: IndexRow[],
  { Create, Delete, Update }: NonNullable<Input["GlobalSecondaryIndexUpdates"]>[number],
  types: TableRow["types"],
  billingMode: TableRow["billingMode"],
  nowMs: number,
  settledMs: number,
): IndexRow[] {
  if ([Create, Delete, Update].filter((one) => one !== undefined).length !== 1) {
    throw invalidValue(
      "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete must be specified",
    );
  }
  if (Create !== undefined) {
    if (indexes.some(({ name }) => name === Create.IndexName)) {
      throw invalid("Attempting to create an index which already exists");
    }
    return [...indexes, readIndex(Create, types, billingMode, settledMs)];
  }
  const wanted = (Delete ?? Update)!.IndexName;
  const index = indexes.find(({ name }) => name === wanted);
  if (index === undefined) {
    throw new ServiceError("ResourceNotFoundException", "Requested resource not found");
  }
  if (index.goneMs !== undefined || nowMs < index.activeMs) {
    throw new ServiceError(
      "ResourceInUseException",
      `Attempt to change a resource which is still in use: Index is being changed: ${wanted}`,
    );
  }
  if (Update?.OnDemandThroughput !== undefined) throw notServed("OnDemandThroughput");
  if (Update?.WarmThroughput !== undefined) throw notServed("WarmThroughput");
  const throughput =
    Update === undefined
      ? undefined
      : readThroughput(billingMode, Update.ProvisionedThroughput, `index: ${wanted}`);
  const changed: IndexRow =
    Delete === undefined
      ? { ...index, ...(throughput === undefined ? {} : { throughput }) }
      : { ...index, goneMs: settledMs };
  return indexes.map((other) => (other === index ? changed : other));
}

/** Only attributes of keys have types. Those of an index that is going stay until it is gone. */
function usedTypes(row: TableRow, indexes: readonly IndexRow[], types: TableRow["types"]): TableRow["types"] {
  const used = [row.key, ...indexes.map(({ key }) => key)].flatMap(({ partition, sort }) => [
    partition,
    sort,
  ]);
  return Object.fromEntries(Object.entries(types).filter(([name]) => used.includes(name)));
}
