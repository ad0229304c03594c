/**
 * Finds in an answer the few members that the generator needs, without decoding it. A name is found by its bytes,
 * which are the same in JSON and CBOR; the value stands right behind it.
 */
import type { LoadPlan } from "./plan.ts";

type Protocol = LoadPlan["protocol"];

const FAILED_RECORD_COUNT = Buffer.from("FailedRecordCount");
const ERROR_CODE = Buffer.from("ErrorCode");
const SEQUENCE_NUMBER = Buffer.from("SequenceNumber");
const NEXT_SHARD_ITERATOR = Buffer.from("NextShardIterator");
const MILLIS_BEHIND_LATEST = Buffer.from("MillisBehindLatest");

/** Members outside of the long list of records stand this near to one of the ends. */
const END_BYTES = 2_048;

/** How many records of a PutRecords request failed. */
export function failedRecordCountOf(body: Buffer, protocol: Protocol): number {
  const at = placeOf(FAILED_RECORD_COUNT, body);
  if (at >= 0) return integerAt(body, at + FAILED_RECORD_COUNT.length, protocol) ?? 0;
  // The member is optional.
  return countOf(ERROR_CODE, body, 0);
}

/** How many records of a PutRecords request failed with this code. */
export function failedRecordCountWith(code: string, body: Buffer): number {
  return countOf(Buffer.from(code), body, 0);
}

/** The error code of the first record that failed. */
export function firstErrorCodeOf(body: Buffer, protocol: Protocol): string {
  const at = body.indexOf(ERROR_CODE);
  return at < 0 ? "UnknownError" : (textAt(body, at + ERROR_CODE.length, protocol) ?? "UnknownError");
}

export interface ReadAnswer {
  readonly recordCount: number;
  /** Undefined at the end of a closed shard. */
  readonly nextShardIterator: string | undefined;
  /** Nothing stood behind the last record. */
  readonly isCaughtUp: boolean;
}

/** @param recordBytesMin what the data of every record has at least. */
export function readAnswerOf(body: Buffer, protocol: Protocol, recordBytesMin: number): ReadAnswer {
  const encodedBytesMin = protocol === "json" ? Math.floor((recordBytesMin * 4) / 3) : recordBytesMin;
  const recordCount = countOf(SEQUENCE_NUMBER, body, encodedBytesMin);
  const iteratorAt = placeOf(NEXT_SHARD_ITERATOR, body);
  const behindAt = placeOf(MILLIS_BEHIND_LATEST, body);
  const millisBehind =
    behindAt < 0 ? undefined : integerAt(body, behindAt + MILLIS_BEHIND_LATEST.length, protocol);
  return {
    recordCount,
    nextShardIterator:
      iteratorAt < 0 ? undefined : textAt(body, iteratorAt + NEXT_SHARD_ITERATOR.length, protocol),
    isCaughtUp: recordCount === 0 || millisBehind === 0,
  };
}

/** The number of the last record of a GetRecords answer in JSON; undefined when it has none. */
export function lastSequenceNumberOf(body: Buffer): string | undefined {
  const at = body.lastIndexOf(SEQUENCE_NUMBER);
  return at < 0 ? undefined : textAt(body, at + SEQUENCE_NUMBER.length, "json");
}

/** How far behind the tip a GetRecords answer in JSON says that it is; 0 when it does not say. */
export function millisBehindOf(body: Buffer): number {
  const at = placeOf(MILLIS_BEHIND_LATEST, body);
  return at < 0 ? 0 : (integerAt(body, at + MILLIS_BEHIND_LATEST.length, "json") ?? 0);
}

function placeOf(name: Buffer, body: Buffer): number {
  const atStart = body.subarray(0, END_BYTES).indexOf(name);
  if (atStart >= 0) return atStart;
  const tailStart = Math.max(0, body.length - END_BYTES);
  const atEnd = body.subarray(tailStart).indexOf(name);
  return atEnd >= 0 ? tailStart + atEnd : body.indexOf(name);
}

/** How often a name occurs, when after each time at least `gapBytes` come before the next. */
function countOf(name: Buffer, body: Buffer, gapBytes: number): number {
  let count = 0;
  for (let at = body.indexOf(name); at >= 0; at = body.indexOf(name, at + name.length + gapBytes)) count += 1;
  return count;
}

function integerAt(body: Buffer, at: number, protocol: Protocol): number | undefined {
  if (protocol === "json") {
    const digits = /^"\s*:\s*(\d+)/.exec(body.toString("latin1", at, at + 40))?.[1];
    return digits === undefined ? undefined : Number(digits);
  }
  return cborLength(body, at, 0)?.value;
}

function textAt(body: Buffer, at: number, protocol: Protocol): string | undefined {
  if (protocol === "json") return /^"\s*:\s*"([^"\\]*)"/.exec(body.toString("latin1", at, at + 1_100))?.[1];
  const length = cborLength(body, at, 3);
  return length && body.toString("latin1", length.end, length.end + length.value);
}

/** The argument of a CBOR head of this major type (RFC 8949 §3), and where it ends. */
function cborLength(body: Buffer, at: number, majorType: number): { value: number; end: number } | undefined {
  const head = body[at];
  if (head === undefined || head >> 5 !== majorType) return undefined;
  const short = head & 31;
  if (short < 24) return { value: short, end: at + 1 };
  const width = [1, 2, 4, 8][short - 24];
  if (width === undefined || at + 1 + width > body.length) return undefined;
  const end = at + 1 + width;
  return { value: width === 8 ? Number(body.readBigUInt64BE(at + 1)) : body.readUIntBE(at + 1, width), end };
}
