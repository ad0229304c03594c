/** Copies tables of leases: what the KCL, and our consumers, know of how far an application is. */
import { ServiceError } from "@millrace/api";
import type { DynamoClient } from "@millrace/client";
import { type LeaseItem, openDynamoLeaseStore } from "@millrace/consumer";
import { CommandFailure } from "../command.ts";
import { progressOn } from "../output/progress.ts";
import { formatCount } from "../output/units.ts";
import type { World } from "../world.ts";
import {
  type CopiedStream,
  placeOf,
  type PlacedLease,
  translatedLease,
  type TranslatedLease,
} from "./lease-items.ts";

export interface LeaseTables {
  readonly tableName: string;
  /** Is only read. */
  readonly source: DynamoClient;
  /** Where the source's table is, for messages. */
  readonly sourceName: string;
  readonly target: DynamoClient;
}

export interface LeaseTableOutcome {
  readonly leaseCount: number;
  /** Leases with a number that is another now. */
  readonly translatedCount: number;
  /** Leases that the target had already, the same. */
  readonly foundCount: number;
  /** What else was in the table, by kind. */
  readonly others: ReadonlyMap<string, number>;
}

/** So many are named in a message. */
const NAMED_MAX = 10;

/**
 * Writes the leases of the source's table into one of the same name at the target. What is there already is not written again, so it can
 * be repeated.
 *
 * @throws {CommandFailure} before anything is written: when a lease is of a shard that the streams do not have, and when the target's table
 *   has others.
 */
export async function copyLeaseTable(
  world: World,
  { tableName, source, sourceName, target }: LeaseTables,
  streams: readonly CopiedStream[],
): Promise<LeaseTableOutcome> {
  const items = await itemsOf(source, tableName);
  if (items === undefined) throw new CommandFailure(`there is no table ${tableName} at ${sourceName}`);
  const others = new Map<string, number>();
  const placed: PlacedLease[] = [];
  const unknown: string[] = [];
  for (const item of items) {
    const kind = textIn(item, "entityType") ?? "LEASE";
    if (kind !== "LEASE") {
      others.set(kind, (others.get(kind) ?? 0) + 1);
      continue;
    }
    const place = textIn(item, "checkpoint") === undefined ? undefined : placeOf(item, streams);
    if (place === undefined) unknown.push(textIn(item, "leaseKey") ?? "one without a key");
    else placed.push(place);
  }
  if (unknown.length > 0) throw unknownLeases(tableName, unknown, streams);

  const leases = await translated(world, tableName, placed);
  const wanted = new Map(leases.map(({ item }) => [textIn(item, "leaseKey") ?? "", item]));
  const found = leasesOf((await itemsOf(target, tableName)) ?? []);
  const different = [...found].filter(([key, item]) => {
    const lease = wanted.get(key);
    return lease === undefined || canonical(lease) !== canonical(item);
  });
  if (different.length > 0) {
    throw new CommandFailure(
      `the table ${tableName} at the target has other leases already: ${named(different.map(([key]) => key))}. ` +
        "Workers have gone on from it, or the source's table has changed since it was copied. " +
        "To copy it anew, stop the workers of both and delete the table at the target",
    );
  }
  await openTable(world, target, tableName);
  for (const [key, Item] of wanted) {
    if (found.has(key)) continue;
    await target
      .putItem({ TableName: tableName, Item, Expected: { leaseKey: { Exists: false } } })
      .catch((failure: unknown) => {
        if (!(failure instanceof ServiceError) || failure.code !== "ConditionalCheckFailedException")
          throw failure;
        throw new CommandFailure(
          `somebody else made the lease ${key} in ${tableName} at the target meanwhile`,
        );
      });
  }
  return {
    leaseCount: leases.length,
    translatedCount: leases.filter(({ isTranslated }) => isTranslated).length,
    foundCount: found.size,
    others,
  };
}

/** One after the other: each asks the target for a record, which looks for it in what it has on its disk. */
async function translated(
  world: World,
  tableName: string,
  placed: readonly PlacedLease[],
): Promise<TranslatedLease[]> {
  const progress = progressOn(world.errors);
  const leases: TranslatedLease[] = [];
  try {
    for (const place of placed) {
      leases.push(await translatedLease(place));
      progress.show(`${tableName}: ${formatCount(leases.length)} of ${formatCount(placed.length)} leases`);
    }
  } finally {
    progress.clear();
  }
  return leases;
}

function unknownLeases(
  tableName: string,
  keys: readonly string[],
  streams: readonly CopiedStream[],
): CommandFailure {
  const isOfOne = streams.length > 1 && keys.every((key) => !key.includes(":"));
  return new CommandFailure(
    `${tableName} has leases of shards that are not in the copy of ${streams.map(({ streamName }) => streamName).join(", ")}: ${named(keys)}. ` +
      (isOfOne
        ? "They do not name their stream: copy the table with --stream of that one alone"
        : "Copy the streams that they are of in the same run, or let the workers end leases of shards that are past retention"),
  );
}

function named(keys: readonly string[]): string {
  const more = keys.length - NAMED_MAX;
  return `${keys.slice(0, NAMED_MAX).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

async function openTable(world: World, client: DynamoClient, tableName: string): Promise<void> {
  try {
    await openDynamoLeaseStore({ client, tableName, clock: world.clock });
  } catch (failure) {
    throw failure instanceof TypeError ? new CommandFailure(failure.message) : failure;
  }
}

/** Everything in a table; undefined when there is none. */
async function itemsOf(client: DynamoClient, tableName: string): Promise<LeaseItem[] | undefined> {
  const items: LeaseItem[] = [];
  let from: LeaseItem | undefined;
  do {
    const page = await client
      .scan({
        TableName: tableName,
        ConsistentRead: true,
        ...(from === undefined ? {} : { ExclusiveStartKey: from }),
      })
      .catch((failure: unknown) => {
        if (failure instanceof ServiceError && failure.code === "ResourceNotFoundException") return undefined;
        throw failure;
      });
    if (page === undefined) return undefined;
    items.push(...((page.Items ?? []) as LeaseItem[]));
    from = page.LastEvaluatedKey as LeaseItem | undefined;
  } while (from !== undefined);
  return items;
}

function leasesOf(items: readonly LeaseItem[]): Map<string, LeaseItem> {
  const leases = items.filter((item) => (textIn(item, "entityType") ?? "LEASE") === "LEASE");
  return new Map(leases.map((item) => [textIn(item, "leaseKey") ?? "", item]));
}

function textIn(item: LeaseItem, name: string): string | undefined {
  const value = item[name];
  return value !== undefined && "S" in value ? value.S : undefined;
}

/** The same text for items that say the same: attributes and members of sets have no order. */
function canonical(item: LeaseItem): string {
  return JSON.stringify(
    Object.entries(item)
      .map(([name, value]) => {
        if ("SS" in value) return [name, "SS", value.SS.toSorted()];
        if ("B" in value) return [name, "B", Buffer.from(value.B).toString("base64")];
        return [name, value];
      })
      .sort(([one], [other]) => (String(one) < String(other) ? -1 : 1)),
  );
}
