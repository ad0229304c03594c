/**
 * Copies of streams that lie elsewhere, taken in bit by bit. The copier says which records follow which, and each step is
 * conditional on what is here already, so that it can be repeated after any outcome and from any server of a cluster:
 *
 * 1. `begin` makes the stream, CREATING, with its shards and the logs for them; again, it says how far each shard is, and takes
 *    in shards that were made at the source meanwhile.
 * 2. `append` stores records behind the last one, with the numbers and the arrivals that they had.
 * 3. `digest` is for comparing what is here with what is there.
 * 4. `finish` closes what was closed there and opens the stream: one commit.
 *
 * Where records get new numbers, entries remember those that they had, and all these steps speak of those. `numberPairs` and
 * `translate` tell which became which, as long as the records are kept.
 */
import { BatchCursor } from "@millrace/log";
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
  anyNumber,
  checkedShards,
  headerWhileCopied,
  keptNumber,
  requireWholeRing,
  rowWhileCopied,
} from "./imported-stream.ts";
import { entryAt, isAbove, positionOfImported } from "./imported-numbers.ts";
import { lifetimes } from "./lifetimes.ts";
import { numberPairs, type NumberPairs, translate, type Translation } from "./number-pairs.ts";
import { entriesOf, type ImportedRecord, isRenumbered, requireOrder } from "./records-to-import.ts";

/** Which copy is meant. */
export interface ImportName extends StreamName {
  /** Names a stream elsewhere, and one life of it: what is begun from one is not continued from another. */
  readonly source: string;
}

/** How far a shard is. */
export interface ShardProgress {
  readonly shardId: string;
  /** Of the last record that is here; undefined when none is. */
  readonly lastSequenceNumber: string | undefined;
}

/**
 * What becomes of sequence numbers: they are `kept`, which may be impossible; they are kept unless that is impossible for the
 * shards; or all records get `new` ones, and what was copied before with those that it had is thrown away. What a copy was begun
 * with it goes on with.
 */
export type NumbersWanted = "kept" | "kept-if-possible" | "new";

export interface BegunImport {
  readonly isFinished: boolean;
  readonly isRenumbered: boolean;
  /** Of a copy that is finished without how far they are. */
  readonly shards: readonly ShardProgress[];
}

export interface Imports {
  /** @throws {ImportError} `unkept` when numbers are to be kept (the default) and cannot, or are not kept already. */
  begin(
    name: ImportName,
    settings: ImportedSettings,
    shards: readonly ImportedShard[],
    numbers?: NumbersWanted,
  ): Promise<BegunImport>;
  /**
   * Stores records, in order, behind the record with the number `after` (undefined: before all others).
   *
   * @throws {ImportError} `conflict` when that is not the last one here, `unkept` for numbers that would have to be kept and cannot.
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
  /** Numbers that records had and those that they have, in order, from behind `after` (as it was) on: as many as one answer should carry. */
  numberPairs(name: ImportName, shardId: string, after: string | undefined): Promise<NumberPairs>;
  /** What stands for a number that the shard had, or that lay between two that it had. */
  translate(name: ImportName, shardId: string, number: string): Promise<Translation>;
}

const DIGEST_READ = { maxBytes: 4 << 20, maxRecords: 10_000 };

export function createImports(context: StreamsContext): Imports {
  return {
    begin: (name, settings, shards, numbers) => begin(context, name, settings, shards, numbers),
    append: (name, shardId, after, records) => append(context, name, shardId, after, records),
    digest: (name, shardId, from, to) => digest(context, name, shardId, from, to),
    finish: (name, shards, progress) => finish(context, name, shards, progress),
    async numberPairs(name, shardId, after) {
      if (after !== undefined) anyNumber(after, shardId);
      return numberPairs(context, copiedShard(context, name, shardId), after);
    },
    async translate(name, shardId, number) {
      anyNumber(number, shardId);
      return translate(context, copiedShard(context, name, shardId), number);
    },
  };
}

