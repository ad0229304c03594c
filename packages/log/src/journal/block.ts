/**
 * One commit while it is put together: state changes first, then the chunks, all entries of one log side by
 * side. The writer fills it in queue order; {@link Block.encode} gives the bytes.
 */
import type { EncodedBatch } from "../entry-codec.ts";
import type { BlockBytes, BlockMemory } from "./block-memory.ts";
import type { Row } from "./footer.ts";
import {
  alignUp,
  BLOCK_HEADER_BYTES,
  ENTRY_HEADER_BYTES,
  entriesCrc,
  KIND_RECORDS,
  KIND_STATE,
  STATE_LOG_ID,
  sealEntry,
  writeBlockHeader,
  writeEntry,
} from "./format.ts";
import { encodeChange, type CommittedChange } from "./keyed-state.ts";
import type { AppendItem, ChangeItem } from "./queue-item.ts";
import type { ShardLog } from "./shard-logs.ts";

interface Group {
  readonly log: ShardLog;
  readonly firstIndex: number;
  readonly entries: { index: number; arrivalMs: number; batch: EncodedBatch }[];
}

export class Block {
  readonly changes: { change: CommittedChange; payload: Buffer; item: ChangeItem }[] = [];
  readonly settled: (() => void)[] = [];
  readonly bounced: (() => void)[] = [];
  readonly rows: { log: ShardLog | undefined; row: Row }[] = [];
  readonly #groups = new Map<ShardLog, Group>();
  entryCount = 0;
  #length = 0;
  #entriesCrc = entriesCrc([]);

  addRecords(log: ShardLog, index: number, arrivalMs: number, item: AppendItem): void {
    let group = this.#groups.get(log);
    if (group === undefined) {
      group = { log, firstIndex: index, entries: [] };
      this.#groups.set(log, group);
    }
    group.entries.push({ index, arrivalMs, batch: item.batch });
    this.entryCount += 1;
    this.settled.push(() => item.resolve({ kind: "appended", index, arrivalMs }));
  }

  addChange(change: CommittedChange, item: ChangeItem): void {
    this.changes.push({ change, payload: encodeChange(change), item });
    this.entryCount += 1;
    this.settled.push(() => item.resolve({ kind: "committed", revision: change.revision }));
  }

  /** The bytes of the block but for its header, padded to whole pages; fills {@link rows} with offsets inside it. */
  encode(memory: BlockMemory, serviceMs: number): BlockBytes {
    let length = 0;
    for (const { payload } of this.changes) length += ENTRY_HEADER_BYTES + payload.length;
    for (const { entries } of this.#groups.values()) {
      for (const { batch } of entries) length += ENTRY_HEADER_BYTES + batch.byteLength;
    }
    const place = memory.take(alignUp(BLOCK_HEADER_BYTES + length));
    const { bytes } = place;
    bytes.fill(0, BLOCK_HEADER_BYTES + length);
    const crcs: number[] = [];
    let at = BLOCK_HEADER_BYTES;
    at = this.#encodeChanges(bytes, at, crcs, serviceMs);
    this.#encodeGroups(bytes, at, crcs);
    this.#length = length;
    this.#entriesCrc = entriesCrc(crcs);
    return place;
  }

  /** Completes what {@link encode} gave: the header says what is durable when the block is written. */
  writeHeader(
    bytes: Buffer,
    salt: bigint,
    header: { flags: number; commit: number; durableUpTo: number; epoch: number; serviceMs: number },
  ): void {
    const { entryCount } = this;
    writeBlockHeader(bytes, 0, {
      ...header,
      salt,
      length: this.#length,
      entryCount,
      entriesCrc: this.#entriesCrc,
    });
  }

  #encodeChanges(bytes: Buffer, from: number, crcs: number[], serviceMs: number): number {
    let at = from;
    for (const { change, payload } of this.changes) {
      const header = {
        kind: KIND_STATE,
        recordCount: 0,
        logId: STATE_LOG_ID,
        index: change.revision,
        arrivalMs: Math.floor(serviceMs),
      };
      crcs.push(writeEntry(bytes, at, header, payload));
      at += ENTRY_HEADER_BYTES + payload.length;
    }
    const first = this.changes[0];
    if (first !== undefined) {
      this.rows.push({
        log: undefined,
        row: {
          logId: STATE_LOG_ID,
          entryCount: this.changes.length,
          firstIndex: first.change.revision,
          firstArrivalMs: Math.floor(serviceMs),
          lastArrivalMs: Math.floor(serviceMs),
          recordCount: 0,
          offset: from,
          length: at - from,
        },
      });
    }
    return at;
  }

  #encodeGroups(bytes: Buffer, from: number, crcs: number[]): void {
    let at = from;
    for (const { log, firstIndex, entries } of this.#groups.values()) {
      const start = at;
      let recordCount = 0;
      for (const { index, arrivalMs, batch } of entries) {
        const header = {
          kind: KIND_RECORDS,
          recordCount: batch.recordCount,
          logId: log.logId,
          index,
          arrivalMs,
        };
        batch.writeTo(bytes, at + ENTRY_HEADER_BYTES);
        crcs.push(sealEntry(bytes, at, header, batch.byteLength));
        at += ENTRY_HEADER_BYTES + batch.byteLength;
        recordCount += batch.recordCount;
      }
      this.rows.push({
        log,
        row: {
          logId: log.logId,
          entryCount: entries.length,
          firstIndex,
          firstArrivalMs: entries[0]?.arrivalMs ?? 0,
          lastArrivalMs: entries.at(-1)?.arrivalMs ?? 0,
          recordCount,
          offset: start,
          length: at - start,
        },
      });
    }
  }
}
