/** A stream as it was elsewhere, in the terms of whoever copies it. Times are milliseconds since the epoch. */
import type { HashKeyRange } from "@millrace/model";
import { formatShardId, HASH_KEY_MAX, hashKeyHex, parseHashKey, parseShardId } from "@millrace/model";
import type { RecordDistribution, ShardRow, StreamHeader, StreamMode } from "../catalog/records.ts";
import { ImportError } from "./import-error.ts";
import { isAbove, isSequenceNumber, leadingFieldOf } from "./imported-numbers.ts";

/** What is kept of a stream beside its shards and records. */
export interface ImportedSettings {
  /** Kept, because applications name a life of a stream by it. */
  readonly createdMs: number;
  readonly mode: StreamMode;
  readonly retentionHours: number;
  readonly maxRecordSizeKiB?: number;
  readonly recordDistribution?: RecordDistribution;
  /** The id of the key with which records are told to be encrypted. */
  readonly keyId?: string;
  readonly shardLevelMetrics: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
}

/** A shard as ListShards gives it. */
export interface ImportedShard {
  readonly shardId: string;
  readonly parentShardIds: readonly string[];
  /** Decimal. */
  readonly startingHashKey: string;
  readonly endingHashKey: string;
  readonly startingSequenceNumber: string;
  /** Undefined while the shard is open. */
  readonly endingSequenceNumber?: string;
}

/** A shard that was looked at and can be stored as it is. */
export interface CheckedShard {
  readonly shardIndex: number;
  readonly parents: readonly number[];
  readonly hashKeyRange: HashKeyRange;
  /** The leading field of its numbers; -1 where they are not kept. */
  readonly leading: number;
  readonly startingSequenceNumber: string;
  readonly endingSequenceNumber: string | undefined;
}

/**
 * The shards in order of index, which is the order in which they were made.
 *
 * @throws {ImportError} `impossible` when they cannot be stored with the ids and ranges that they have, `unkept` when they cannot
 *   with their numbers and are not to be renumbered.
 */
export function checkedShards(shards: readonly ImportedShard[], isRenumbered: boolean): CheckedShard[] {
  const checked = shards.map((shard): CheckedShard => {
    const { shardId, startingSequenceNumber, endingSequenceNumber } = shard;
    const [startingHashKey, endingHashKey] = [shard.startingHashKey, shard.endingHashKey].map(parseHashKey);
    const shardIndex = parseShardId(shardId);
    const parents = shard.parentShardIds.map(parseShardId);
    if (shardIndex === undefined || startingHashKey === undefined || endingHashKey === undefined) {
      throw new ImportError("impossible", `${shardId} has an id or a hash key range of another form.`);
    }
    return {
      shardIndex,
      parents: parents.map((parent) => {
        if (parent !== undefined && parent < shardIndex) return parent;
        throw new ImportError("impossible", `${shardId} has a parent that was made after it.`);
      }),
      hashKeyRange: { startingHashKey, endingHashKey },
      leading: isRenumbered
        ? anyNumber(startingSequenceNumber, shardId)
        : keptNumber(startingSequenceNumber, shardId),
      startingSequenceNumber,
      endingSequenceNumber,
    };
  });
  for (const { endingSequenceNumber: end, shardIndex } of checked) {
    if (end !== undefined) (isRenumbered ? anyNumber : keptNumber)(end, formatShardId(shardIndex));
  }
  checked.sort((one, other) => one.shardIndex - other.shardIndex);
  const byIndex = new Map(checked.map((shard) => [shard.shardIndex, shard]));
  if (byIndex.size < checked.length) throw new ImportError("impossible", "Two shards have the same id.");
  for (const { shardIndex, parents, startingSequenceNumber } of isRenumbered ? [] : checked) {
    for (const parent of parents) {
      const end = byIndex.get(parent)?.endingSequenceNumber;
      if (end === undefined || isAbove(startingSequenceNumber, end)) continue;
      throw new ImportError(
        "unkept",
        `Numbers of ${formatShardId(shardIndex)} begin at ${startingSequenceNumber}, below ${end}, the end of its parent ${formatShardId(parent)}.`,
      );
    }
  }
  return checked;
}

