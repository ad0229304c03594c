/**
 * How an on-demand stream should change, decided from what was written to it. Source of the rules for growth: developer
 * guide, "How do I size a stream" (November 2025): capacity is double the peak of the previous 30 days, and a shard that
 * takes more than 500 KB/s is split within 15 minutes. The rules for shrinking are ours, but for the one about
 * warm throughput that was lowered; the guide says no more than that it happens.
 */
import type { HashKeyHex, HashKeyRange } from "@millrace/model";
import { areAdjacent, hashKeyHex } from "@millrace/model";
import type { Reshard } from "../catalog/records.ts";
import type { Rate } from "./traffic-history.ts";
import { addRates } from "./traffic-history.ts";

/** What one shard takes. */
const SHARD_CAPACITY: Rate = Object.freeze({ bytesPerSecond: 1_048_576, recordsPerSecond: 1_000 });

/** A shard above this is split. The guide names the bytes; the records are as large a share of what it takes. */
export const HOT: Rate = Object.freeze({ bytesPerSecond: 500_000, recordsPerSecond: 500 });

/** Neighbours that together stay below this are far from being split again when they are one shard. */
export const COOL: Rate = Object.freeze({ bytesPerSecond: 250_000, recordsPerSecond: 250 });

/** An open shard, as far as scaling is concerned. */
export interface ScalingShard {
  readonly shardIndex: number;
  readonly hashKeyRange: HashKeyRange;
  /** In the last minute. */
  readonly rate: Rate;
  /** The highest of the time that decides whether the shard is needed. */
  readonly peak: Rate;
  /** Where half of the traffic is on either side; undefined when that is not known. */
  readonly median: HashKeyHex | undefined;
  /** One key carries the traffic: a split would not help. */
  readonly isOneKey: boolean;
}

/** Whether a shard takes so much that it is to be split. */
export function isHot(rate: Rate): boolean {
  return exceeds(rate, HOT);
}

/** How many shards take twice a rate. */
export function shardsForDouble({ bytesPerSecond, recordsPerSecond }: Rate): number {
  return Math.ceil(
    Math.max(
      (2 * bytesPerSecond) / SHARD_CAPACITY.bytesPerSecond,
      (2 * recordsPerSecond) / SHARD_CAPACITY.recordsPerSecond,
    ),
  );
}

/**
 * Splits, each shard at most once, most needed first: every hot shard, and others until there are `wanted`; never
 * beyond `most` shards.
 */
export function planSplits(shards: readonly ScalingShard[], wanted: number, most: number): Reshard[] {
  const splits: Reshard[] = [];
  const byNeed = shards
    .filter(
      ({ isOneKey, hashKeyRange }) => !isOneKey && hashKeyRange.startingHashKey < hashKeyRange.endingHashKey,
    )
    .sort((one, other) => needOf(other) - needOf(one) || sizeDifference(other, one));
  for (const shard of byNeed) {
    const count = shards.length + splits.length;
    if (count >= most || (count >= wanted && !isHot(shard.rate))) break;
    const { startingHashKey, endingHashKey } = shard.hashKeyRange;
    const middle = startingHashKey + (endingHashKey - startingHashKey + 1n) / 2n;
    const newStartingHashKey =
      shard.median !== undefined && isWithin(shard.median, shard.hashKeyRange)
        ? shard.median
        : hashKeyHex(middle);
    splits.push({ kind: "split", shardIndex: shard.shardIndex, newStartingHashKey });
  }
  return splits;
}

/**
 * Merges of neighbours that together had no higher peaks than `bound`, each shard at most once, until `target` shards
 * are left. `shards` are in order of the ring.
 */
export function planMerges(shards: readonly ScalingShard[], target: number, bound: Rate): Reshard[] {
  const merges: Reshard[] = [];
  for (let at = 0; at + 1 < shards.length && shards.length - merges.length > target; at += 1) {
    const [lower, upper] = [shards[at]!, shards[at + 1]!];
    if (exceeds(addRates(lower.peak, upper.peak), bound)) continue;
    if (!areAdjacent(lower.hashKeyRange, upper.hashKeyRange)) continue;
    merges.push({ kind: "merge", shardIndex: lower.shardIndex, adjacentShardIndex: upper.shardIndex });
    at += 1;
  }
  return merges;
}

function exceeds(rate: Rate, bound: Rate): boolean {
  return rate.bytesPerSecond > bound.bytesPerSecond || rate.recordsPerSecond > bound.recordsPerSecond;
}

/** How full a shard is, or was at its peak if that is less than hot. */
function needOf({ rate, peak }: ScalingShard): number {
  const fullness = ({ bytesPerSecond, recordsPerSecond }: Rate): number =>
    Math.max(
      bytesPerSecond / SHARD_CAPACITY.bytesPerSecond,
      recordsPerSecond / SHARD_CAPACITY.recordsPerSecond,
    );
  // Hot ones first, whatever others were in the past.
  return isHot(rate) ? 1 + fullness(rate) : Math.min(1, fullness(peak));
}

function sizeDifference(one: ScalingShard, other: ScalingShard): number {
  const sizes = [one, other].map(
    ({ hashKeyRange }) => hashKeyRange.endingHashKey - hashKeyRange.startingHashKey,
  );
  return sizes[0]! < sizes[1]! ? -1 : sizes[0]! > sizes[1]! ? 1 : 0;
}

/** Whether a split there leaves keys on both sides. */
function isWithin(hashKey: HashKeyHex, { startingHashKey, endingHashKey }: HashKeyRange): boolean {
  const at = BigInt(`0x${hashKey}`);
  return startingHashKey < at && at <= endingHashKey;
}
