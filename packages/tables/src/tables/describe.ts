/** Tables as answers show them. */
import type { dynamodb, OutputOf } from "@millrace/api";
import { hasIndexKey } from "./item-key.ts";
import { arnOf, indexesOf, statusOf } from "./table-row.ts";
import type { IndexRow, KeySchemaRow, TableRow, ThroughputRow } from "./table-row.ts";
import type { Table } from "./table-store.ts";

type Description = NonNullable<OutputOf<(typeof dynamodb)["operations"]["DescribeTable"]>["Table"]>;

export function description(table: Table, nowMs: number): Description {
  const { name, row, items } = table;
  const indexes = indexesOf(row, nowMs);
  return {
    AttributeDefinitions: Object.entries(row.types).map(([AttributeName, AttributeType]) => ({
      AttributeName,
      AttributeType,
    })),
    TableName: name.name,
    KeySchema: keySchema(row.key),
    TableStatus: statusOf(row, nowMs),
    CreationDateTime: row.createdMs,
    ProvisionedThroughput: throughput(row.throughput),
    TableSizeBytes: items.sizeBytes,
    ItemCount: items.count,
    TableArn: arnOf(name),
    TableId: row.id,
    ...(row.billingMode === "PAY_PER_REQUEST"
      ? {
          BillingModeSummary: {
            BillingMode: row.billingMode,
            LastUpdateToPayPerRequestDateTime: row.payPerRequestMs ?? row.createdMs,
          },
        }
      : {}),
    ...(indexes.length === 0
      ? {}
      : { GlobalSecondaryIndexes: indexes.map((index) => indexDescription(table, index, nowMs)) }),
    ...(row.tableClass === undefined ? {} : { TableClassSummary: { TableClass: row.tableClass } }),
    DeletionProtectionEnabled: row.isProtected,
  };
}

function indexDescription({ name, row, items }: Table, index: IndexRow, nowMs: number) {
  const isBuilding = nowMs < index.activeMs;
  const held = [...items.all()].filter(({ item }) => hasIndexKey(row, index, item));
  return {
    IndexName: index.name,
    KeySchema: keySchema(index.key),
    Projection: {
      ProjectionType: index.projection,
      ...(index.included === undefined ? {} : { NonKeyAttributes: [...index.included] }),
    },
    IndexStatus: index.goneMs !== undefined ? "DELETING" : isBuilding ? "CREATING" : "ACTIVE",
    ...(isBuilding && statusOf(row, nowMs) !== "CREATING" ? { Backfilling: false } : {}),
    ProvisionedThroughput: throughput(index.throughput ?? NO_THROUGHPUT),
    IndexSizeBytes: held.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    ItemCount: held.length,
    IndexArn: `${arnOf(name)}/index/${index.name}`,
  } as const;
}

export const NO_THROUGHPUT: ThroughputRow = { read: 0, write: 0 };

function throughput({ read, write }: ThroughputRow) {
  return { NumberOfDecreasesToday: 0, ReadCapacityUnits: read, WriteCapacityUnits: write };
}

function keySchema({ partition, sort }: KeySchemaRow) {
  return [
    { AttributeName: partition, KeyType: "HASH" as const },
    ...(sort === undefined ? [] : [{ AttributeName: sort, KeyType: "RANGE" as const }]),
  ];
}

export function tagList(tags: TableRow["tags"]) {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}
