/** Capacity units as the service counts them. They are told to whoever asks; nothing is held back for them. */
import type { dynamodb, OutputOf } from "@millrace/api";

type ConsumedCapacity = NonNullable<OutputOf<(typeof dynamodb)["operations"]["GetItem"]>["ConsumedCapacity"]>;

export type CapacityWanted = "INDEXES" | "TOTAL" | "NONE" | undefined;

/** Half a unit for each 4 KiB, or a whole one when the read is consistent. */
export function readUnits(sizeBytes: number, isConsistent: boolean): number {
  return Math.max(1, Math.ceil(sizeBytes / 4096)) * (isConsistent ? 1 : 0.5);
}

/** One unit for each KiB of the larger of what was and what is. */
export function writeUnits(sizeBytes: number): number {
  return Math.max(1, Math.ceil(sizeBytes / 1024));
}

/** The member `ConsumedCapacity`, for an answer. */
export function consumed(
  wanted: CapacityWanted,
  tableName: string,
  units: number,
  indexName?: string,
): { readonly ConsumedCapacity?: ConsumedCapacity } {
  const told = capacityOf(wanted, tableName, units, indexName);
  return told === undefined ? {} : { ConsumedCapacity: told };
}

export function capacityOf(
  wanted: CapacityWanted,
  tableName: string,
  units: number,
  indexName?: string,
): ConsumedCapacity | undefined {
  if (wanted === undefined || wanted === "NONE") return undefined;
  const total = { TableName: tableName, CapacityUnits: units };
  if (wanted === "TOTAL") return total;
  return indexName === undefined
    ? { ...total, Table: { CapacityUnits: units } }
    : {
        ...total,
        Table: { CapacityUnits: 0 },
        GlobalSecondaryIndexes: { [indexName]: { CapacityUnits: units } },
      };
}
