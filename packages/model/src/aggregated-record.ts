/**
 * Records that the Kinesis Producer Library packed into one: a magic, a protobuf message, and its MD5.
 *
 * ```
 * aggregated => F3 89 9A C2  AggregatedRecord  md5:16 bytes
 *
 * message AggregatedRecord { repeated string partition_key_table = 1;
 *                            repeated string explicit_hash_key_table = 2; repeated Record records = 3; }
 * message Record { required uint64 partition_key_index = 1; optional uint64 explicit_hash_key_index = 2;
 *                  required bytes data = 3; repeated Tag tags = 4; }
 * message Tag { required string key = 1; optional string value = 2; }
 * ```
 *
 * Source: awslabs/amazon-kinesis-producer, aggregation-format.md.
 */
import { hash } from "node:crypto";
import { BufferPart } from "@millrace/runtime";
import { AGGREGATE_MAGIC, MD5_BYTES } from "./aggregated-record-format.ts";

export interface UserRecord {
  readonly partitionKey: string;
  readonly explicitHashKey: string | undefined;
  /** A part of the bytes that were given. */
  readonly data: Uint8Array;
  /** Its index among the user records of the aggregated one. */
  readonly subSequenceNumber: number;
}

/**
 * The user records in the data of a record, in order; undefined when the data is not (or not validly) an
 * aggregate and so is an ordinary record.
 */
export function readAggregatedRecord(data: Uint8Array): readonly UserRecord[] | undefined {
  const userRecords: UserRecord[] = [];
  const count = visitAggregatedRecord(
    data,
    TEXTS,
    (partitionKey, explicitHashKey, part, subSequenceNumber) => {
      userRecords.push({ partitionKey, explicitHashKey, data: part, subSequenceNumber });
    },
  );
  return count === undefined ? undefined : userRecords;
}

/** What the keys `bytes[start..end)` of an aggregated record are read as: each once, however many of its records have it. */
export interface KeyReaders<PartitionKey, ExplicitHashKey> {
  partitionKey(bytes: Buffer, start: number, end: number): PartitionKey;
  explicitHashKey(bytes: Buffer, start: number, end: number): ExplicitHashKey;
}

const text = (bytes: Buffer, start: number, end: number): string => bytes.toString("utf8", start, end);
const TEXTS: KeyReaders<string, string> = { partitionKey: text, explicitHashKey: text };

/** The members of a {@link UserRecord}, with the keys as they were read. */
export type UserRecordVisitor<PartitionKey, ExplicitHashKey> = (
  partitionKey: PartitionKey,
  explicitHashKey: ExplicitHashKey | undefined,
  data: Buffer,
  subSequenceNumber: number,
) => void;

/**
 * {@link readAggregatedRecord} for those who make records of their own out of these: tells how many there are. What was visited
 * before the answer is undefined has to be forgotten.
 */
export function visitAggregatedRecord<PartitionKey, ExplicitHashKey>(
  data: Uint8Array,
  keyReaders: KeyReaders<PartitionKey, ExplicitHashKey>,
  visit: UserRecordVisitor<PartitionKey, ExplicitHashKey>,
): number | undefined {
  if (!looksAggregated(data)) return undefined;
  const { buffer: memory, byteOffset } = data;
  const bytes = Buffer.from(memory, byteOffset, data.byteLength);
  const end = bytes.length - MD5_BYTES;
  const message = bytes.subarray(AGGREGATE_MAGIC.length, end);
  if (hash("md5", message, "hex") !== bytes.toString("hex", end)) return undefined;

  const partitionKeys: PartitionKey[] = [];
  const explicitHashKeys: ExplicitHashKey[] = [];
  const fields = new Fields(bytes, AGGREGATE_MAGIC.length, end);
  while (fields.next()) {
    if (!fields.isBytes) continue;
    if (fields.number === 1) partitionKeys.push(keyReaders.partitionKey(bytes, fields.start, fields.end));
    else if (fields.number === 2) {
      explicitHashKeys.push(keyReaders.explicitHashKey(bytes, fields.start, fields.end));
    }
  }
  if (!fields.isWhole) return undefined;

  // Read again for the records, as the tables may stand behind them. A megabyte may speak of half a million
  // records, so nothing is kept of them unread, and the first that is none ends it.
  let count = 0;
  const record = new UserRecordFields(bytes);
  fields.begin(AGGREGATE_MAGIC.length, end);
  while (fields.next()) {
    if (fields.number !== 3 || !fields.isBytes) continue;
    if (!record.read(fields.start, fields.end)) return undefined;
    const { partitionKeyIndex, explicitHashKeyIndex, dataStart, dataEnd } = record;
    if (partitionKeyIndex >= partitionKeys.length || explicitHashKeyIndex >= explicitHashKeys.length) {
      return undefined;
    }
    visit(
      partitionKeys[partitionKeyIndex]!,
      explicitHashKeyIndex < 0 ? undefined : explicitHashKeys[explicitHashKeyIndex],
      new BufferPart(memory, byteOffset + dataStart, dataEnd - dataStart),
      count,
    );
    count += 1;
  }
  return count;
}

