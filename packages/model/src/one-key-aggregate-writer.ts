import { createHash } from "node:crypto";
import {
  AGGREGATE_MAGIC,
  DATA,
  fieldBytes,
  MD5_BYTES,
  PARTITION_KEY_INDEX,
  PARTITION_KEY_TABLE,
  RECORDS,
  varintBytes,
  writeVarint,
} from "./aggregated-record-format.ts";

/**
 * Packs user records of one partition key, each a range of some bytes, which are copied at once: nothing is kept of
 * them, and no object is made for one that lies in the same memory as the writer's own. The result is what
 * `AggregatedRecordWriter` makes of the same records.
 */
export class OneKeyAggregateWriter {
  readonly #bytes: Buffer;
  /** All of the memory that it lies in. */
  readonly #memory: Uint8Array;
  #at = 0;
  #count = 0;
  #dataBytes = 0;

  /** @param bytes where it writes; an aggregated record has at most its length. */
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#memory = new Uint8Array(bytes.buffer);
  }

  /** How many user records are in it. */
  get count(): number {
    return this.#count;
  }

  /** Their data, in bytes. */
  get dataBytes(): number {
    return this.#dataBytes;
  }

  /** Begins an aggregated record. What was added and not finished is forgotten. */
  begin(partitionKey: string): void {
    const keyBytes = Buffer.byteLength(partitionKey);
    const bytes = this.#bytes;
    bytes.set(AGGREGATE_MAGIC);
    bytes[AGGREGATE_MAGIC.length] = PARTITION_KEY_TABLE;
    const at = writeVarint(bytes, AGGREGATE_MAGIC.length + 1, keyBytes);
    this.#at = at + bytes.write(partitionKey, at, "utf8");
    this.#count = 0;
    this.#dataBytes = 0;
  }

  /** Adds the record that lies from `start` to `end`, unless the whole would be too long; tells whether it did. */
  tryAdd(source: Buffer, start: number, end: number): boolean {
    const length = end - start;
    const innerBytes = 2 + fieldBytes(length);
    const bytes = this.#bytes;
    let at = this.#at;
    if (at + 1 + varintBytes(innerBytes) + innerBytes + MD5_BYTES > bytes.length) return false;
    bytes[at] = RECORDS;
    at = writeVarint(bytes, at + 1, innerBytes);
    bytes[at] = PARTITION_KEY_INDEX;
    bytes[at + 1] = 0;
    bytes[at + 2] = DATA;
    at = writeVarint(bytes, at + 3, length);
    if (source.buffer === bytes.buffer) {
      const offset = source.byteOffset;
      this.#memory.copyWithin(bytes.byteOffset + at, offset + start, offset + end);
    } else bytes.set(source.subarray(start, end), at);
    this.#at = at + length;
    this.#count += 1;
    this.#dataBytes += length;
    return true;
  }

  /** The aggregated record, which lies where it was written: it stays until the next one is begun. */
  finish(): Buffer {
    const message = this.#bytes.subarray(AGGREGATE_MAGIC.length, this.#at);
    createHash("md5").update(message).digest().copy(this.#bytes, this.#at);
    return this.#bytes.subarray(0, this.#at + MD5_BYTES);
  }
}
