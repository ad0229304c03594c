/** Records out of a shard, from a position on. */
import type { ReadOutcome, StoredEntry } from "@millrace/log";
import { BASE64, BatchCursor, RAW, rawBatchBytes } from "@millrace/log";
import type { ShardPosition } from "@millrace/model";
import { StoredRecords } from "@millrace/wire";
import type { Shard } from "../catalog/shard.ts";
import type { Stream } from "../catalog/stream.ts";
import type { StreamsContext } from "../context.ts";
import { wasEncryptedAt } from "../encryption.ts";
import { ReadBatch } from "./read-batch.ts";

/** Before the first record of a shard that was never trimmed. */
export const FIRST_POSITION: ShardPosition = Object.freeze({ entryIndex: 1, recordIndex: 0 });

export interface ShardReadLimits {
  readonly recordsMax: number;
  /** Decoded data and keys. One record is always given, however large. */
  readonly bytesMax: number;
  /** Default: what keeps records as they are stored. */
  readonly newRecords?: () => StoredRecords;
}

/**
 * Records that are encoded as they are read are read in steps of so many bytes: while one step is encoded the next one is being read,
 * so no more than two lie in memory, and what is encoded was just looked at.
 */
const STEP_BYTES = 512 << 10;

export type ShardReadOutcome =
  | {
      readonly kind: "records";
      readonly records: StoredRecords;
      /** When the last of them arrived; undefined when there is none. */
      readonly lastArrivalMs: number | undefined;
      /** Data and keys. */
      readonly bytes: number;
      /** Where the next read goes on. */
      readonly next: ShardPosition;
      /** The shard is closed and everything in it was read. */
      readonly ended: boolean;
      /** How far the last record read is behind now; 0 when nothing follows it. */
      readonly millisBehindLatest: number;
    }
  /** The shard was removed: its stream was deleted, or it is past retention. */
  | { readonly kind: "gone" }
  /** Records are lost or fail their checksum; they are never skipped. */
  | {
      readonly kind: "unreadable";
      /** A sentence for the client that names the range of sequence numbers. */
      readonly detail: string;
      /** What the engine says about it, for the log. */
      readonly cause: string;
    };

/**
 * Reads records, in order and without gaps, that arrived within the stream's retention. A position before the
 * oldest of them moves up to it. Reads until a limit or the tip is reached.
 */
export async function readShard(
  context: StreamsContext,
  stream: Stream,
  shard: Shard,
  from: ShardPosition,
  { recordsMax, bytesMax, newRecords = () => new StoredRecords() }: ShardReadLimits,
): Promise<ShardReadOutcome> {
  const { engine, clock } = context;
  const horizonMs = stream.horizonMs(clock.nowMs());
  const records = newRecords();
  let bytes = 0;
  let { entryIndex, recordIndex } = from.entryIndex < 1 ? FIRST_POSITION : from;
  let lastArrivalMs: number | undefined;
  let isFull = false;

  /** Undefined when there is nothing to read. */
  const readOn = (): Promise<ReadOutcome> | undefined => {
    const bounds = engine.describe(shard.logId);
    if (isFull || (bounds !== undefined && entryIndex >= bounds.nextIndex)) return undefined;
    return engine.read(shard.logId, entryIndex, {
      maxBytes: Math.max(1, bytesMax - bytes),
      maxRecords: recordsMax - records.length + recordIndex,
      ...(records.encodesEarly ? { stepBytes: STEP_BYTES } : {}),
    });
  };
  const refreshed = engine.refresh?.(shard.logId, "recent");
  if (refreshed !== undefined) await refreshed;
  for (let reading = readOn(); reading !== undefined;) {
    const outcome = await reading;
    if (outcome.kind === "gone") {
      records.release();
      return outcome;
    }
    if (outcome.kind === "hole" || outcome.kind === "damaged") {
      // What was read before it is given; the next read begins here and fails.
      if (records.length > 0) break;
      return unreadable(shard, outcome);
    }
    if (outcome.kind === "trimmed") {
      ({ entryIndex, recordIndex } = { entryIndex: outcome.trimIndex, recordIndex: 0 });
      reading = readOn();
      continue;
    }
    for (const entry of outcome.entries) {
      if (entry.arrivalMs < horizonMs) {
        // Arrival is monotone: everything up to the first entry within retention is past it.
        entryIndex = await engine.seek(shard.logId, horizonMs);
        recordIndex = 0;
        break;
      }
      const taken = takeRecords(
        context,
        stream,
        shard,
        entry,
        recordIndex,
        records,
        recordsMax,
        bytesMax - bytes,
      );
      bytes += taken.bytes;
      if (taken.nextRecordIndex > recordIndex) lastArrivalMs = entry.arrivalMs;
      if (taken.nextRecordIndex < entry.recordCount) {
        entryIndex = entry.index;
        recordIndex = taken.nextRecordIndex;
        isFull = true;
        break;
      }
      entryIndex = entry.index + 1;
      recordIndex = 0;
    }
    if (records.length >= recordsMax) isFull = true;
    reading = readOn();
    // Should encoding fail, nobody waits for it any more.
    reading?.catch(() => undefined);
    // The next ones are being read meanwhile.
    records.settle(outcome.release);
  }

  const bounds = engine.describe(shard.logId);
  if (bounds === undefined) return { kind: "gone" };
  const isAtTip = entryIndex >= bounds.nextIndex;
  return {
    kind: "records",
    records,
    lastArrivalMs,
    bytes,
    next: { entryIndex, recordIndex },
    ended: isAtTip && bounds.endIndex !== undefined,
    millisBehindLatest: isAtTip ? 0 : Math.max(0, Math.floor(clock.nowMs() - (lastArrivalMs ?? 0))),
  };
}