/** @throws {ImportError} unless the open shards have each hash key once. */
export function requireWholeRing(shards: readonly CheckedShard[]): void {
  const open = shards
    .filter(({ endingSequenceNumber }) => endingSequenceNumber === undefined)
    .map(({ hashKeyRange }) => hashKeyRange)
    .sort((one, other) => (one.startingHashKey < other.startingHashKey ? -1 : 1));
  let next = 0n;
  for (const { startingHashKey, endingHashKey } of open) {
    if (startingHashKey !== next) next = -1n;
    if (next < 0n) break;
    next = endingHashKey + 1n;
  }
  if (next === HASH_KEY_MAX + 1n) return;
  throw new ImportError(
    "impossible",
    "The open shards do not have each hash key once: the list of shards is not of one moment.",
  );
}

/** A shard's row while it is being copied. It has its generation from now on: above all numbers that records bring along. */
export function rowWhileCopied(
  { hashKeyRange, parents, leading, startingSequenceNumber }: CheckedShard,
  {
    logId,
    nowMs,
    parentGenerations,
    isRenumbered,
  }: {
    readonly logId: number;
    readonly nowMs: number;
    readonly parentGenerations: readonly number[];
    readonly isRenumbered: boolean;
  },
): ShardRow {
  return {
    startingHashKey: hashKeyHex(hashKeyRange.startingHashKey),
    endingHashKey: hashKeyHex(hashKeyRange.endingHashKey),
    generation: Math.max(
      Math.floor(nowMs / 1_000),
      leading + 1,
      ...parentGenerations.map((generation) => generation + 1),
    ),
    parents,
    logId,
    createdMs: nowMs,
    ...(isRenumbered ? { renumbered: { startingSequenceNumber } } : { imported: { startingSequenceNumber } }),
  };
}

/** The header of a stream that is being copied. */
export function headerWhileCopied(
  settings: ImportedSettings,
  {
    source,
    incarnation,
    nowMs,
    maxRecordSizeKiB,
    isRenumbered,
  }: {
    readonly source: string;
    readonly incarnation: string;
    readonly nowMs: number;
    /** Where the source does not tell. */
    readonly maxRecordSizeKiB: number;
    readonly isRenumbered: boolean;
  },
): StreamHeader {
  const createdMs = Math.min(settings.createdMs, nowMs);
  const { keyId } = settings;
  return {
    incarnation,
    status: "CREATING",
    mode: settings.mode,
    createdMs,
    retentionHours: settings.retentionHours,
    horizonMs: 0,
    nextShardIndex: 0,
    maxRecordSizeKiB: settings.maxRecordSizeKiB ?? maxRecordSizeKiB,
    recordDistribution: settings.recordDistribution ?? "USER_PARTITION_KEY",
    encryption: keyId === undefined ? { type: "NONE" } : { type: "KMS", keyId },
    // When it began is not told by anybody: all that was put is taken to be encrypted.
    ...(keyId === undefined ? {} : { encryptedPeriods: [{ fromMs: createdMs }] }),
    shardLevelMetrics: settings.shardLevelMetrics,
    tags: settings.tags,
    calls: {},
    import: { source, isFinished: false, ...(isRenumbered ? { isRenumbered } : {}) },
  };
}

/** The leading field of a number. @throws {ImportError} for numbers that cannot be kept. */
export function keptNumber(number: string, where: string): number {
  const leading = leadingFieldOf(number);
  if (leading !== undefined) return leading;
  throw new ImportError(
    "unkept",
    `The sequence number ${number} of ${where} cannot be kept: numbers here have 56 digits, begin with 49 and have room for later ones.`,
  );
}

/** @throws {ImportError} for what is no sequence number at all. */
export function anyNumber(number: string, where: string): -1 {
  if (isSequenceNumber(number)) return -1;
  throw new ImportError(
    "impossible",
    `${JSON.stringify(number)} of ${where} is no sequence number: those have 1 to 129 decimal digits, the first of them not 0.`,
  );
}
