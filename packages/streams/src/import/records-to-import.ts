/** Records from elsewhere: whether they can be stored as they are, and the entries that they become. */
import { encodeImportedBatch, encodeRenumberedBatch, RECORDS_PER_ENTRY_MAX } from "@millrace/log";
import type { Shard } from "../catalog/shard.ts";
import { ImportError } from "./import-error.ts";
import { isAbove } from "./imported-numbers.ts";
import { anyNumber, keptNumber } from "./imported-stream.ts";

export interface ImportedRecord {
  readonly sequenceNumber: string;
  /** Whole milliseconds. */
  readonly arrivalMs: number;
  /** UTF-8; undefined for a record without a partition key. */
  readonly key: Uint8Array | undefined;
  readonly data: Uint8Array;
}

/** How far ahead of this server's clock an arrival may be: two machines' clocks are never the same. */
const AHEAD_MS_MAX = 5 * 60_000;
/** Of data and keys in one entry; one record may exceed it. */
const ENTRY_BYTES = 1 << 20;
const KEY_BYTES_MAX = 1_024;
const DATA_BYTES_MAX = 10 << 20;

/** Whether records of a shard get new numbers. */
export function isRenumbered({ row }: Shard): boolean {
  return row.renumbered !== undefined;
}

/** @throws {ImportError} for records that cannot be stored as they are. */
export function requireOrder(
  shard: Shard,
  after: string | undefined,
  records: readonly ImportedRecord[],
  nowMs: number,
): void {
  const { shardId } = shard;
  const latestMs = nowMs + AHEAD_MS_MAX;
  let last = after;
  for (const { sequenceNumber, arrivalMs, key, data } of records) {
    requireNumber(shard, sequenceNumber);
    if (last !== undefined && !isAbove(sequenceNumber, last)) {
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

/** @throws {ImportError} for a number that a record of the shard cannot have had, or not keep. */
function requireNumber(shard: Shard, number: string): void {
  const { shardId, generation, startingSequenceNumber } = shard;
  if (isRenumbered(shard)) anyNumber(number, shardId);
  else if (keptNumber(number, shardId) >= generation || number < startingSequenceNumber) {
    throw new ImportError(
      "unkept",
      `The sequence number ${number} of ${shardId} cannot be kept: it lies outside of the numbers that the shard began with.`,
    );
  }
}

/** Records that arrived together and have numbers that follow each other share an entry. */
export function entriesOf(records: readonly ImportedRecord[], renumbered: boolean) {
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
    batch: (renumbered ? encodeRenumberedBatch : encodeImportedBatch)(run.records, run.first),
  }));
}
