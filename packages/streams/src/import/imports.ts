/**
 * Copies of streams that lie elsewhere, taken in bit by bit. The copier says which records follow which, and each step is
 * conditional on what is here already, so that it can be repeated after any outcome and from any server of a cluster:
 *
 * 1. `begin` makes the stream, CREATING, with its shards and the logs for them; again, it says how far each shard is, and takes
 *    in shards that were made at the source meanwhile.
 * 2. `append` stores records behind the last one, with the numbers and the arrivals that they had.
 * 3. `digest` is for comparing what is here with what is there.
 * 4. `finish` closes what was closed there and opens the stream: one commit.
 */
import { BatchCursor, encodeImportedBatch, RECORDS_PER_ENTRY_MAX } from "@millrace/log";
import type { StoredEntry } from "@millrace/log";
import { formatShardId, parseShardId, RecordDigest } from "@millrace/model";
import type { ShardRow, StreamName } from "../catalog/records.ts";
import { shardKey } from "../catalog/records.ts";
import type { Shard } from "../catalog/shard.ts";
import type { Stream } from "../catalog/stream.ts";
import type { StreamsContext } from "../context.ts";
import { ImportError } from "./import-error.ts";
import type { ImportedSettings, ImportedShard } from "./imported-stream.ts";
import {
  checkedShards,
  headerWhileCopied,
  keptNumber,
  requireWholeRing,
  rowWhileCopied,
} from "./imported-stream.ts";
import { entryAt, positionOfImported } from "./imported-numbers.ts";
import { lifetimes } from "./lifetimes.ts";

/** Which copy is meant. */
export interface ImportName extends StreamName {
  /** Names a stream elsewhere, and one life of it: what is begun from one is not continued from another. */
  readonly source: string;
}

export interface ImportedRecord {
  readonly sequenceNumber: string;
  /** Whole milliseconds. */
  readonly arrivalMs: number;
  /** UTF-8; undefined for a record without a partition key. */
  readonly key: Uint8Array | undefined;
  readonly data: Uint8Array;
}

/** How far a shard is. */
export interface ShardProgress {
  readonly shardId: string;
  /** Of the last record that is here; undefined when none is. */
  readonly lastSequenceNumber: string | undefined;
}

export interface Imports {
  /** @throws {ImportError} */
  begin(
    name: ImportName,
    settings: ImportedSettings,
    shards: readonly ImportedShard[],
  ): Promise<{ readonly isFinished: boolean; readonly shards: readonly ShardProgress[] }>;
  /**
   * Stores records, in order, behind the record with the number `after` (undefined: before all others).
   *
   * @throws {ImportError} `conflict` when that is not the last one here.
   */
  append(
    name: ImportName,
    shardId: string,
    after: string | undefined,
    records: readonly ImportedRecord[],
  ): Promise<void>;
  /** Of the records here with numbers from `from` to `to`, both included. */
  digest(
    name: ImportName,
    shardId: string,
    from: string,
    to: string,
  ): Promise<{ readonly recordCount: number; readonly digest: string }>;
  /** @throws {ImportError} `conflict` when a shard does not end with what `progress` says, or shards are missing. */
  finish(
    name: ImportName,
    shards: readonly ImportedShard[],
    progress: readonly ShardProgress[],
  ): Promise<void>;
}

/** How far ahead of this server's clock an arrival may be: two machines' clocks are never the same. */
const AHEAD_MS_MAX = 5 * 60_000;
/** Of data and keys in one entry; one record may exceed it. */
const ENTRY_BYTES = 1 << 20;
const KEY_BYTES_MAX = 1_024;
const DIGEST_READ = { maxBytes: 4 << 20, maxRecords: 10_000 };
const DATA_BYTES_MAX = 10 << 20;

export function createImports(context: StreamsContext): Imports {
  return {
    begin: (name, settings, shards) => begin(context, name, settings, shards),
    append: (name, shardId, after, records) => append(context, name, shardId, after, records),
    digest: (name, shardId, from, to) => digest(context, name, shardId, from, to),
    finish: (name, shards, progress) => finish(context, name, shards, progress),
  };
}

