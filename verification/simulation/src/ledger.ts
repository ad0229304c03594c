/**
 * What the clients know, all of them together: which records they put, which of those were acknowledged, what
 * was read, and what they were told about streams and shards. Checkers compare every answer with it.
 */
import { hashKeyOf, parseHashKey } from "@millrace/model";
import type { Moment } from "./world/world.ts";

export const HOUR_MS = 3_600_000;

/** One record that somebody tried to put, once. Its data names it, so that it is known wherever it turns up. */
export interface Attempt {
  readonly id: string;
  readonly streamName: string;
  readonly partitionKey: string;
  readonly hashKey: bigint;
  readonly sizeBytes: number;
  readonly sent: Moment;
}

/** A record that is known to be stored: it was acknowledged, or read. */
export interface KnownRecord {
  readonly sequenceNumber: string;
  readonly attempt: Attempt;
  /** When the acknowledgement came. */
  acknowledged: Moment | undefined;
  wasRead: boolean;
  /** Known once it was read. */
  arrivalMs: number | undefined;
  /** When the first proof came that it is stored. */
  readonly known: Moment;
  /** When the call began that proved it last. */
  proven: Moment;
}

export interface ShardModel {
  readonly shardId: string;
  range: { readonly start: bigint; readonly end: bigint } | undefined;
  parents: readonly string[] | undefined;
  readonly records: Map<string, KnownRecord>;
  /** The same in order of number. */
  readonly sorted: KnownRecord[];
  startingSequenceNumber: string | undefined;
  endingSequenceNumber: string | undefined;
  /** First proof that it takes records. */
  openKnown: Moment | undefined;
  /** Last proof that it still did. */
  lastOpen: Moment | undefined;
  /** First proof that it is closed. */
  closedKnown: Moment | undefined;
  /** Somebody has read all of it, from its horizon to SHARD_END. */
  endRead: Moment | undefined;
  /** Records below this number were seen to be gone, at the moment that follows. */
  goneBelow: string;
  goneKnown: Moment | undefined;
  /** The last listing that had it came. */
  listed: Moment | undefined;
  /** A listing came that should have had it and had not. */
  vanished: Moment | undefined;
}

/** A retention period that may have been in force between two orders. */
interface RetentionSpan {
  readonly hours: number;
  readonly fromOrder: number;
  toOrder: number;
}

/** One incarnation of a stream. */
export interface StreamModel {
  readonly name: string;
  readonly createdMs: number;
  readonly shards: Map<string, ShardModel>;
  readonly retention: RetentionSpan[];
  /** Records that arrived before this were given up for good when retention was raised. */
  horizonLeastMs: number;
  horizonMostMs: number;
  /** When that was known. */
  horizonKnown: Moment | undefined;
  /** What each tag may be: one value, or several while nobody knows whether the last change was made. */
  readonly tags: Map<string, Set<string>>;
  /** It was known to be deleted. */
  deletedKnown: Moment | undefined;
  /** Order of the request to delete it. */
  doomedOrder: number;
  /** Bits of stored records were flipped: some of it cannot be read any more. */
  rotten: boolean;
}

export class Ledger {
  /** Streams that serve, by name. */
  readonly streams = new Map<string, StreamModel>();
  readonly attempts = new Map<string, Attempt>();
  acknowledgedCount = 0;
  readCount = 0;
  #serial = 0;

