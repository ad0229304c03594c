/**
 * Copies one stream: reads what the target does not have yet, appends it there, and compares. Everything that a later run needs to know
 * the target knows, so this may be ended anywhere.
 */
import type { KinesisClient } from "@millrace/client";
import { RecordDigest } from "@millrace/model";
import type { ImportedShard, NumbersWanted, ShardProgress } from "@millrace/server";
import { CommandFailure } from "../command.ts";
import { ControlFailure } from "../connection.ts";
import type { ShardBatch, ShardPosition, ShardSource, StreamRecord } from "../reading/shard-sources.ts";
import type { World } from "../world.ts";
import { shardsOfSource, type SourceStream } from "./source.ts";
import { Tally } from "./tally.ts";
import { arrivalOf, type Target } from "./target.ts";

export interface Copy {
  readonly world: World;
  readonly streamName: string;
  readonly kinesis: KinesisClient;
  readonly source: SourceStream;
  /** Reads shards of the source. */
  readonly read: ShardSource;
  readonly target: Target;
  /** Records get new numbers where those that they have cannot be kept. */
  readonly renumber: boolean;
}

export interface CopyOutcome {
  /** The target had opened the stream already. */
  readonly wasFinished: boolean;
  /** Its records have other numbers than at the source. */
  readonly isRenumbered: boolean;
  /** All that the copy has, also those that the source has forgotten. */
  readonly shardIds: readonly string[];
  readonly copiedRecords: number;
  readonly copiedBytes: number;
  readonly comparedRecords: number;
  /**
   * Has the target open the stream, after another look at the source.
   *
   * @throws {CommandFailure} when something came since.
   */
  readonly open: () => Promise<void>;
}

interface WantedShard extends ShardProgress {
  /** At the source: it is read up to its end. */
  readonly isClosed: boolean;
}

/** Shards that are read at once. */
const SHARDS_AT_ONCE = 8;
/** Data and keys in one request to the target; one record may exceed it. */
const REQUEST_BYTES = 4 << 20;
const REQUEST_RECORDS = 5_000;
const WITH_RENUMBER =
  "With --renumber all records of the copy get new numbers. Checkpoints are not found by those that they have then: a map from old to new is written, and --lease-table NAME copies a lease table of the KCL and translates it";
/** How often a stream may turn out to have more before it is finished. */
const ROUNDS_MAX = 20;

/** What one round brought. */
interface Round {
  readonly isFinished: boolean;
  readonly isRenumbered: boolean;
  readonly known: readonly ShardProgress[];
  /** As the source listed them. */
  readonly shards: readonly ImportedShard[];
  readonly progress: readonly WantedShard[];
  readonly copiedRecords: number;
  readonly copiedBytes: number;
  readonly comparedRecords: number;
}

/**
 * Copies what is there, and compares. `untilSteady` goes on until nothing more comes.
 *
 * @throws {CommandFailure} when copy and source differ, when a stream that is to be steady is still written to, and when numbers
 *   cannot be kept and new ones were not asked for.
 */
export async function copyStream(copy: Copy, untilSteady: boolean): Promise<CopyOutcome> {
  const { streamName, target } = copy;
  const total = { copiedRecords: 0, copiedBytes: 0, comparedRecords: 0 };
  const compared = new Map<string, Compared>();
  let numbers: NumbersWanted = copy.renumber ? "kept-if-possible" : "kept";
  for (let count = 0; count < ROUNDS_MAX; count += 1) {
    let round: Round;
    try {
      round = await copyRound(copy, numbers, compared);
    } catch (failure) {
      if (!(failure instanceof ControlFailure) || failure.type !== "NumbersNotKeptException") throw failure;
      if (!copy.renumber) throw new CommandFailure(`${streamName}: ${failure.message} ${WITH_RENUMBER}`);
      if (numbers === "new") throw failure;
      copy.world.errors.write(`${streamName}: ${failure.message} All of its records get new ones\n`);
      numbers = "new";
      compared.clear();
      continue;
    }
    total.copiedRecords += round.copiedRecords;
    total.copiedBytes += round.copiedBytes;
    total.comparedRecords += round.comparedRecords;
    if (untilSteady && !round.isFinished && round.copiedRecords > 0) continue;
    const { isFinished: wasFinished, isRenumbered, known, shards } = round;
    return {
      wasFinished,
      isRenumbered,
      shardIds: known.map(({ shardId }) => shardId),
      ...total,
      async open() {
        const last = await copyRound(copy, numbers, compared);
        if (last.copiedRecords > 0 || !isSame(shards, last.shards)) throw stillArriving(streamName);
        await target.finish(last.shards, last.progress);
      },
    };
  }
  throw stillArriving(streamName);
}

