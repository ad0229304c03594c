/**
 * Sequence numbers that records of an imported shard brought along. They stand in the entries, not in a formula, so what is asked
 * by number is found by halving the log. Records that were put afterwards have numbers of the shard's own generation, above them.
 */
import { ServiceError } from "@millrace/api";
import { BatchCursor } from "@millrace/log";
import type { LogEngine, StoredEntry } from "@millrace/log";
import type { ShardPosition } from "@millrace/model";
import { GENERATION_MAX, RECORD_INDEX_MAX } from "@millrace/model";
import type { Shard } from "../catalog/shard.ts";

/** The form of numbers that can be kept: the service's own. Texts of it compare like the numbers. */
const KEPT_FORM = /^49\d{54}$/;
const MARK = 1n << 185n;
const GENERATION_SHIFT = 148n;

/** The form that the API gives a number, whoever made it. One that is longer is above. */
const ANY_FORM = /^(?:0|[1-9]\d{0,128})$/;

export function isSequenceNumber(text: string): boolean {
  return ANY_FORM.test(text);
}

/** Whether a number from elsewhere is above another. */
export function isAbove(number: string, other: string): boolean {
  return number.length === other.length ? number > other : number.length > other.length;
}

/** The leading field of a number from elsewhere: the second in which its shard was made. Undefined for numbers that cannot be kept. */
export function leadingFieldOf(text: string): number | undefined {
  if (!KEPT_FORM.test(text)) return undefined;
  const leading = Number((BigInt(text) - MARK) >> GENERATION_SHIFT);
  // One more must be left for what is put here.
  return leading >= 0 && leading < GENERATION_MAX ? leading : undefined;
}

/** Whether a number is one that a record of the shard may have brought along. */
export function isImportedNumber(shard: Shard, text: string): boolean {
  const { imported } = shard.row;
  if (imported === undefined || !KEPT_FORM.test(text)) return false;
  return text >= imported.startingSequenceNumber && text < shard.ownStartingSequenceNumber;
}

/**
 * The first record whose number, where it came from, is `number` or above it; for a number that none has, what follows it. Below the
 * oldest record, that one.
 *
 * @throws {ServiceError} InternalFailureException when the search comes upon entries that are lost or damaged.
 */
export async function positionOfImported(
  engine: LogEngine,
  { logId, shardId }: Shard,
  number: bigint,
): Promise<ShardPosition> {
  for (;;) {
    const bounds = engine.describe(logId);
    if (bounds === undefined) return { entryIndex: 1, recordIndex: 0 };
    const found = await halve(engine, logId, number, bounds.trimIndex, bounds.nextIndex);
    if (found === "damaged") {
      throw new ServiceError(
        "InternalFailureException",
        `The place of ${number} in ${shardId} cannot be found: records on the way to it are lost or damaged.`,
      );
    }
    // Retention went on meanwhile.
    if (found !== "trimmed") return found;
  }
}

async function halve(
  engine: LogEngine,
  logId: number,
  number: bigint,
  from: number,
  to: number,
): Promise<ShardPosition | "damaged" | "trimmed"> {
  let [low, high] = [from, to];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const entry = await entryAt(engine, logId, middle);
    if (entry === "damaged" || entry === "trimmed") return entry;
    if (entry === undefined) {
      high = middle;
      continue;
    }
    const { sourceNumber } = new BatchCursor(entry.payload);
    // What was put here is above everything that was imported.
    if (sourceNumber === undefined || number <= sourceNumber) high = middle;
    else if (number < sourceNumber + BigInt(entry.recordCount)) {
      return { entryIndex: middle, recordIndex: Number(number - sourceNumber) };
    } else low = middle + 1;
  }
  return { entryIndex: low, recordIndex: 0 };
}

/**
 * A number with which AFTER_SEQUENCE_NUMBER goes on at a position of an imported shard: that of the record before it, or the
 * shard's first number when nobody can read one.
 */
export async function numberBefore(
  engine: LogEngine,
  shard: Shard,
  { entryIndex, recordIndex }: ShardPosition,
): Promise<string> {
  const entry = await entryAt(engine, shard.logId, recordIndex > 0 ? entryIndex : entryIndex - 1);
  if (entry === undefined || entry === "trimmed" || entry === "damaged") return shard.startingSequenceNumber;
  const { firstNumber } = new BatchCursor(entry.payload);
  const last = recordIndex > 0 ? Math.min(recordIndex, entry.recordCount) - 1 : entry.recordCount - 1;
  if (firstNumber !== undefined) return String(firstNumber + BigInt(last));
  return shard.sequenceNumber(entry.index, Math.min(last, RECORD_INDEX_MAX));
}

/** The entry at an index; undefined behind the last one. */
export async function entryAt(
  engine: LogEngine,
  logId: number,
  index: number,
): Promise<StoredEntry | "damaged" | "trimmed" | undefined> {
  if (index < 1) return undefined;
  const outcome = await engine.read(logId, index, { maxBytes: 1, maxRecords: 1 });
  switch (outcome.kind) {
    case "entries":
      return outcome.entries[0];
    case "trimmed":
      return "trimmed";
    case "gone":
      return undefined;
    case "hole":
    case "damaged":
      return "damaged";
  }
}
