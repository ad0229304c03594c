import { createHash } from "node:crypto";
import {
  AGGREGATE_MAGIC,
  DATA,
  EXPLICIT_HASH_KEY_INDEX,
  EXPLICIT_HASH_KEY_TABLE,
  fieldBytes,
  MD5_BYTES,
  PARTITION_KEY_INDEX,
  PARTITION_KEY_TABLE,
  RECORDS,
  varintBytes,
  writeVarint,
} from "./aggregated-record-format.ts";

/** What goes into an aggregated record. */
export interface RecordToAggregate {
  readonly partitionKey: string;
  /** How many bytes of UTF-8 `partitionKey` has. */
  readonly partitionKeyBytes: number;
  /** Decimal, as it is in a request. */
  readonly explicitHashKey: string | undefined;
  readonly data: Uint8Array;
}

const NUMBERS = 3;
/** Shorter data is copied byte by byte: a native copy has a price of its own. */
const COPIED_BY_HAND_BYTES_MAX = 48;

/**
 * Packs user records as the Kinesis Producer Library does, in the format that {@link readAggregatedRecord} reads.
 * It keeps references until {@link finish}, which writes everything once, into one buffer of the exact size. A
 * writer is used again after that.
 *
 * The bytes are those of the KPL's own encoder: fields in order of their numbers, tables without repetitions in
 * order of first use.
 */
export class AggregatedRecordWriter {
  readonly #records: RecordToAggregate[] = [];
  readonly #partitionKeys = new Map<string, number>();
  readonly #explicitHashKeys = new Map<string, number>();
  readonly #tableKeys: RecordToAggregate[] = [];
  /** Of each record: where its keys stand in the tables (-1 without an explicit hash key), and its bytes. */
  #numbers = new Int32Array(NUMBERS * 256);
  #messageBytes = 0;

  /** How many user records are in it. */
  get count(): number {
    return this.#records.length;
  }

  /** What {@link finish} would write, in bytes. */
  get sizeBytes(): number {
    return AGGREGATE_MAGIC.length + this.#messageBytes + MD5_BYTES;
  }

  /** Adds a record unless the whole would be longer than `sizeBytesMax`; tells whether it did. */
  tryAdd(record: RecordToAggregate, sizeBytesMax: number): boolean {
    const { partitionKey, explicitHashKey, data } = record;
    let added = 0;
    const knownKey = this.#partitionKeys.get(partitionKey);
    const keyIndex = knownKey ?? this.#partitionKeys.size;
    if (knownKey === undefined) added += fieldBytes(record.partitionKeyBytes);
    let hashKeyIndex = -1;
    let knownHashKey: number | undefined;
    let inner = 1 + varintBytes(keyIndex) + fieldBytes(data.length);
    if (explicitHashKey !== undefined) {
      knownHashKey = this.#explicitHashKeys.get(explicitHashKey);
      hashKeyIndex = knownHashKey ?? this.#explicitHashKeys.size;
      if (knownHashKey === undefined) added += fieldBytes(explicitHashKey.length);
      inner += 1 + varintBytes(hashKeyIndex);
    }
    added += fieldBytes(inner);
    if (this.sizeBytes + added > sizeBytesMax) return false;

    if (knownKey === undefined) {
      this.#partitionKeys.set(partitionKey, keyIndex);
      this.#tableKeys.push(record);
    }
    if (explicitHashKey !== undefined && knownHashKey === undefined) {
      this.#explicitHashKeys.set(explicitHashKey, hashKeyIndex);
    }
    const at = this.#records.length * NUMBERS;
    if (at === this.#numbers.length) this.#grow();
    this.#numbers[at] = keyIndex;
    this.#numbers[at + 1] = hashKeyIndex;
    this.#numbers[at + 2] = inner;
    this.#records.push(record);
    this.#messageBytes += added;
    return true;
  }

  /** The bytes of the aggregated record. The writer is empty afterwards. */
  finish(): Uint8Array {
    const bytes = Buffer.allocUnsafeSlow(this.sizeBytes);
    bytes.set(AGGREGATE_MAGIC);
    let at = AGGREGATE_MAGIC.length;
    for (const { partitionKey, partitionKeyBytes } of this.#tableKeys) {
      bytes[at] = PARTITION_KEY_TABLE;
      at = writeVarint(bytes, at + 1, partitionKeyBytes);
      bytes.write(partitionKey, at, "utf8");
      at += partitionKeyBytes;
    }
    for (const explicitHashKey of this.#explicitHashKeys.keys()) {
      bytes[at] = EXPLICIT_HASH_KEY_TABLE;
      at = writeVarint(bytes, at + 1, explicitHashKey.length);
      bytes.write(explicitHashKey, at, "latin1");
      at += explicitHashKey.length;
    }
    for (let index = 0; index < this.#records.length; index += 1) {
      bytes[at] = RECORDS;
      at = writeVarint(bytes, at + 1, this.#numbers[index * NUMBERS + 2]!);
      bytes[at] = PARTITION_KEY_INDEX;
      at = writeVarint(bytes, at + 1, this.#numbers[index * NUMBERS]!);
      const hashKeyIndex = this.#numbers[index * NUMBERS + 1]!;
      if (hashKeyIndex >= 0) {
        bytes[at] = EXPLICIT_HASH_KEY_INDEX;
        at = writeVarint(bytes, at + 1, hashKeyIndex);
      }
      const { data } = this.#records[index]!;
      const length = data.length;
      bytes[at] = DATA;
      at = writeVarint(bytes, at + 1, length);
      if (length > COPIED_BY_HAND_BYTES_MAX) bytes.set(data, at);
      else for (let byte = 0; byte < length; byte += 1) bytes[at + byte] = data[byte]!;
      at += length;
    }
    const message = bytes.subarray(AGGREGATE_MAGIC.length, at);
    createHash("md5").update(message).digest().copy(bytes, at);
    this.clear();
    return bytes;
  }

  /** Forgets the records that were added. */
  clear(): void {
    this.#records.length = 0;
    this.#partitionKeys.clear();
    this.#explicitHashKeys.clear();
    this.#tableKeys.length = 0;
    this.#messageBytes = 0;
  }

  #grow(): void {
    const grown = new Int32Array(this.#numbers.length * 2);
    grown.set(this.#numbers);
    this.#numbers = grown;
  }
}
