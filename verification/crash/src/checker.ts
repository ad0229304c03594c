/**
 * Compares what is there after a crash with what clients knew before it. It knows nothing of the server but
 * the wire and the documented layout of sequence numbers (docs/internals/sequence-numbers.md).
 */
import {
  contains,
  hashKeyOf,
  parseSequenceNumber,
  type HashKeyRange,
  type SequenceNumber,
} from "@millrace/model";
import type { Ledger, ReadRecord, Violation } from "./ledger.ts";
import { keyOf, type RecordName } from "./payload.ts";

/** A shard as it was listed, with everything in it from its beginning. */
export interface ShardReading {
  readonly shardId: string;
  readonly range: HashKeyRange;
  readonly parents: readonly string[];
  /** Present when the listing says that the shard is closed. */
  readonly endingSequenceNumber: string | undefined;
  /** The reader was told that nothing will follow. */
  readonly ended: boolean;
  readonly records: readonly ReadRecord[];
}

export interface StreamReading {
  readonly shards: readonly ShardReading[];
}

/** Everything that is wrong with a reading, at most a few for each shard and promise. */
export function check(ledger: Ledger, reading: StreamReading): Violation[] {
  const found = new Findings();
  for (const violation of ledger.violations) found.add(violation.promise, violation.detail);
  const places = new Map<string, string>();
  for (const shard of reading.shards) {
    checkRecords(ledger, shard, places, found);
    checkOrder(ledger, shard, found);
    checkEntries(ledger, shard, reading, found);
    checkSeen(ledger, shard, found);
    checkClose(ledger, shard, found);
  }
  checkAcknowledged(ledger, reading, found);
  checkLineage(ledger, reading, found);
  return found.violations;
}

const DETAILS_PER_PROMISE_MAX = 5;

class Findings {
  readonly violations: Violation[] = [];
  readonly #counts = new Map<Violation["promise"], number>();