function stillArriving(streamName: string): CommandFailure {
  return new CommandFailure(
    `records still arrive in ${streamName}; stop what puts them, and run this again to finish`,
  );
}

async function copyRound(
  copy: Copy,
  numbers: NumbersWanted,
  compared: Map<string, Compared>,
): Promise<Round> {
  const shards = await shardsOfSource(copy.kinesis, copy.streamName);
  const {
    isFinished,
    isRenumbered,
    shards: known,
  } = await copy.target.begin(copy.source.settings, shards, numbers);
  const round = { isFinished, isRenumbered, known, shards };
  if (isFinished) return { ...round, progress: [], copiedRecords: 0, copiedBytes: 0, comparedRecords: 0 };
  const told = new Map(shards.map((shard) => [shard.shardId, shard]));
  // Shards past retention at the source have nothing more to give.
  const wanted = known.flatMap(({ shardId, lastSequenceNumber }) => {
    const shard = told.get(shardId);
    const isClosed = shard?.endingSequenceNumber !== undefined;
    return shard === undefined ? [] : [{ shardId, lastSequenceNumber, isClosed }];
  });
  const { records, bytes, progress } = await copyRecords(copy, wanted);
  const comparedRecords = await compare(copy, progress, compared);
  return { ...round, progress, copiedRecords: records, copiedBytes: bytes, comparedRecords };
}

function isSame(some: readonly ImportedShard[], others: readonly ImportedShard[]): boolean {
  return JSON.stringify(some) === JSON.stringify(others);
}

async function copyRecords(
  copy: Copy,
  wanted: readonly WantedShard[],
): Promise<{ readonly records: number; readonly bytes: number; readonly progress: WantedShard[] }> {
  const tally = new Tally(copy.world, copy.streamName, wanted.length);
  const progress: WantedShard[] = [];
  try {
    await eachAtOnce(wanted, async (shard) => {
      const { shardId } = shard;
      let last = shard.lastSequenceNumber;
      for await (const batch of batchesOf(copy, shard, positionAfter(last))) {
        for (const records of requestsOf(batch.records)) {
          await copy.target.append(shardId, last, records);
          last = records.at(-1)!.SequenceNumber;
          tally.add(shardId, records.length, bytesOf(records), batch.behindMs);
        }
        if (batch.records.length === 0) tally.add(shardId, 0, 0, batch.behindMs);
      }
      progress.push({ ...shard, lastSequenceNumber: last });
    });
  } finally {
    tally.clear();
  }
  return { records: tally.records, bytes: tally.bytes, progress };
}

/** Up to where a shard was compared. */
interface Compared {
  readonly lastSequenceNumber: string;
  /** The latest arrival before that. A log's arrivals do not go back: where the source's do, the copy has this one. */
  readonly latestMs: number;
}

/**
 * Reads the source once more, from where it was compared before up to where the copy is, and compares digests.
 *
 * @returns how many records were compared. What the source has forgotten meanwhile is not.
 */
async function compare(
  copy: Copy,
  progress: readonly WantedShard[],
  compared: Map<string, Compared>,
): Promise<number> {
  const tally = new Tally(copy.world, `${copy.streamName}, comparing`, progress.length);
  try {
    await eachAtOnce(progress, async (shard) => {
      const { shardId, lastSequenceNumber: last } = shard;
      let at = compared.get(shardId);
      if (last === undefined || at?.lastSequenceNumber === last) return;
      for await (const batch of batchesOf(copy, shard, positionAfter(at?.lastSequenceNumber))) {
        const records = batch.records.filter((record) => isAtMost(record.SequenceNumber, last));
        if (records.length > 0) {
          at = await compareRecords(copy, shardId, records, at);
          tally.add(shardId, records.length, bytesOf(records), batch.behindMs);
        }
        if (records.length < batch.records.length) break;
      }
      if (at !== undefined) compared.set(shardId, at);
    });
  } finally {
    tally.clear();
  }
  return tally.records;
}