async function begin(
  context: StreamsContext,
  name: ImportName,
  settings: ImportedSettings,
  given: readonly ImportedShard[],
): Promise<{ isFinished: boolean; shards: ShardProgress[] }> {
  const checked = checkedShards(given);
  const { limits } = context;
  if (
    settings.retentionHours < limits.retentionHoursMin ||
    settings.retentionHours > limits.retentionHoursMax
  ) {
    throw new ImportError(
      "impossible",
      `No stream has a retention of ${settings.retentionHours} hours here.`,
    );
  }
  await context.catalog.change(name, (existing) => {
    if (existing?.header.import?.isFinished === true && existing.header.import.source === name.source) {
      return undefined;
    }
    if (existing !== undefined) requireCopied(existing, name);
    const nowMs = context.clock.nowMs();
    const header =
      existing?.header ??
      headerWhileCopied(settings, {
        source: name.source,
        incarnation: Buffer.from(context.secrets.bytes(8)).toString("hex"),
        nowMs,
        maxRecordSizeKiB: limits.recordSizeDefaultKiB,
      });
    const rows = new Map<number, ShardRow>();
    for (const shard of checked) {
      const known = existing?.shard(shard.shardIndex);
      if (known !== undefined) {
        if (known.row.imported?.startingSequenceNumber === shard.startingSequenceNumber) continue;
        throw new ImportError("conflict", `${known.shardId} began elsewhere with another number.`);
      }
      const parentGenerations = shard.parents.flatMap((parent) => {
        const row = existing?.shard(parent)?.row ?? rows.get(parent);
        return row === undefined ? [] : [row.generation];
      });
      const logId = context.engine.allocateLogId();
      rows.set(shard.shardIndex, rowWhileCopied(shard, { logId, nowMs, parentGenerations }));
    }
    if (existing !== undefined && rows.size === 0) return undefined;
    return {
      header: {
        ...header,
        nextShardIndex: Math.max(header.nextShardIndex, ...[...rows.keys()].map((index) => index + 1)),
      },
      puts: [...rows].map(([index, row]) => [shardKey(header.incarnation, index), JSON.stringify(row)]),
      opens: [...rows.values()].map(({ logId }) => logId),
    };
  });
  const stream = context.catalog.find(name);
  if (stream === undefined) throw missing(name);
  if (stream.header.import?.isFinished !== false) return { isFinished: true, shards: [] };
  const shards: ShardProgress[] = [];
  for (const shard of stream.storedShards()) {
    const { lastNumber } = await endOf(context, shard);
    shards.push({ shardId: shard.shardId, lastSequenceNumber: lastNumber });
  }
  return { isFinished: false, shards };
}

async function append(
  context: StreamsContext,
  name: ImportName,
  shardId: string,
  after: string | undefined,
  records: readonly ImportedRecord[],
): Promise<void> {
  const shard = shardOf(context, name, shardId);
  const { nextIndex, lastNumber } = await endOf(context, shard);
  if (lastNumber !== after) throw notBehind(shardId, after, lastNumber);
  requireOrder(context, shard, after, records);
  let index = nextIndex;
  const appends = entriesOf(records).map(({ arrivalMs, batch }) =>
    context.engine.appendAt(shard.logId, batch, { index: index++, arrivalMs }),
  );
  // Entries of a log keep the order of the calls, so what is stored is all of them, or the first ones.
  for (const outcome of await Promise.all(appends)) {
    switch (outcome.kind) {
      case "appended":
        continue;
      case "misplaced":
        throw new ImportError("conflict", `Somebody else appended to ${shardId} at the same time.`);
      case "closed":
        throw new ImportError("conflict", `${shardId} was closed: the copy was finished or deleted.`);
      case "read-only":
      case "unknown":
        throw new ImportError("unavailable", `Records of ${shardId} could not be stored: ${outcome.reason}.`);
    }
  }
}

