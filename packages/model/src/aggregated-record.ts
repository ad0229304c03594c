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
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (bytes.length < MAGIC.length + MD5_BYTES || !bytes.subarray(0, 4).equals(MAGIC)) return undefined;
  const message = bytes.subarray(MAGIC.length, bytes.length - MD5_BYTES);
  const digest = bytes.toString("hex", bytes.length - MD5_BYTES);
  if (hash("md5", message, "hex") !== digest) return undefined;

  const partitionKeys: string[] = [];
  const explicitHashKeys: string[] = [];
  const whole = readMessage(message, (field, value) => {
    if (typeof value === "number") return true;
    if (field === 1) partitionKeys.push(value.toString());
    else if (field === 2) explicitHashKeys.push(value.toString());
    return true;
  });
  if (!whole) return undefined;

  // Read again for the records, as the tables may stand behind them. A megabyte may speak of half a million
  // records, so nothing is kept of them unread, and the first that is none ends it.
  const userRecords: UserRecord[] = [];
  const valid = readMessage(message, (field, value) => {
    if (field !== 3 || typeof value === "number") return true;
    const userRecord = readUserRecord(value, userRecords.length, partitionKeys, explicitHashKeys);
    if (userRecord !== undefined) userRecords.push(userRecord);
    return userRecord !== undefined;
  });
  return valid ? userRecords : undefined;
}

function readUserRecord(
  record: Buffer,
  subSequenceNumber: number,
  partitionKeys: readonly string[],
  explicitHashKeys: readonly string[],
): UserRecord | undefined {
  let partitionKeyIndex: number | undefined;
  let explicitHashKeyIndex: number | undefined;
  let data: Buffer | undefined;
  const whole = readMessage(record, (field, value) => {
    if (field === 1 && typeof value === "number") partitionKeyIndex = value;
    else if (field === 2 && typeof value === "number") explicitHashKeyIndex = value;
    else if (field === 3 && typeof value !== "number") data = value;
    return true;
  });
  if (!whole || partitionKeyIndex === undefined || data === undefined) return undefined;
  const partitionKey = partitionKeys[partitionKeyIndex];
  const explicitHashKey =
    explicitHashKeyIndex === undefined ? undefined : explicitHashKeys[explicitHashKeyIndex];
  if (partitionKey === undefined) return undefined;
  if (explicitHashKeyIndex !== undefined && explicitHashKey === undefined) return undefined;
  return { partitionKey, explicitHashKey, data, subSequenceNumber };
}

/** Visits the fields of a protobuf message; false when the bytes are not one, or when a visit gives false. */
function readMessage(bytes: Buffer, visit: (field: number, value: number | Buffer) => boolean): boolean {
  let at = 0;
  const readVarint = (): number | undefined => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[at];
      if (byte === undefined) return undefined;
      at += 1;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return Number.isSafeInteger(value) ? value : undefined;
    }
    return undefined;
  };
  while (at < bytes.length) {
    const tag = readVarint();
    if (tag === undefined || tag < 8) return false;
    const field = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0: {
        const value = readVarint();
        if (value === undefined) return false;
        if (!visit(field, value)) return false;
        break;
      }
      case 1:
        at += 8;
        break;
      case 2: {
        const length = readVarint();
        if (length === undefined || at + length > bytes.length) return false;
        if (!visit(field, bytes.subarray(at, at + length))) return false;
        at += length;
        break;
      }
      case 5:
        at += 4;
        break;
      default:
        return false;
    }
  }
  return at === bytes.length;
}
