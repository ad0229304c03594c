/** Keys of items: whether they fit their table, and what of an item is its key. */
import type { AttributeValue } from "@millrace/api";
import { invalid, invalidValue } from "../refusals.ts";
import { checkedItem, typeOf } from "../values/attribute-value.ts";
import type { Item } from "../values/attribute-value.ts";
import type { IndexRow, KeySchemaRow, TableRow } from "./table-row.ts";

const PARTITION_KEY_BYTES_MAX = 2048;
const SORT_KEY_BYTES_MAX = 1024;

export function keyAttributes({ partition, sort }: KeySchemaRow): string[] {
  return sort === undefined ? [partition] : [partition, sort];
}

/** The key that a request gives, of exactly the attributes of the table's key. @throws {ServiceError} `ValidationException`. */
export function givenKey(row: TableRow, given: Item): Item {
  const key = checkedItem(given);
  const wanted = keyAttributes(row.key);
  const fits =
    Object.keys(key).length === wanted.length &&
    wanted.every((name) => key[name] !== undefined && typeOf(key[name]) === row.types[name]);
  if (!fits) throw invalid("The provided key element does not match the schema");
  refuseKeySizes(row, key);
  return key;
}

/** Checks what of a whole item is in keys, those of indexes included. @throws {ServiceError} `ValidationException`. */
export function refuseUnfitItem(row: TableRow, item: Item, indexes: readonly IndexRow[]): void {
  for (const name of keyAttributes(row.key)) {
    const value = item[name];
    if (value === undefined) throw invalidValue(`Missing the key ${name} in the item`);
    if (typeOf(value) !== row.types[name]) {
      throw invalidValue(
        `Type mismatch for key ${name} expected: ${row.types[name]} actual: ${typeOf(value)}`,
      );
    }
  }
  refuseKeySizes(row, item);
  refuseUnfitForIndexes(row, item, indexes);
}

/** @throws {ServiceError} `ValidationException` when an attribute is no key of an index that it is the key of. */
export function refuseUnfitForIndexes(row: TableRow, item: Item, indexes: readonly IndexRow[]): void {
  for (const index of indexes) {
    for (const name of keyAttributes(index.key)) {
      const value = item[name];
      if (value === undefined) continue;
      if (typeOf(value) !== row.types[name]) {
        throw invalidValue(
          `Type mismatch for Index Key ${name} Expected: ${row.types[name]} Actual: ${typeOf(value)} IndexName: ${index.name}`,
        );
      }
      if (keyBytes(value) === 0) {
        throw invalid(
          "One or more parameter values are not valid. A value specified for a secondary index key is not supported. " +
            `The AttributeValue for a key attribute cannot contain an empty ${value.S === undefined ? "binary" : "string"} value. ` +
            `IndexName: ${index.name}, IndexKey: ${name}`,
        );
      }
    }
  }
}

/** Whether an item is in an index: it has the attributes of its key. */
export function hasIndexKey({ types }: TableRow, { key }: IndexRow, item: Item): boolean {
  return keyAttributes(key).every((name) => item[name] !== undefined && typeOf(item[name]) === types[name]);
}

export function keyOf(schema: KeySchemaRow, item: Item): Item {
  return Object.fromEntries(keyAttributes(schema).map((name) => [name, item[name]!]));
}

function refuseKeySizes({ key: { partition, sort } }: TableRow, key: Item): void {
  for (const name of sort === undefined ? [partition] : [partition, sort]) {
    const value = key[name]!;
    const sizeBytes = keyBytes(value);
    if (sizeBytes === 0) {
      throw invalid(
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty " +
          `${value.S === undefined ? "binary" : "string"} value. Key: ${name}`,
      );
    }
    if (name === partition && sizeBytes > PARTITION_KEY_BYTES_MAX) {
      throw invalidValue(
        `Size of hashkey has exceeded the maximum size limit of${PARTITION_KEY_BYTES_MAX} bytes`,
      );
    }
    if (name === sort && sizeBytes > SORT_KEY_BYTES_MAX) {
      throw invalidValue(
        `Aggregated size of all range keys has exceeded the size limit of ${SORT_KEY_BYTES_MAX} bytes`,
      );
    }
  }
}

function keyBytes({ S, N, B }: AttributeValue): number {
  if (S !== undefined) return Buffer.byteLength(S, "utf8");
  return B?.length ?? N?.length ?? 0;
}