/** @throws {ImportError} for records that cannot be stored as they are. */
function requireOrder(
  context: StreamsContext,
  shard: Shard,
  after: string | undefined,
  records: readonly ImportedRecord[],
): void {
  const { shardId, generation } = shard;
  const latestMs = context.clock.nowMs() + AHEAD_MS_MAX;
  let last = after;
  for (const { sequenceNumber, arrivalMs, key, data } of records) {
    if (keptNumber(sequenceNumber, shardId) >= generation || sequenceNumber < shard.startingSequenceNumber) {
      throw new ImportError("impossible", `The number ${sequenceNumber} is not one of ${shardId}.`);
    }
    if (last !== undefined && sequenceNumber <= last) {
      throw new ImportError(
        "impossible",
        `Numbers of ${shardId} go back: ${sequenceNumber} follows ${last}.`,
      );
    }
    if (!Number.isSafeInteger(arrivalMs) || arrivalMs < 0 || arrivalMs > latestMs) {
      throw new ImportError(
        "impossible",
        `Record ${sequenceNumber} arrived at ${arrivalMs}, which is no time or lies ahead of this server's clock.`,
      );
    }
    if ((key?.length ?? 0) > KEY_BYTES_MAX || data.length > DATA_BYTES_MAX) {
      throw new ImportError("impossible", `Record ${sequenceNumber} is larger than any may be here.`);
    }
    last = sequenceNumber;
  }
}

/** Records that arrived together and have numbers that follow each other share an entry. */
function entriesOf(records: readonly ImportedRecord[]) {
  const runs: { first: bigint; arrivalMs: number; bytes: number; records: ImportedRecord[] }[] = [];
  for (const record of records) {
    const number = BigInt(record.sequenceNumber);
    const bytes = (record.key?.length ?? 0) + record.data.length;
    const run = runs.at(-1);
    if (
      run !== undefined &&
      run.arrivalMs === record.arrivalMs &&
      run.first + BigInt(run.records.length) === number &&
      run.bytes + bytes <= ENTRY_BYTES &&
      run.records.length < RECORDS_PER_ENTRY_MAX
    ) {
      run.records.push(record);
      run.bytes += bytes;
    } else runs.push({ first: number, arrivalMs: record.arrivalMs, bytes, records: [record] });
  }
  return runs.map((run) => ({
    arrivalMs: run.arrivalMs,
    batch: encodeImportedBatch(run.records, run.first),
  }));
}

async function digest(
  context: StreamsContext,
  name: ImportName,
  shardId: string,
  from: string,
  to: string,
): Promise<{ recordCount: number; digest: string }> {
  const shard = shardOf(context, name, shardId);
  for (const number of [from, to]) keptNumber(number, shardId);
  const last = BigInt(to);
  const found = new RecordDigest();
  let { entryIndex } = await positionOfImported(context.engine, shard, BigInt(from));
  for (;;) {
    const outcome = await context.engine.read(shard.logId, entryIndex, DIGEST_READ);
    if (outcome.kind !== "entries") {
      throw new ImportError("unavailable", `Records of ${shardId} cannot be read any more.`);
    }
    const { entries, nextIndex, release } = outcome;
    const isOver =
      entries.length === 0 || entries.some((entry) => !digestEntry(found, entry, BigInt(from), last));
    release?.();
    if (isOver) return found.finish();
    entryIndex = nextIndex;
  }
}

/** Adds the records of an entry with numbers from `from` to `to`; false when it goes beyond them. */
function digestEntry(found: RecordDigest, entry: StoredEntry, from: bigint, to: bigint): boolean {
  const batch = new BatchCursor(entry.payload);
  let number = batch.firstNumber;
  if (number === undefined) return false;
  for (; batch.next(); number += 1n) {
    if (number > to) return false;
    if (number < from) continue;
    found.add({
      sequenceNumber: String(number),
      arrivalMs: entry.arrivalMs,
      key: batch.payload.subarray(batch.keyStart, batch.keyEnd),
      data: batch.payload.subarray(batch.dataStart, batch.dataEnd),
    });
  }
  return true;
}

