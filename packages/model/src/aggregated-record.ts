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

export interface UserRecord {
  readonly partitionKey: string;
  readonly explicitHashKey: string | undefined;
  /** A part of the bytes that were given. */
  readonly data: Uint8Array;
  /** Its index among the user records of the aggregated one. */
  readonly subSequenceNumber: number;
}

const MAGIC = Buffer.from([0xf3, 0x89, 0x9a, 0xc2]);
const MD5_BYTES = 16;

/**
 * The user records in the data of a record, in order; undefined when the data is not (or not validly) an
 * aggregate and so is an ordinary record.
 */
export function readAggregatedRecord(data: Uint8Array): readonly UserRecord[] | undefined {
  const userRecords: UserRecord[] = [];
  const count = visitAggregatedRecord(data, (partitionKey, explicitHashKey, userData, subSequenceNumber) => {
    userRecords.push({ partitionKey, explicitHashKey, data: userData, subSequenceNumber });
  });
  return count === undefined ? undefined : userRecords;
}

/** The members of a {@link UserRecord}. */
export type UserRecordVisitor = (
  partitionKey: string,
  explicitHashKey: string | undefined,
  data: Uint8Array,
  subSequenceNumber: number,
) => void;

/**
 * {@link readAggregatedRecord} for those who make records of their own out of these: tells how many there are. What was visited
 * before the answer is undefined has to be forgotten.
 */
export function visitAggregatedRecord(data: Uint8Array, visit: UserRecordVisitor): number | undefined {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (bytes.length < MAGIC.length + MD5_BYTES || !bytes.subarray(0, 4).equals(MAGIC)) return undefined;
  const message = bytes.subarray(MAGIC.length, bytes.length - MD5_BYTES);
  const digest = bytes.toString("hex", bytes.length - MD5_BYTES);
  if (hash("md5", message, "hex") !== digest) return undefined;

  const partitionKeys: string[] = [];
  const explicitHashKeys: string[] = [];
  const fields = new Fields(bytes, MAGIC.length, bytes.length - MD5_BYTES);
  while (fields.next()) {
    if (!fields.isBytes) continue;
    if (fields.number === 1) partitionKeys.push(bytes.toString("utf8", fields.start, fields.end));
    else if (fields.number === 2) explicitHashKeys.push(bytes.toString("utf8", fields.start, fields.end));
  }
  if (!fields.isWhole) return undefined;

  // Read again for the records, as the tables may stand behind them. A megabyte may speak of half a million
  // records, so nothing is kept of them unread, and the first that is none ends it.
  let count = 0;
  const record = new Fields(bytes, 0, 0);
  fields.begin(MAGIC.length, bytes.length - MD5_BYTES);
  while (fields.next()) {
    if (fields.number !== 3 || !fields.isBytes) continue;
    record.begin(fields.start, fields.end);
    if (!visitUserRecord(bytes, record, count, partitionKeys, explicitHashKeys, visit)) return undefined;
    count += 1;
  }
  return count;
}

function visitUserRecord(
  bytes: Buffer,
  fields: Fields,
  subSequenceNumber: number,
  partitionKeys: readonly string[],
  explicitHashKeys: readonly string[],
  visit: UserRecordVisitor,
): boolean {
  let partitionKeyIndex = -1;
  let explicitHashKeyIndex = -1;
  let dataStart = -1;
  let dataEnd = -1;
  while (fields.next()) {
    if (fields.number === 1 && fields.isNumber) partitionKeyIndex = fields.value;
    else if (fields.number === 2 && fields.isNumber) explicitHashKeyIndex = fields.value;
    else if (fields.number === 3 && fields.isBytes) {
      dataStart = fields.start;
      dataEnd = fields.end;
    }
  }
  if (!fields.isWhole || partitionKeyIndex < 0 || dataStart < 0) return false;
  const partitionKey = partitionKeys[partitionKeyIndex];
  const explicitHashKey = explicitHashKeyIndex < 0 ? undefined : explicitHashKeys[explicitHashKeyIndex];
  if (partitionKey === undefined) return false;
  if (explicitHashKeyIndex >= 0 && explicitHashKey === undefined) return false;
  visit(partitionKey, explicitHashKey, bytes.subarray(dataStart, dataEnd), subSequenceNumber);
  return true;
}

/** The fields of a protobuf message, one after the other. Nothing is made for a field: there are a few for each user record. */
class Fields {
  readonly #bytes: Buffer;
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

  constructor(bytes: Buffer, start: number, end: number) {
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
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#at >= this.#end) return -1;
      const byte = this.#bytes[this.#at]!;
      this.#at += 1;
      if (byte < 0x80 && shift === 0) return byte;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return Number.isSafeInteger(value) ? value : -1;
    }
    return -1;
  }
}