  attempt(
    streamName: string,
    key: { partitionKey: string; explicitHashKey?: string },
    sizeBytes: number,
    sent: Moment,
  ): Attempt {
    this.#serial += 1;
    const id = String(this.#serial);
    const { partitionKey, explicitHashKey } = key;
    const attempt: Attempt = {
      id,
      streamName,
      partitionKey,
      hashKey:
        explicitHashKey === undefined
          ? hashKeyOf(Buffer.from(partitionKey, "utf8"))
          : (parseHashKey(explicitHashKey) as bigint),
      sizeBytes: Math.max(sizeBytes, id.length + 1),
      sent,
    };
    this.attempts.set(id, attempt);
    return attempt;
  }

  /** Only `stream` as it is now. */
  isCurrent(stream: StreamModel): boolean {
    return this.streams.get(stream.name) === stream;
  }

  /** The attempt that put these bytes; undefined when nobody put exactly them. */
  attemptOf(data: Uint8Array): Attempt | undefined {
    const end = data.indexOf(END_OF_ID);
    const attempt =
      end < 0 ? undefined : this.attempts.get(Buffer.from(data.subarray(0, end)).toString("latin1"));
    return attempt !== undefined && dataOf(attempt).equals(data) ? attempt : undefined;
  }

  /** Takes note of a record at its place. */
  know(
    shard: ShardModel,
    sequenceNumber: string,
    attempt: Attempt,
    { sent, received }: { readonly sent: Moment; readonly received: Moment },
  ): KnownRecord {
    const known = shard.records.get(sequenceNumber);
    if (known !== undefined) {
      if (sent.order > known.proven.order) known.proven = sent;
      return known;
    }
    const record: KnownRecord = {
      sequenceNumber,
      attempt,
      acknowledged: undefined,
      wasRead: false,
      arrivalMs: undefined,
      known: received,
      proven: sent,
    };
    shard.records.set(sequenceNumber, record);
    shard.sorted.splice(firstAtOrAbove(shard.sorted, sequenceNumber), 0, record);
    return record;
  }
}

const END_OF_ID = ".".charCodeAt(0);

/** The data of an attempt: its id, over and over. */
export function dataOf({ id, sizeBytes }: Attempt): Buffer {
  return Buffer.alloc(sizeBytes, `${id}.`);
}

export function newStream(name: string, createdMs: number, hours: number, order: number): StreamModel {
  return {
    name,
    createdMs,
    shards: new Map(),
    retention: [{ hours, fromOrder: order, toOrder: Infinity }],
    horizonLeastMs: 0,
    horizonMostMs: 0,
    horizonKnown: undefined,
    tags: new Map(),
    deletedKnown: undefined,
    doomedOrder: Infinity,
    rotten: false,
  };
}

export function shardOf(stream: StreamModel, shardId: string): ShardModel {
  let shard = stream.shards.get(shardId);
  if (shard === undefined) {
    shard = {
      shardId,
      range: undefined,
      parents: undefined,
      records: new Map(),
      sorted: [],
      startingSequenceNumber: undefined,
      endingSequenceNumber: undefined,
      openKnown: undefined,
      lastOpen: undefined,
      closedKnown: undefined,
      endRead: undefined,
      goneBelow: "",
      goneKnown: undefined,
      listed: undefined,
      vanished: undefined,
    };
    stream.shards.set(shardId, shard);
  }
  return shard;
}

/** Place of the first record with at least this number. Numbers have one length, so they compare as texts. */
export function firstAtOrAbove(sorted: readonly KnownRecord[], sequenceNumber: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as KnownRecord).sequenceNumber < sequenceNumber) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The shortest and the longest retention that may have been in force at some time between two moments. */
export function retentionBetween(
  stream: StreamModel,
  from: Moment,
  to: Moment,
): { leastMs: number; mostMs: number } {
  const hours = stream.retention
    .filter(({ fromOrder, toOrder }) => fromOrder <= to.order && toOrder >= from.order)
    .map((span) => span.hours);
  return { leastMs: Math.min(...hours) * HOUR_MS, mostMs: Math.max(...hours) * HOUR_MS };
}

/** When the record arrived at the earliest. */
export function arrivedAfterMs({ arrivalMs, attempt }: KnownRecord): number {
  return arrivalMs ?? attempt.sent.leastMs;
}

/** When the record arrived at the latest. */
export function arrivedBeforeMs({ arrivalMs, known }: KnownRecord): number {
  return arrivalMs ?? known.mostMs;
}

/** Whether the record may be past retention for a call between two moments. */
export function mayBeGone(stream: StreamModel, record: KnownRecord, from: Moment, to: Moment): boolean {
  const afterMs = arrivedAfterMs(record);
  return afterMs <= to.mostMs - retentionBetween(stream, from, to).leastMs || afterMs <= stream.horizonMostMs;
}

/** Whether a shard may be closed, and past retention, for a call between two moments. */
export function shardMayBeGone(
  stream: StreamModel,
  { lastOpen }: ShardModel,
  from: Moment,
  to: Moment,
): boolean {
  if (lastOpen === undefined) return true;
  const closedAfterMs = lastOpen.leastMs;
  return (
    closedAfterMs <= to.mostMs - retentionBetween(stream, from, to).leastMs ||
    closedAfterMs <= stream.horizonMostMs
  );
}