  add(promise: Violation["promise"], detail: string): void {
    const count = (this.#counts.get(promise) ?? 0) + 1;
    this.#counts.set(promise, count);
    if (count <= DETAILS_PER_PROMISE_MAX) this.violations.push({ promise, detail });
  }
}

/** Each record was sent, is whole, belongs here, was not refused, and is nowhere else. */
function checkRecords(
  ledger: Ledger,
  shard: ShardReading,
  places: Map<string, string>,
  found: Findings,
): void {
  const { shardId } = shard;
  for (const { sequenceNumber, name, sizeBytes } of shard.records) {
    const place = `${shardId} ${sequenceNumber}`;
    if ("torn" in name) {
      found.add("records are whole", `${place}: ${name.torn}`);
      continue;
    }
    const key = keyOf(name);
    const sentBytes = ledger.sizeOf(name);
    if (sentBytes !== sizeBytes) {
      found.add(
        "records are whole",
        `${place}: ${key} has ${sizeBytes} bytes, sent were ${sentBytes ?? "none"}`,
      );
    }
    if (!contains(shard.range, hashKeyOf(Buffer.from(key)))) {
      found.add("records are whole", `${place}: the hash key of ${key} lies outside of the shard`);
    }
    if (ledger.refused.has(key)) found.add("refused means not stored", `${place}: ${key} was refused`);
    const other = places.get(key);
    if (other !== undefined) {
      found.add("a shard is one total order", `${key}, sent once, is at ${other} and at ${place}`);
    }
    places.set(key, place);
  }
}

/**
 * Numbers go up without gaps, arrival never goes back, and the requests of one producer, which sends one
 * after the other, keep their order. Within a request only each entry keeps it: a merge that the request
 * races can bring records together that were on their way to two shards.
 */
function checkOrder(ledger: Ledger, { shardId, records }: ShardReading, found: Findings): void {
  const promise = "a shard is one total order";
  let before: SequenceNumber | undefined;
  let arrivalMs = 0;
  const requests = new Map<number, number>();
  for (const { sequenceNumber, name, arrivalMs: nextArrivalMs } of records) {
    const place = `${shardId} ${sequenceNumber}`;
    const number = parseSequenceNumber(sequenceNumber);
    if (number === undefined) {
      found.add(promise, `${place}: no sequence number`);
      continue;
    }
    const follows =
      before === undefined
        ? number.entryIndex === 1 && number.recordIndex === 0
        : number.generation === before.generation &&
          number.shardIndex === before.shardIndex &&
          ((number.entryIndex === before.entryIndex && number.recordIndex === before.recordIndex + 1) ||
            (number.entryIndex === before.entryIndex + 1 && number.recordIndex === 0));
    if (!follows) found.add(promise, `${place}: ${JSON.stringify(number)} follows ${JSON.stringify(before)}`);
    before = number;
    if (nextArrivalMs < arrivalMs)
      found.add(promise, `${place}: arrival goes back from ${arrivalMs} to ${nextArrivalMs}`);
    arrivalMs = nextArrivalMs;
    if ("torn" in name || ledger.sizeOf(name) === undefined) continue;
    const request = ledger.requestOf(name)[0]!.ordinal;
    const lastRequest = requests.get(name.producer) ?? 0;
    if (request < lastRequest) {
      found.add(
        promise,
        `${place}: ${keyOf(name)} was sent before the request of ${name.producer}/${lastRequest}`,
      );
    }
    requests.set(name.producer, request);
  }
}

/**
 * Records of one request that were on their way to the same shard are one entry: all of them are there, or
 * none. Those that met a close went on to the children, so the borders of ancestors may divide them.
 */
function checkEntries(ledger: Ledger, shard: ShardReading, reading: StreamReading, found: Findings): void {
  const ranges = rangesOfEntries(shard, reading);
  for (const entry of entriesOf(shard.records)) {
    const first = entry[0]!;
    const names = entry.map(({ name }) => name).filter((name): name is RecordName => !("torn" in name));
    if ("torn" in first.name || ledger.sizeOf(first.name) === undefined) continue;
    const present = names.map(keyOf).join(" ");
    const request = ledger
      .requestOf(first.name)
      .map((name) => ({ key: keyOf(name), hashKey: hashKeyOf(Buffer.from(keyOf(name))) }));
    const keysIn = (range: HashKeyRange) =>
      request
        .filter(({ hashKey }) => contains(range, hashKey))
        .map(({ key }) => key)
        .join(" ");
    if (ranges.some((range) => keysIn(range) === present)) continue;
    found.add(
      "records are whole",
      `${shard.shardId} ${first.sequenceNumber}: the entry holds ${present}, the request had ${keysIn(shard.range)}`,
    );
  }
}

function entriesOf(records: readonly ReadRecord[]): ReadRecord[][] {
  const entries = new Map<number | undefined, ReadRecord[]>();
  for (const record of records) {
    const index = parseSequenceNumber(record.sequenceNumber)?.entryIndex;
    const entry = entries.get(index);
    if (entry === undefined) entries.set(index, [record]);
    else entry.push(record);
  }
  return [...entries.values()];
}

/** The shard's own range, and what borders of its ancestors make of it. */
function rangesOfEntries(shard: ShardReading, { shards }: StreamReading): HashKeyRange[] {
  const byId = new Map(shards.map((one) => [one.shardId, one]));
  const ancestors = new Set<ShardReading>();
  const climb = (one: ShardReading) => {
    for (const parentId of one.parents) {
      const parent = byId.get(parentId);
      if (parent === undefined || ancestors.has(parent)) continue;
      ancestors.add(parent);
      climb(parent);
    }
  };
  climb(shard);
  const ranges = [...ancestors]
    .map(({ range }) => range)
    .filter(
      (range) => contains(shard.range, range.startingHashKey) || contains(shard.range, range.endingHashKey),
    );
  const starts = new Set([
    shard.range.startingHashKey,
    ...ranges.map(({ startingHashKey }) => startingHashKey).filter((key) => contains(shard.range, key)),
  ]);
  const ends = new Set([
    shard.range.endingHashKey,
    ...ranges.map(({ endingHashKey }) => endingHashKey).filter((key) => contains(shard.range, key)),
  ]);
  return [...starts].flatMap((startingHashKey) =>
    [...ends]
      .filter((endingHashKey) => endingHashKey >= startingHashKey)
      .map((endingHashKey) => ({ startingHashKey, endingHashKey })),
  );
}

/** What was read once is still there, in the same place, and nothing came in between. */
function checkSeen(ledger: Ledger, { shardId, records }: ShardReading, found: Findings): void {
  const seen = ledger.seen.get(shardId) ?? [];
  for (const [at, before] of seen.entries()) {
    const now = records[at];
    if (now !== undefined && sameRecord(before, now)) continue;
    found.add(
      "readers see only durable data",
      `${shardId}: record ${at} was read as ${describeRecord(before)} and is now ${now ? describeRecord(now) : "gone"}`,
    );
    return;
  }
}

function sameRecord(one: ReadRecord, other: ReadRecord): boolean {
  return (
    one.sequenceNumber === other.sequenceNumber &&
    one.arrivalMs === other.arrivalMs &&
    one.sizeBytes === other.sizeBytes &&
    describeRecord(one) === describeRecord(other)
  );
}

function describeRecord({ sequenceNumber, name, arrivalMs }: ReadRecord): string {
  return `${sequenceNumber} ${"torn" in name ? name.torn : keyOf(name)} of ${arrivalMs}`;
}

/** A shard that was seen closed is closed at the same number, and holds nothing behind it. */
function checkClose(ledger: Ledger, shard: ShardReading, found: Findings): void {
  const { shardId, endingSequenceNumber, ended, records } = shard;
  const before = ledger.closed.get(shardId);
  if (before !== undefined && before.endingSequenceNumber !== endingSequenceNumber) {
    found.add(
      "a closed shard is closed",
      `${shardId} ended at ${before.endingSequenceNumber}, and now ${endingSequenceNumber ?? "it is open"}`,
    );
  }
  if (ended !== (endingSequenceNumber !== undefined)) {
    found.add(
      "a closed shard is closed",
      `${shardId} is listed ${ended ? "open and reads as ended" : "closed and reads as open"}`,
    );
  }
  const last = records.at(-1);
  if (
    endingSequenceNumber !== undefined &&
    last !== undefined &&
    last.sequenceNumber > endingSequenceNumber
  ) {
    found.add(
      "a closed shard is closed",
      `${shardId} ended at ${endingSequenceNumber} and holds ${last.sequenceNumber}`,
    );
  }
}

function checkAcknowledged(ledger: Ledger, { shards }: StreamReading, found: Findings): void {
  const byId = new Map(shards.map((shard) => [shard.shardId, shard]));
  for (const [shardId, acknowledged] of ledger.acknowledged) {
    const shard = byId.get(shardId);
    if (shard === undefined) {
      found.add(
        "acknowledged means durable",
        `${shardId} with ${acknowledged.size} acknowledged records is gone`,
      );
      continue;
    }
    const present = new Map(shard.records.map((record) => [record.sequenceNumber, record]));
    let lostCount = 0;
    for (const [sequenceNumber, name] of acknowledged) {
      const record = present.get(sequenceNumber);
      if (record === undefined) {
        lostCount += 1;
        if (lostCount <= 2) {
          found.add(
            "acknowledged means durable",
            `${shardId} ${sequenceNumber}: ${keyOf(name)} is not there`,
          );
        }
      } else if (!("torn" in record.name) && keyOf(record.name) !== keyOf(name)) {
        found.add(
          "a shard is one total order",
          `${shardId} ${sequenceNumber} was acknowledged for ${keyOf(name)} and holds ${keyOf(record.name)}`,
        );
      }
    }
    if (lostCount > 2) {
      found.add(
        "acknowledged means durable",
        `${shardId}: ${lostCount} of ${acknowledged.size} acknowledged records are lost`,
      );
    }
  }
}

/** Children are numbered above their closed parents, and no shard that was seen is gone. */
function checkLineage(ledger: Ledger, { shards }: StreamReading, found: Findings): void {
  const byId = new Map(shards.map((shard) => [shard.shardId, shard]));
  for (const shardId of new Set([...ledger.closed.keys(), ...ledger.seen.keys()])) {
    if (!byId.has(shardId)) found.add("the catalog is durable", `${shardId} is gone`);
  }
  for (const { shardId, parents, records } of shards) {
    for (const parentId of parents) {
      const parent = byId.get(parentId);
      if (parent === undefined) continue;
      const { endingSequenceNumber } = parent;
      if (endingSequenceNumber === undefined) {
        found.add("a closed shard is closed", `${shardId} is open, and its parent ${parentId} too`);
      } else if (records[0] !== undefined && records[0].sequenceNumber <= endingSequenceNumber) {
        found.add(
          "a shard is one total order",
          `${shardId} begins with ${records[0].sequenceNumber}, and its parent ends with ${endingSequenceNumber}`,
        );
      }
    }
  }
}