async function begin(
  context: StreamsContext,
  name: ImportName,
  settings: ImportedSettings,
  given: readonly ImportedShard[],
  numbers: NumbersWanted = "kept",
): Promise<BegunImport> {
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
  await context.catalog.change(name, (found) => {
    if (found?.header.import?.isFinished === true && found.header.import.source === name.source) {
      return undefined;
    }
    if (found !== undefined) requireCopied(found, name);
    const isRenumbered = willBeRenumbered(found, name, given, numbers);
    const checked = checkedShards(given, isRenumbered);
    // Records that came with their numbers cannot lose them: they are copied anew.
    const thrownAway = isRenumbered && found?.header.import?.isRenumbered !== true ? found : undefined;
    const existing = thrownAway === undefined ? found : undefined;
    const nowMs = context.clock.nowMs();
    const header =
      existing?.header ??
      headerWhileCopied(settings, {
        isRenumbered,
        source: name.source,
        incarnation: Buffer.from(context.secrets.bytes(8)).toString("hex"),
        nowMs,
        maxRecordSizeKiB: limits.recordSizeDefaultKiB,
      });
    const rows = new Map<number, ShardRow>();
    for (const shard of checked) {
      const known = existing?.shard(shard.shardIndex);
      if (known !== undefined) {
        const { startingSequenceNumber: began } = known.row.renumbered ?? known.row.imported ?? {};
        if (began === shard.startingSequenceNumber) continue;
        throw new ImportError("conflict", `${known.shardId} began elsewhere with another number.`);
      }
      const parentGenerations = shard.parents.flatMap((parent) => {
        const row = existing?.shard(parent)?.row ?? rows.get(parent);
        return row === undefined ? [] : [row.generation];
      });
      const logId = context.engine.allocateLogId();
      rows.set(shard.shardIndex, rowWhileCopied(shard, { logId, nowMs, parentGenerations, isRenumbered }));
    }
    if (existing !== undefined && rows.size === 0) return undefined;
    return {
      header: {
        ...header,
        nextShardIndex: Math.max(header.nextShardIndex, ...[...rows.keys()].map((index) => index + 1)),
      },
      puts: [...rows].map(([index, row]) => [shardKey(header.incarnation, index), JSON.stringify(row)]),
      opens: [...rows.values()].map(({ logId }) => logId),
      ...(thrownAway === undefined ? {} : shardsOfRemoved(thrownAway)),
    };
  });
  const stream = context.catalog.find(name);
  if (stream === undefined) throw missing(name);
  const isRenumbered = stream.header.import?.isRenumbered === true;
  const isFinished = stream.header.import?.isFinished !== false;
  const shards: ShardProgress[] = [];
  for (const shard of stream.storedShards()) {
    const lastSequenceNumber = isFinished ? undefined : (await endOf(context, shard)).lastNumber;
    shards.push({ shardId: shard.shardId, lastSequenceNumber });
  }
  return { isFinished, isRenumbered, shards };
}

function willBeRenumbered(
  existing: Stream | undefined,
  { name }: ImportName,
  shards: readonly ImportedShard[],
  numbers: NumbersWanted,
): boolean {
  if (existing?.header.import?.isRenumbered === true) {
    if (numbers !== "kept") return true;
    throw new ImportError("unkept", `Stream ${name} is being copied with new sequence numbers.`);
  }
  if (numbers !== "kept-if-possible") return numbers === "new";
  try {
    checkedShards(shards, false);
    return false;
  } catch (error) {
    if (error instanceof ImportError && error.kind === "unkept") return true;
    throw error;
  }
}

