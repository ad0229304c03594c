/** One conditional write, planned from its request and decided on the item that is there. */
import { ServiceError } from "@millrace/api";
import { holds, valueAt } from "../expressions/evaluate.ts";
import type { Condition, UpdateAction } from "../expressions/syntax.ts";
import { updatedItem } from "../expressions/update-item.ts";
import { invalid, invalidValue } from "../refusals.ts";
import { keyTextOf } from "../tables/items.ts";
import type { StoredItem } from "../tables/items.ts";
import { keyAttributes, refuseUnfitForIndexes, refuseUnfitItem } from "../tables/item-key.ts";
import { indexesOf, tableKey } from "../tables/table-row.ts";
import type { TableRow } from "../tables/table-row.ts";
import { itemKey, STORED_BYTES_MAX } from "../tables/table-store.ts";
import type { Table, TableStore } from "../tables/table-store.ts";
import { checkedItem, ITEM_BYTES_MAX, itemBytes, storedItem } from "../values/attribute-value.ts";
import type { Item } from "../values/attribute-value.ts";

type Deed =
  | { readonly kind: "put"; readonly item: Item }
  | { readonly kind: "delete" | "check" }
  | { readonly kind: "update"; readonly actions: readonly UpdateAction[] };

export interface WritePlan {
  readonly key: Item;
  readonly deed: Deed;
  readonly condition: Condition | undefined;
  readonly returnOldOnFailure: boolean;
}

/** What a write makes of an item. */
export interface DecidedWrite {
  readonly table: Table;
  readonly before: StoredItem | undefined;
  /** Undefined when the item is gone then, or was only looked at. */
  readonly after: Item | undefined;
  readonly expect: readonly [key: string, revision: number];
  readonly put: readonly [key: string, value: string] | undefined;
  readonly delete: string | undefined;
  readonly sizeBytes: number;
}

/** The whole item of a put, checked. @throws {ServiceError} `ValidationException`. */
export function itemToPut({ row }: Table, given: Item, nowMs: number): Item {
  const item = checkedItem(given);
  refuseUnfitItem(row, item, indexesOf(row, nowMs));
  if (itemBytes(item) > ITEM_BYTES_MAX) throw invalid("Item size has exceeded the maximum allowed size");
  return item;
}

/** @throws {ServiceError} `ValidationException` when an action changes the key. */
export function refuseKeyChanges({ key }: TableRow, actions: readonly UpdateAction[]): void {
  for (const name of keyAttributes(key)) {
    if (actions.some(({ path }) => path[0] === name)) {
      throw invalidValue(`Cannot update attribute ${name}. This attribute is part of the key`);
    }
  }
}

/**
 * Decides a write on the item as it is now.
 *
 * @throws {ServiceError} `ConditionalCheckFailedException`, with the item where that was asked for;
 * `ValidationException` when an update does not fit the item; `LimitExceededException` when there is no room.
 */
export function decideWrite(store: TableStore, table: Table, plan: WritePlan, nowMs: number): DecidedWrite {
  const { condition, deed, key } = plan;
  const keyText = keyTextOf(table.row.key, key);
  const before = table.items.get(keyText);
  if (condition !== undefined && !holds(condition, before?.item ?? {})) {
    const shown = plan.returnOldOnFailure && before !== undefined ? { details: { Item: before.item } } : {};
    throw new ServiceError("ConditionalCheckFailedException", "The conditional request failed", shown);
  }
  const after = itemAfter(deed, key, before);
  const stateKey = itemKey(table, keyText);
  const isWritten = deed.kind === "put" || deed.kind === "update";
  const afterBytes = after === undefined ? 0 : itemBytes(after);
  if (isWritten && after !== undefined) {
    if (deed.kind === "update") {
      refuseUnfitForIndexes(table.row, after, indexesOf(table.row, nowMs));
      if (afterBytes > ITEM_BYTES_MAX) {
        throw invalid("Item size to update has exceeded the maximum allowed size");
      }
    }
    if (store.storedBytes() - (before?.sizeBytes ?? 0) + afterBytes > STORED_BYTES_MAX) {
      throw new ServiceError(
        "LimitExceededException",
        `All tables of this server together hold at most ${STORED_BYTES_MAX} bytes: they are for leases`,
      );
    }
  }
  return {
    table,
    before,
    after,
    expect: [stateKey, before?.revision ?? 0],
    put: isWritten && after !== undefined ? [stateKey, storedItem(after)] : undefined,
    delete: deed.kind === "delete" && before !== undefined ? stateKey : undefined,
    sizeBytes: Math.max(before?.sizeBytes ?? 0, afterBytes),
  };
}

function itemAfter(deed: Deed, key: Item, before: StoredItem | undefined): Item | undefined {
  switch (deed.kind) {
    case "put":
      return deed.item;
    case "update":
      return updatedItem(before?.item ?? key, deed.actions);
    case "check":
      return before?.item;
    case "delete":
      return undefined;
  }
}

/** One commit of several writes, which expects each item and each of their tables as they were. */
export function changeOf(writes: readonly DecidedWrite[]) {
  const tables = new Map(writes.map(({ table }) => [tableKey(table.name), table.revision]));
  return {
    expect: [...tables, ...writes.map(({ expect }) => expect)],
    puts: writes.flatMap(({ put }) => (put === undefined ? [] : [put])),
    deletes: writes.flatMap((write) => (write.delete === undefined ? [] : [write.delete])),
  };
}

/** The attributes that an update is about, as they are in one of its two items. */
export function touchedPaths(actions: readonly UpdateAction[], item: Item | undefined) {
  return actions
    .map(({ path }) => path)
    .filter((path) => item !== undefined && valueAt(item, path) !== undefined);
}