/**
 * Compares records of the source with those that the copy has behind `before`, up to the last of them.
 *
 * @throws {CommandFailure} when they differ.
 */
async function compareRecords(
  { streamName, target }: Copy,
  shardId: string,
  records: readonly StreamRecord[],
  before: Compared | undefined,
): Promise<Compared> {
  const digest = new RecordDigest();
  let latestMs = before?.latestMs ?? 0;
  for (const record of records) {
    latestMs = Math.max(latestMs, arrivalOf(record));
    digest.add({
      sequenceNumber: record.SequenceNumber,
      arrivalMs: latestMs,
      key: record.PartitionKey === undefined ? undefined : Buffer.from(record.PartitionKey),
      data: record.Data,
    });
  }
  // Nothing may lie in the copy between what was compared before and these.
  const from =
    before === undefined ? records[0]!.SequenceNumber : String(BigInt(before.lastSequenceNumber) + 1n);
  const to = records.at(-1)!.SequenceNumber;
  const [there, here] = [digest.finish(), await target.digest(shardId, from, to)];
  if (there.recordCount === here.recordCount && there.digest === here.digest) {
    return { lastSequenceNumber: to, latestMs };
  }
  throw new CommandFailure(
    `${streamName} ${shardId} differs from its copy between ${from} and ${to}: ` +
      `${there.recordCount} records with digest ${there.digest} there, ${here.recordCount} with ${here.digest} in the copy. ` +
      "Delete the copy (millrace stream delete) and begin again",
  );
}

/** Batches of a shard up to its end, or to what is its newest record by then. */
async function* batchesOf(
  { read, world }: Copy,
  { shardId, isClosed }: WantedShard,
  position: ShardPosition,
): AsyncGenerator<ShardBatch> {
  for await (const batch of read(shardId, position, world.interrupted)) {
    yield batch;
    if (batch.children !== undefined || (batch.behindMs === 0 && !isClosed)) return;
  }
  // It ends by itself only when it is told to.
  throw new CommandFailure("interrupted; run it again, and it goes on where it was");
}

function positionAfter(last: string | undefined): ShardPosition {
  return last === undefined
    ? { Type: "TRIM_HORIZON" }
    : { Type: "AFTER_SEQUENCE_NUMBER", SequenceNumber: last };
}

/** Records in order, as many at a time as one request should carry. */
function requestsOf(records: readonly StreamRecord[]): StreamRecord[][] {
  const requests: StreamRecord[][] = [];
  let bytes = Infinity;
  for (const record of records) {
    const sizeBytes = bytesOf([record]);
    const request = requests.at(-1);
    if (request === undefined || bytes + sizeBytes > REQUEST_BYTES || request.length >= REQUEST_RECORDS) {
      requests.push([record]);
      bytes = sizeBytes;
    } else {
      request.push(record);
      bytes += sizeBytes;
    }
  }
  return requests;
}

function bytesOf(records: readonly StreamRecord[]): number {
  return records.reduce(
    (sum, { Data, PartitionKey }) => sum + Data.length + Buffer.byteLength(PartitionKey ?? ""),
    0,
  );
}

/** A longer number is above. */
function isAtMost(number: string, bound: string): boolean {
  return number.length === bound.length ? number <= bound : number.length < bound.length;
}

/** Works on all of them, some at a time; rejects with the first failure when nothing is under way any more. */
async function eachAtOnce<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const failures: unknown[] = [];
  const worker = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined && failures.length === 0; item = left.shift()) {
      await work(item).catch((failure: unknown) => failures.push(failure));
    }
  };
  await Promise.all(Array.from({ length: Math.min(SHARDS_AT_ONCE, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
}
