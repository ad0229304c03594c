/** Which number a record had where it was copied from, and which it has here: the entries tell, as long as they are kept. */
import type { StoredEntry } from "@millrace/log";
import { BatchCursor } from "@millrace/log";
import type { Shard } from "../catalog/shard.ts";
import type { StreamsContext } from "../context.ts";
import { ImportError } from "./import-error.ts";
import { entryAt, positionOfImported } from "./imported-numbers.ts";

export interface NumberPairs {
  /** As it was, and as it is. */
  readonly pairs: readonly (readonly [source: string, here: string])[];
  /** Nothing that was copied lies behind these. */
  readonly isEnd: boolean;
}

export interface Translation {
  /** Of the last record that had the number, or one below it; undefined when no such record is kept. */
  readonly sequenceNumber: string | undefined;
  /** A record had that very number. */
  readonly isExact: boolean;
}

/** A pair is at most 190 bytes of JSON. */
const PAIRS_MAX = 10_000;
const READ = { maxBytes: 4 << 20, maxRecords: PAIRS_MAX };

export async function numberPairs(
  { engine }: StreamsContext,
  shard: Shard,
  after: string | undefined,
): Promise<NumberPairs> {
  await engine.refresh?.(shard.logId, "newest");
  const from = after === undefined ? 0n : BigInt(after) + 1n;
  const { entryIndex } = await positionOfImported(engine, shard, from);
  const outcome = await engine.read(shard.logId, entryIndex, READ);
  if (outcome.kind !== "entries") {
    throw new ImportError("unavailable", `Records of ${shard.shardId} cannot be read now: ${outcome.kind}.`);
  }
  const pairs: [string, string][] = [];
  let isEnd = outcome.entries.length === 0;
  for (const entry of outcome.entries) {
    const { firstNumber, sourceNumber } = new BatchCursor(entry.payload);
    if (sourceNumber === undefined) {
      isEnd = true;
      break;
    }
    for (let at = 0; at < entry.recordCount; at += 1) {
      const number = sourceNumber + BigInt(at);
      if (number >= from) pairs.push([String(number), numberHere(shard, entry, firstNumber, at)]);
    }
  }
  outcome.release?.();
  return { pairs, isEnd };
}

/**
 * What stands for a number that was kept as "handled up to and including this": the record that had it, or the last one below. Numbers
 * of a shard go up, so whatever lies behind that record had a number above.
 */
export async function translate(
  { engine }: StreamsContext,
  shard: Shard,
  text: string,
): Promise<Translation> {
  await engine.refresh?.(shard.logId, "newest");
  const number = BigInt(text);
  const { entryIndex, recordIndex } = await positionOfImported(engine, shard, number + 1n);
  const entry = await entryAt(engine, shard.logId, recordIndex > 0 ? entryIndex : entryIndex - 1);
  if (entry === "damaged") {
    throw new ImportError("unavailable", `The record of ${shard.shardId} before ${text} cannot be read.`);
  }
  if (entry === undefined || entry === "trimmed") return { sequenceNumber: undefined, isExact: false };
  const { firstNumber, sourceNumber } = new BatchCursor(entry.payload);
  if (sourceNumber === undefined) return { sequenceNumber: undefined, isExact: false };
  const at = (recordIndex > 0 ? recordIndex : entry.recordCount) - 1;
  return {
    sequenceNumber: numberHere(shard, entry, firstNumber, at),
    isExact: sourceNumber + BigInt(at) === number,
  };
}

function numberHere(shard: Shard, { index }: StoredEntry, kept: bigint | undefined, at: number): string {
  return kept === undefined ? shard.sequenceNumber(index, at) : String(kept + BigInt(at));
}
