/** A single conditional write: PutItem, UpdateItem, DeleteItem. */
import type { Call, TablesContext } from "../handler.ts";
import { consumed, writeUnits } from "../capacity.ts";
import type { CapacityWanted } from "../capacity.ts";
import { project } from "../expressions/projection.ts";
import { tableInUse } from "../tables/find-table.ts";
import type { Table } from "../tables/table-store.ts";
import type { Item } from "../values/attribute-value.ts";
import { changeOf, decideWrite, touchedPaths } from "./write-plan.ts";
import type { DecidedWrite, WritePlan } from "./write-plan.ts";

interface Given {
  readonly TableName: string;
  readonly ReturnValues?: "NONE" | "ALL_OLD" | "UPDATED_OLD" | "ALL_NEW" | "UPDATED_NEW";
  readonly ReturnConsumedCapacity?: CapacityWanted;
}

/** Carries out what `plan` makes of the request for the table as it is, and answers what was asked to be returned. */
export async function writeItem(
  context: TablesContext,
  input: Given,
  call: Call,
  plan: (table: Table) => WritePlan,
) {
  const { store } = context;
  const { write, planned } = await store.commit(() => {
    const table = tableInUse(context, input.TableName, call);
    const planned = plan(table);
    const write = decideWrite(store, table, planned, call.nowMs);
    const isNothing = write.put === undefined && write.delete === undefined;
    return { change: isNothing ? {} : changeOf([write]), result: { write, planned } };
  });
  const attributes = returned(input.ReturnValues, planned, write);
  return {
    ...(attributes === undefined ? {} : { Attributes: attributes }),
    ...consumed(input.ReturnConsumedCapacity, write.table.name.name, writeUnits(write.sizeBytes)),
  };
}

function returned(wanted: Given["ReturnValues"], { deed }: WritePlan, write: DecidedWrite): Item | undefined {
  const old = write.before?.item;
  const actions = deed.kind === "update" ? deed.actions : [];
  const part = (item: Item | undefined): Item | undefined => {
    const found = item === undefined ? {} : project(item, touchedPaths(actions, item));
    return Object.keys(found).length === 0 ? undefined : found;
  };
  switch (wanted) {
    case "ALL_OLD":
      return old;
    case "ALL_NEW":
      return write.after;
    case "UPDATED_OLD":
      return part(old);
    case "UPDATED_NEW":
      return part(write.after);
    case "NONE":
    case undefined:
      return undefined;
  }
}
