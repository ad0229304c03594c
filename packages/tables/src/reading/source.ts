/** What a read goes through: a table, or one of its indexes, in its order. */
import type { Item } from "../values/attribute-value.ts";
import { checkedItem, equalValues, typeOf } from "../values/attribute-value.ts";
import { invalid } from "../refusals.ts";
import { comparePlaces, firstAfter, placeOf } from "../tables/items.ts";
import type { StoredItem } from "../tables/items.ts";
import { hasIndexKey, keyAttributes, keyOf } from "../tables/item-key.ts";
import { indexesOf } from "../tables/table-row.ts";
import type { IndexRow, KeySchemaRow } from "../tables/table-row.ts";
import type { Table } from "../tables/table-store.ts";
import type { KeyCondition } from "./key-condition.ts";

export interface Source {
  readonly table: Table;
  readonly index: IndexRow | undefined;
  /** The key by which it is ordered and queried. */
  readonly key: KeySchemaRow;
}

/** @throws {ServiceError} `ValidationException` when there is no such index, or it cannot be read. */
export function sourceOf(
  table: Table,
  indexName: string | undefined,
  isConsistent: boolean,
  nowMs: number,
): Source {
  if (indexName === undefined) return { table, index: undefined, key: table.row.key };
  const index = indexesOf(table.row, nowMs).find(({ name }) => name === indexName);
  if (index === undefined) throw invalid(`The table does not have the specified index: ${indexName}`);
  if (isConsistent) throw invalid("Consistent reads are not supported on global secondary indexes");
  if (nowMs < index.activeMs) {
    throw invalid(`Cannot read from backfilling global secondary index: ${indexName}`);
  }
  return { table, index, key: index.key };
}

/** All items of a source in the order of a scan. */
export function inScanOrder(source: Source): readonly StoredItem[] {
  const { table, index } = source;
  if (index === undefined) return table.items.inOrder();
  return [...table.items.all()]
    .filter(({ item }) => hasIndexKey(table.row, index, item))
    .sort(orderOf(source));
}

/** The items of one partition key in the order of their sort keys. */
export function inQueryOrder(source: Source, { partition }: KeyCondition): readonly StoredItem[] {
  const { table, index, key } = source;
  if (index === undefined) {
    const inOrder = table.items.inOrder();
    const { hash } = placeOf({ partition: key.partition }, { [key.partition]: partition });
    const found: StoredItem[] = [];
    const start = { hash, partition, sort: undefined };
    for (let at = firstAfter(inOrder, start, true); at < inOrder.length; at += 1) {
      if (inOrder[at]!.place.hash !== hash) break;
      if (equalValues(inOrder[at]!.place.partition, partition)) found.push(inOrder[at]!);
    }
    return found;
  }
  return [...table.items.all()]
    .filter(({ item }) => hasIndexKey(table.row, index, item) && equalValues(item[key.partition]!, partition))
    .sort(orderOf(source));
}

/** Items behind the one with a key, which need not be there any more. @throws {ServiceError} `ValidationException`. */
export function behind(
  source: Source,
  items: readonly StoredItem[],
  startKey: Item | undefined,
  isForward: boolean,
): readonly StoredItem[] {
  const ordered = isForward ? items : items.toReversed();
  if (startKey === undefined) return ordered;
  const start = checkedStart(source, startKey);
  const compare = orderOf(source);
  const sign = isForward ? 1 : -1;
  const first = ordered.findIndex((item) => sign * compare(item, start) > 0);
  return first < 0 ? [] : ordered.slice(first);
}

/** The key that names an item in this source, to go on behind it. */
export function startKeyOf({ table, index }: Source, { item }: StoredItem): Item {
  return { ...keyOf(table.row.key, item), ...(index === undefined ? {} : keyOf(index.key, item)) };
}

type Ordered = Pick<StoredItem, "item" | "place">;

function orderOf({ index }: Source): (left: Ordered, right: Ordered) => number {
  if (index === undefined) return (left, right) => comparePlaces(left.place, right.place);
  return (left, right) =>
    comparePlaces(placeOf(index.key, left.item), placeOf(index.key, right.item)) ||
    comparePlaces(left.place, right.place);
}

function checkedStart({ table, index }: Source, given: Item): Ordered {
  const item = checkedItem(given);
  const wanted = new Set([
    ...keyAttributes(table.row.key),
    ...(index === undefined ? [] : keyAttributes(index.key)),
  ]);
  const fits =
    Object.keys(item).length === wanted.size &&
    [...wanted].every((name) => item[name] !== undefined && typeOf(item[name]) === table.row.types[name]);
  if (!fits) throw invalid("The provided starting key is invalid");
  return { item, place: placeOf(table.row.key, item) };
}
