/** The items of one table, by key and in the order in which they are scanned. */
import { hashKeyHexOf } from "@millrace/model";
import type { AttributeValue } from "@millrace/api";
import { compareValues, itemBytes } from "../values/attribute-value.ts";
import type { Item } from "../values/attribute-value.ts";
import type { KeySchemaRow } from "./table-row.ts";

export interface StoredItem {
  readonly keyText: string;
  readonly item: Item;
  readonly revision: number;
  readonly sizeBytes: number;
  readonly place: Place;
}

/** Where an item stands in a scan: by the hash of its partition key, then by the keys themselves. */
export interface Place {
  /** 32 hexadecimal digits. */
  readonly hash: string;
  readonly partition: AttributeValue;
  readonly sort: AttributeValue | undefined;
}

/** The text under which the item with this key is stored, and by which it is found. */
export function keyTextOf(schema: KeySchemaRow, key: Item): string {
  const partition = base64url(key[schema.partition]!);
  return schema.sort === undefined ? partition : `${partition}.${base64url(key[schema.sort]!)}`;
}

export function placeOf(schema: KeySchemaRow, key: Item): Place {
  const partition = key[schema.partition]!;
  return {
    hash: hashKeyHexOf(partition.S ?? partition.N ?? Buffer.from(partition.B!).toString("base64")),
    partition,
    sort: schema.sort === undefined ? undefined : key[schema.sort],
  };
}

export function comparePlaces(left: Place, right: Place): number {
  if (left.hash !== right.hash) return left.hash < right.hash ? -1 : 1;
  const byPartition = compareValues(left.partition, right.partition) ?? 0;
  if (byPartition !== 0 || left.sort === undefined || right.sort === undefined) return byPartition;
  return compareValues(left.sort, right.sort) ?? 0;
}

function base64url({ S, N, B }: AttributeValue): string {
  return (B === undefined ? Buffer.from(S ?? N ?? "", "utf8") : Buffer.from(B)).toString("base64url");
}

/** The index of the first item behind a place, or with `orAt` at it. */
export function firstAfter(inOrder: readonly StoredItem[], place: Place, orAt = false): number {
  let low = 0;
  let high = inOrder.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const order = comparePlaces(inOrder[middle]!.place, place);
    if (order < 0 || (order === 0 && !orAt)) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class Items {
  readonly #byKey = new Map<string, StoredItem>();
  /** Sorted again when it is next asked for. */
  #inOrder: StoredItem[] | undefined = [];
  #sizeBytes = 0;

  get count(): number {
    return this.#byKey.size;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get(keyText: string): StoredItem | undefined {
    return this.#byKey.get(keyText);
  }

  all(): IterableIterator<StoredItem> {
    return this.#byKey.values();
  }

  /** In the order of a scan. The list is not to be kept: it changes with the table. */
  inOrder(): readonly StoredItem[] {
    this.#inOrder ??= [...this.#byKey.values()].sort((left, right) => comparePlaces(left.place, right.place));
    return this.#inOrder;
  }

  put(schema: KeySchemaRow, keyText: string, item: Item, revision: number): StoredItem {
    const known = this.#byKey.get(keyText);
    const place = known?.place ?? placeOf(schema, item);
    const stored: StoredItem = { keyText, item, revision, sizeBytes: itemBytes(item), place };
    this.#byKey.set(keyText, stored);
    this.#sizeBytes += stored.sizeBytes - (known?.sizeBytes ?? 0);
    // Leases are renewed far more often than they come and go: what is written again keeps its place.
    if (known === undefined) this.#inOrder = undefined;
    else if (this.#inOrder !== undefined) this.#inOrder[firstAfter(this.#inOrder, place, true)] = stored;
    return stored;
  }

  delete(keyText: string): void {
    const known = this.#byKey.get(keyText);
    if (known === undefined) return;
    this.#byKey.delete(keyText);
    this.#sizeBytes -= known.sizeBytes;
    this.#inOrder = undefined;
  }
}