/** Appends records of an entry, from `recordIndex` on, to `records`, while they fit. */
function takeRecords(
  { encoded }: StreamsContext,
  { header }: Stream,
  shard: Shard,
  entry: StoredEntry,
  recordIndex: number,
  records: StoredRecords,
  recordsMax: number,
  bytesMax: number,
): { readonly bytes: number; readonly nextRecordIndex: number } {
  const encrypted = wasEncryptedAt(header, entry.arrivalMs);
  const fits = fittingRecords(entry, recordIndex, recordsMax - records.length, records.length > 0, bytesMax);
  // A position past the entry's last record is the start of the next entry.
  if (fits.toIndex <= recordIndex) return { bytes: 0, nextRecordIndex: recordIndex };
  const range = [recordIndex, fits.toIndex] as const;
  records.add(new ReadBatch(shard, entry, range, fits.firstNumber, encrypted, encoded));
  return { bytes: fits.bytes, nextRecordIndex: fits.toIndex };
}

/** How far the records of an entry fit. The first record of an answer always does. */
function fittingRecords(
  { payload, recordCount }: StoredEntry,
  recordIndex: number,
  recordsMax: number,
  isFollowing: boolean,
  bytesMax: number,
): { readonly bytes: number; readonly toIndex: number; readonly firstNumber: bigint | undefined } {
  const batch = new BatchCursor(payload);
  const { firstNumber } = batch;
  if (recordIndex === 0 && recordCount <= recordsMax && batch.encoding === RAW) {
    const bytes = rawBatchBytes(batch);
    if (bytes <= bytesMax) return { bytes, toIndex: recordCount, firstNumber };
  }
  let bytes = 0;
  let at = 0;
  for (; at - recordIndex < recordsMax && batch.next(); at += 1) {
    if (at < recordIndex) continue;
    const sizeBytes = batch.keyEnd - batch.keyStart + dataBytesOf(batch);
    if ((isFollowing || at > recordIndex) && bytes + sizeBytes > bytesMax) break;
    bytes += sizeBytes;
  }
  return { bytes, toIndex: at, firstNumber };
}

/** What the data of the record at hand decodes to. Bytes. */
function dataBytesOf({ encoding, payload, dataStart, dataEnd }: BatchCursor): number {
  if (encoding !== BASE64) return dataEnd - dataStart;
  const isPadded = (at: number) => at >= dataStart && payload[at] === PADDING;
  const padCount = isPadded(dataEnd - 2) ? 2 : isPadded(dataEnd - 1) ? 1 : 0;
  return ((dataEnd - dataStart) / 4) * 3 - padCount;
}

const PADDING = "=".charCodeAt(0);

/**
 * Says what is lost in the words of the API; where it lies on the disk is for the log. The numbers that lost records brought along
 * are lost with them: those of their entries are told, which a reader can go on with as well.
 */
function unreadable(
  shard: Shard,
  outcome: Extract<ReadOutcome, { kind: "hole" | "damaged" }>,
): Extract<ShardReadOutcome, { kind: "unreadable" }> {
  const isHole = outcome.kind === "hole";
  const { toIndex } = outcome;
  const from = shard.sequenceNumber(isHole ? outcome.fromIndex : outcome.index, 0);
  const upTo = toIndex === undefined ? "on" : `up to, not including, ${shard.sequenceNumber(toIndex, 0)}`;
  const why = isHole ? "were lost to a damaged disk" : "cannot be read: what the disk holds is damaged";
  return {
    kind: "unreadable",
    detail: `Records of ${shard.shardId} from ${from} ${upTo} ${why}.`,
    cause: isHole ? "given up by a repair" : outcome.detail,
  };
}

/** A read met what is lost or damaged: whoever runs the server must learn of it, and find the request. */
export function logUnreadable(
  { log }: StreamsContext,
  { accountId, region, name }: Stream,
  { shardId }: Shard,
  { detail, cause }: Extract<ShardReadOutcome, { kind: "unreadable" }>,
  requestId: string,
): void {
  log.error("records that were acknowledged cannot be read", {
    requestId,
    stream: name,
    accountId,
    region,
    shardId,
    detail,
    cause,
  });
}