/** The parts of a change that take away what is stored of a stream's shards. */
function shardsOfRemoved(stream: Stream) {
  const shards = stream.storedShards();
  return {
    deletes: shards.map(({ shardIndex }) => shardKey(stream.header.incarnation, shardIndex)),
    drops: shards.map(({ logId }) => logId),
  };
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
  requireOrder(shard, after, records, context.clock.nowMs());
  let index = nextIndex;
  // Of another copier's records as many may lie in an entry as its requests bring.
  const run = { isBroken: false };
  const appends = entriesOf(records, isRenumbered(shard)).map(({ arrivalMs, batch }) =>
    context.engine.appendAt(shard.logId, batch, { index: index++, arrivalMs, run }),
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

async function digest(
  context: StreamsContext,
  name: ImportName,
  shardId: string,
  from: string,
  to: string,
): Promise<{ recordCount: number; digest: string }> {
  const shard = shardOf(context, name, shardId);
  for (const number of [from, to]) (isRenumbered(shard) ? anyNumber : keptNumber)(number, shardId);
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
  let number = batch.sourceNumber;
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
  const told = new Map(progress.map(({ shardId, lastSequenceNumber }) => [shardId, lastSequenceNumber]));
  await context.catalog.change(name, async (stream) => {
    if (stream === undefined) throw missing(name);
    if (stream.header.import?.isFinished === true && stream.header.import.source === name.source) {
      return undefined;
    }
    requireCopied(stream, name);
    const checked = checkedShards(given, stream.header.import?.isRenumbered === true);
    requireWholeRing(checked);
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
      if (end !== undefined && lastNumber !== undefined && isAbove(lastNumber, end)) {
        throw new ImportError(
          "impossible",
          `${shard.shardId} ends at ${end}, before its last record ${lastNumber}.`,
        );
      }
    }
    const lives = await lifetimes(context, stream, new Set(ends.keys()));
    const closed = shards.filter(({ shardIndex }) => ends.has(shardIndex));
    return {
      header: {
        ...stream.header,
        status: "ACTIVE",
        import: { ...stream.header.import, source: name.source, isFinished: true },
      },
      puts: shards.map((shard) => {
        const endingSequenceNumber = ends.get(shard.shardIndex);
        const { startingSequenceNumber } = shard;
        const row: ShardRow = {
          ...shard.row,
          ...lives.get(shard.shardIndex),
          // Where a shard that was renumbered ends, follows from its log.
          ...(isRenumbered(shard)
            ? {}
            : {
                imported: {
                  startingSequenceNumber,
                  ...(endingSequenceNumber === undefined ? {} : { endingSequenceNumber }),
                },
              }),
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
  const { sourceNumber } = new BatchCursor(last.payload);
  if (sourceNumber === undefined)
    throw new ImportError("conflict", `${shard.shardId} takes records already.`);
  return { nextIndex, lastNumber: String(sourceNumber + BigInt(last.recordCount - 1)) };
}

function shardOf(context: StreamsContext, name: ImportName, shardId: string): Shard {
  const stream = context.catalog.find(name);
  if (stream === undefined) throw missing(name);
  requireCopied(stream, name);
  return shardIn(stream, shardId);
}

/** The same, also when the copy is finished. */
function copiedShard(context: StreamsContext, name: ImportName, shardId: string): Shard {
  const stream = context.catalog.find(name);
  if (stream === undefined) throw missing(name);
  requireCopyOf(stream, name);
  return shardIn(stream, shardId);
}

function shardIn(stream: Stream, shardId: string): Shard {
  const shardIndex = parseShardId(shardId);
  const shard = shardIndex === undefined ? undefined : stream.shard(shardIndex);
  if (shard === undefined) throw new ImportError("missing", `Stream ${stream.name} has no shard ${shardId}.`);
  return shard;
}

/** @throws {ImportError} unless the stream is being copied from this source. */
function requireCopied(stream: Stream, name: ImportName): void {
  requireCopyOf(stream, name);
  if (stream.header.status !== "CREATING") {
    throw new ImportError(
      "conflict",
      `Stream ${name.name} is ${stream.header.status}: nothing is copied into it any more.`,
    );
  }
}

function requireCopyOf(stream: Stream, { name, source }: ImportName): void {
  const copied = stream.header.import;
  if (copied === undefined) {
    throw new ImportError("conflict", `Stream ${name} is here already, and was not copied from elsewhere.`);
  }
  if (copied.source !== source) {
    throw new ImportError("conflict", `Stream ${name} is a copy of ${copied.source}, not of ${source}.`);
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
