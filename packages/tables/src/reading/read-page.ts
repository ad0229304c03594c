/** A page of a scan or a query. */
import type { AttributeValue } from "@millrace/api";
import { consumed, readUnits } from "../capacity.ts";
import type { CapacityWanted } from "../capacity.ts";
import { holds } from "../expressions/evaluate.ts";
import { filterCondition } from "../expressions/legacy.ts";
import type { Placeholders } from "../expressions/placeholders.ts";
import { project } from "../expressions/projection.ts";
import { readCondition } from "../expressions/read-condition.ts";
import type { Condition, Path } from "../expressions/syntax.ts";
import { invalid, invalidValue } from "../refusals.ts";
import { keyAttributes } from "../tables/item-key.ts";
import type { StoredItem } from "../tables/items.ts";
import type { Item } from "../values/attribute-value.ts";
import { refuseLoneOperator } from "../writing/conditions.ts";
import { startKeyOf } from "./source.ts";
import type { Source } from "./source.ts";

/** A page ends with the item that makes it this large, before the filter. */
const PAGE_BYTES_MAX = 1024 * 1024;

interface Given {
  readonly Select?: "ALL_ATTRIBUTES" | "ALL_PROJECTED_ATTRIBUTES" | "SPECIFIC_ATTRIBUTES" | "COUNT";
  readonly Limit?: number;
  readonly ConsistentRead?: boolean;
  readonly ReturnConsumedCapacity?: CapacityWanted;
}

interface GivenFilter {
  readonly FilterExpression?: string;
  readonly ConditionalOperator?: "AND" | "OR";
}

type LegacyFilter = Readonly<
  Record<
    string,
    { readonly ComparisonOperator: string; readonly AttributeValueList?: readonly AttributeValue[] }
  >
>;

/** @throws {ServiceError} `ValidationException`. */
export function filterOf(
  { FilterExpression, ConditionalOperator }: GivenFilter,
  [member, legacy]: readonly [member: string, legacy: LegacyFilter | undefined],
  placeholders: Placeholders,
): Condition | undefined {
  if (FilterExpression !== undefined)
    return readCondition("FilterExpression", FilterExpression, placeholders);
  refuseLoneOperator(ConditionalOperator, legacy, member);
  return legacy === undefined ? undefined : filterCondition(legacy, ConditionalOperator);
}

/** What of an item is answered; undefined for all of it. @throws {ServiceError} `ValidationException`. */
export function shownPaths(
  { table, index }: Source,
  select: Given["Select"],
  paths: readonly Path[] | undefined,
): readonly Path[] | undefined {
  if (paths !== undefined) {
    if (select !== undefined && select !== "SPECIFIC_ATTRIBUTES") {
      throw invalid(`Cannot specify the ProjectionExpression when choosing to get ${select}`);
    }
    return paths;
  }
  if (select === "SPECIFIC_ATTRIBUTES") {
    throw invalid(
      "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES",
    );
  }
  if (select === "ALL_PROJECTED_ATTRIBUTES" && index === undefined) {
    throw invalidValue("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName");
  }
  if (index === undefined || index.projection === "ALL") return undefined;
  if (select === "ALL_ATTRIBUTES") {
    throw invalidValue(
      `Select type ALL_ATTRIBUTES is not supported for global secondary index ${index.name} ` +
        "because its projection type is not ALL",
    );
  }
  const names = new Set([
    ...keyAttributes(table.row.key),
    ...keyAttributes(index.key),
    ...(index.included ?? []),
  ]);
  return [...names].map((name) => [name]);
}

/** Goes through `candidates` up to the page's end and answers those that pass the filter. */
export function readPage(
  source: Source,
  candidates: Iterable<StoredItem>,
  input: Given,
  filter: Condition | undefined,
  shown: readonly Path[] | undefined,
) {
  const found: Item[] = [];
  let scannedCount = 0;
  let scannedBytes = 0;
  let last: StoredItem | undefined;
  for (const candidate of candidates) {
    scannedCount += 1;
    scannedBytes += candidate.sizeBytes;
    if (filter === undefined || holds(filter, candidate.item)) found.push(candidate.item);
    if (scannedCount === input.Limit || scannedBytes >= PAGE_BYTES_MAX) {
      last = candidate;
      break;
    }
  }
  const units = readUnits(scannedBytes, input.ConsistentRead === true);
  return {
    ...(input.Select === "COUNT"
      ? {}
      : { Items: shown === undefined ? found : found.map((item) => project(item, shown)) }),
    Count: found.length,
    ScannedCount: scannedCount,
    ...(last === undefined ? {} : { LastEvaluatedKey: startKeyOf(source, last) }),
    ...consumed(input.ReturnConsumedCapacity, source.table.name.name, units, source.index?.name),
  };
}