/**
 * How many user records the data of a record may come apart into: never less than {@link visitAggregatedRecord} gives, and 1 for an
 * ordinary one. For planning: it costs little, since neither the digest nor the records are looked at.
 */
export function userRecordCountMax(data: Uint8Array): number {
  if (!looksAggregated(data)) return 1;
  let count = 0;
  const fields = new Fields(data, AGGREGATE_MAGIC.length, data.length - MD5_BYTES);
  while (fields.next()) if (fields.number === 3 && fields.isBytes) count += 1;
  return fields.isWhole && count > 0 ? count : 1;
}

function looksAggregated(data: Uint8Array): boolean {
  if (data.length < AGGREGATE_MAGIC.length + MD5_BYTES) return false;
  for (let at = 0; at < AGGREGATE_MAGIC.length; at += 1) if (data[at] !== AGGREGATE_MAGIC[at]) return false;
  return true;
}

/** The fields of a protobuf message, one after the other. Nothing is made for a field: there are a few for each user record. */
class Fields {
  readonly #bytes: Uint8Array;
  #at: number;
  #end: number;
  #isBroken = false;
  /** Of the field that it stands at. */
  number = 0;
  #wireType = 0;
  /** Of one that {@link isNumber}. */
  value = 0;
  /** Where the bytes are of one that {@link isBytes}. */
  start = 0;
  end = 0;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** Stands before the first field of another message in the same bytes. */
  begin(start: number, end: number): void {
    this.#at = start;
    this.#end = end;
    this.#isBroken = false;
  }

  get isNumber(): boolean {
    return this.#wireType === 0;
  }

  get isBytes(): boolean {
    return this.#wireType === 2;
  }

  /** Whether the bytes were a message to their end; known when {@link next} has given false. */
  get isWhole(): boolean {
    return !this.#isBroken;
  }

  /** Goes to the next field; false behind the last, and where the bytes are none. */
  next(): boolean {
    if (this.#at === this.#end || this.#isBroken) return false;
    const tag = this.#varint();
    this.number = Math.floor(tag / 8);
    this.#wireType = tag % 8;
    if (tag < 8) return this.#broken();
    switch (this.#wireType) {
      case 0:
        this.value = this.#varint();
        return this.value >= 0 || this.#broken();
      case 1:
        return this.#skip(8);
      case 2: {
        const length = this.#varint();
        if (length < 0) return this.#broken();
        this.start = this.#at;
        this.end = this.#at + length;
        return this.#skip(length);
      }
      case 5:
        return this.#skip(4);
      default:
        return this.#broken();
    }
  }

  #skip(sizeBytes: number): boolean {
    this.#at += sizeBytes;
    return this.#at <= this.#end || this.#broken();
  }

  #broken(): boolean {
    this.#isBroken = true;
    return false;
  }

  /** -1 when there is none, or none that a number holds. */
  #varint(): number {
    if (this.#at >= this.#end) return -1;
    const byte = this.#bytes[this.#at]!;
    if (byte >= 0x80) return this.#longVarint(byte);
    this.#at += 1;
    return byte;
  }

  /** Most are of two bytes: indices of keys, and lengths. */
  #longVarint(first: number): number {
    if (this.#end - this.#at < 2) return -1;
    const second = this.#bytes[this.#at + 1]!;
    if (second < 0x80) {
      this.#at += 2;
      return (first & 0x7f) | (second << 7);
    }
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#at >= this.#end) return -1;
      const byte = this.#bytes[this.#at]!;
      this.#at += 1;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return Number.isSafeInteger(value) ? value : -1;
    }
    return -1;
  }
}

/** The fields of a message `Record`. */
class UserRecordFields {
  readonly #fields: Fields;
  partitionKeyIndex = -1;
  /** -1 without one. */
  explicitHashKeyIndex = -1;
  dataStart = -1;
  dataEnd = -1;

  constructor(bytes: Uint8Array) {
    this.#fields = new Fields(bytes, 0, 0);
  }

  /** Whether the bytes are such a message, and have what it must have. */
  read(start: number, end: number): boolean {
    const fields = this.#fields;
    fields.begin(start, end);
    this.partitionKeyIndex = -1;
    this.explicitHashKeyIndex = -1;
    this.dataStart = -1;
    while (fields.next()) {
      if (fields.number === 1 && fields.isNumber) this.partitionKeyIndex = fields.value;
      else if (fields.number === 2 && fields.isNumber) this.explicitHashKeyIndex = fields.value;
      else if (fields.number === 3 && fields.isBytes) {
        this.dataStart = fields.start;
        this.dataEnd = fields.end;
      }
    }
    return fields.isWhole && this.partitionKeyIndex >= 0 && this.dataStart >= 0;
  }
}