async function finish(
  context: StreamsContext,
  name: ImportName,
  given: readonly ImportedShard[],
  progress: readonly ShardProgress[],
): Promise<void> {
  const checked = checkedShards(given);
  requireWholeRing(checked);
  const told = new Map(progress.map(({ shardId, lastSequenceNumber }) => [shardId, lastSequenceNumber]));
  await context.catalog.change(name, async (stream) => {
    if (stream === undefined) throw missing(name);
    if (stream.header.import?.isFinished === true && stream.header.import.source === name.source) {
      return undefined;
    }
    requireCopied(stream, name);
    const shards = stream.storedShards();
    const notTold = shards.filter(({ shardIndex }) => !checked.some((one) => one.shardIndex === shardIndex));
    // What is past retention at the source is not told any more. It keeps its place here as long as its records are kept.
    if (checked.some(({ shardIndex }) => stream.shard(shardIndex) === undefined)) {
      throw new ImportError("conflict", "There are shards at the source that were not copied.");
    }
    const ends = new Map<number, string>();
    for (const { shardIndex, endingSequenceNumber: end } of checked)
      if (end !== undefined) ends.set(shardIndex, end);
    for (const shard of notTold) {
      ends.set(shard.shardIndex, (await endOf(context, shard)).lastNumber ?? shard.startingSequenceNumber);
    }
    for (const shard of shards) {
      const { lastNumber } = await endOf(context, shard);
      if (!notTold.includes(shard) && lastNumber !== told.get(shard.shardId)) {
        throw notBehind(shard.shardId, told.get(shard.shardId), lastNumber);
      }
      const end = ends.get(shard.shardIndex);
      if (end !== undefined && lastNumber !== undefined && lastNumber > end) {
        throw new ImportError(
          "impossible",
          `${shard.shardId} ends at ${end}, before its last record ${lastNumber}.`,
        );
      }
    }
    const lives = await lifetimes(context, stream, new Set(ends.keys()));
    const closed = shards.filter(({ shardIndex }) => ends.has(shardIndex));
    return {
      header: { ...stream.header, status: "ACTIVE", import: { source: name.source, isFinished: true } },
      puts: shards.map((shard) => {
        const endingSequenceNumber = ends.get(shard.shardIndex);
        const { startingSequenceNumber } = shard;
        const row: ShardRow = {
          ...shard.row,
          ...lives.get(shard.shardIndex),
          imported: {
            startingSequenceNumber,
            ...(endingSequenceNumber === undefined ? {} : { endingSequenceNumber }),
          },
        };
        return [shardKey(stream.header.incarnation, shard.shardIndex), JSON.stringify(row)];
      }),
      closes: closed.map(({ logId }) => logId),
    };
  });
}

/** Where the next entry of a shard goes, and the number before it. */
async function endOf(
  { engine }: StreamsContext,
  shard: Shard,
): Promise<{ readonly nextIndex: number; readonly lastNumber: string | undefined }> {
  await engine.refresh?.(shard.logId, "newest");
  const nextIndex = engine.describe(shard.logId)?.nextIndex ?? 1;
  if (nextIndex === 1) return { nextIndex, lastNumber: undefined };
  const last = await entryAt(engine, shard.logId, nextIndex - 1);
  if (last === undefined || last === "damaged" || last === "trimmed") {
    throw new ImportError("unavailable", `The last record of ${shard.shardId} cannot be read.`);
  }
  const { firstNumber } = new BatchCursor(last.payload);
  if (firstNumber === undefined) throw new ImportError("conflict", `${shard.shardId} takes records already.`);
  return { nextIndex, lastNumber: String(firstNumber + BigInt(last.recordCount - 1)) };
}

function shardOf(context: StreamsContext, name: ImportName, shardId: string): Shard {
  const stream = context.catalog.find(name);
  if (stream === undefined) throw missing(name);
  requireCopied(stream, name);
  const shardIndex = parseShardId(shardId);
  const shard = shardIndex === undefined ? undefined : stream.shard(shardIndex);
  if (shard === undefined) throw new ImportError("missing", `Stream ${name.name} has no shard ${shardId}.`);
  return shard;
}

/** @throws {ImportError} unless the stream is being copied from this source. */
function requireCopied(stream: Stream, { name, source }: ImportName): void {
  const { import: copied, status } = stream.header;
  if (copied === undefined) {
    throw new ImportError("conflict", `Stream ${name} is here already, and was not copied from elsewhere.`);
  }
  if (copied.source !== source) {
    throw new ImportError("conflict", `Stream ${name} is a copy of ${copied.source}, not of ${source}.`);
  }
  if (status !== "CREATING") {
    throw new ImportError("conflict", `Stream ${name} is ${status}: nothing is copied into it any more.`);
  }
}

function missing({ name }: ImportName): ImportError {
  return new ImportError("missing", `Stream ${name} is not being copied.`);
}

function notBehind(shardId: string, told: string | undefined, last: string | undefined): ImportError {
  return new ImportError(
    "conflict",
    `The last record of ${formatShardId(parseShardId(shardId) ?? 0)} here is ${last ?? "none"}, not ${told ?? "none"}.`,
  );
}
