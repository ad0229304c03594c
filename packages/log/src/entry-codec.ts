/**
 * The payload of an entry: the records of one shard that were put together. Both engines store exactly
 * these bytes. Sequence number, arrival and everything of the API's framing stay outside.
 *
 * ```
 * batch  => encoding:u8  reserved:u8=0  record_count:u16
 *           first_number:24 bytes (encoding 2 only)
 *           source_number:54 bytes (encoding 3 only)
 *           record*
 * record => key_length:u16  data_length:u32  key:bytes  data:bytes
 * ```
 *
 * Integers are little-endian. `key` is the UTF-8 partition key; length 0 means that the record was put
 * without one. `data` is the record's bytes (`encoding` 0), or their canonical base64 as it came over the
 * wire (`encoding` 1); lengths count stored bytes. An imported batch (`encoding` 2) holds bytes as they are, and the
 * sequence number that its first record had where it came from, big-endian; from each record to the next the number
 * goes up by one. So does a renumbered batch (`encoding` 3), but its records have the numbers of their place here, and those that
 * they had are only remembered. Encodings 4 and up are refused by this version; an encrypted batch (later) puts its key id
 * and nonce before the first record.
 */

import { copierOf } from "@millrace/runtime";

export const RAW = 0;
export const BASE64 = 1;
export type BatchEncoding = typeof RAW | typeof BASE64;

/** Raw data behind the number of the first record. */
const IMPORTED = 2;
/** Raw data behind the number that the first record had elsewhere, and has not here. */
const RENUMBERED = 3;
type NumberedEncoding = typeof IMPORTED | typeof RENUMBERED;

const HEADER_BYTES = 4;
/** Bytes of the number in front of the records. 129 digits, the most that the API lets a number have, need 54. */
const NUMBER_BYTES = { [IMPORTED]: 24, [RENUMBERED]: 54 } as const;
/** The first number that an imported batch cannot hold. */
export const IMPORTED_NUMBER_LIMIT = 1n << BigInt(NUMBER_BYTES[IMPORTED] * 8);
/** The first number that a renumbered batch cannot remember. */
export const SOURCE_NUMBER_LIMIT = 1n << BigInt(NUMBER_BYTES[RENUMBERED] * 8);
const RECORD_HEADER_BYTES = 6;

/** The most records that one entry can hold: the record's index in its entry has 16 bits. */
export const RECORDS_PER_ENTRY_MAX = 65_535;

/** A batch that can be written where it is to be stored, once that is known: what it is made of is copied only then. */
export interface EncodedBatch {
  readonly byteLength: number;
  readonly recordCount: number;
  /** Writes the batch to `target[at..at + byteLength)`. */
  writeTo(target: Buffer, at: number): void;
}

/** A batch that exists already. */
export class PayloadBatch implements EncodedBatch {
  readonly payload: Buffer;
  readonly recordCount: number;

  constructor(payload: Buffer, recordCount: number) {
    this.payload = payload;
    this.recordCount = recordCount;
  }

  get byteLength(): number {
    return this.payload.length;
  }

  writeTo(target: Buffer, at: number): void {
    copierOf(this.payload)(target, at, this.payload);
  }
}

export interface RecordToStore {
  /** UTF-8; undefined when the record has no partition key. */
  readonly key: Uint8Array | undefined;
  readonly data: Uint8Array;
}

/** Packs records, in order, into the payload of one entry. */
export function encodeBatch(records: readonly RecordToStore[], encoding: BatchEncoding = RAW): PayloadBatch {
  return packed(records, encoding, 0n);
}

/**
 * Packs records that have numbers already: that of the first is `firstNumber`, and each has the one behind the number before it.
 *
 * @throws {RangeError} for numbers that do not fit into 24 bytes.
 */
export function encodeImportedBatch(records: readonly RecordToStore[], firstNumber: bigint): PayloadBatch {
  if (firstNumber < 0n || firstNumber + BigInt(records.length) > IMPORTED_NUMBER_LIMIT) {
    throw new RangeError(`an entry has no room for the number ${firstNumber}`);
  }
  return packed(records, IMPORTED, firstNumber);
}

/**
 * Packs records that get the numbers of their place here, with those that they had where they came from: the first had `sourceNumber`,
 * and each the one behind the number before it.
 *
 * @throws {RangeError} for numbers that do not fit into 54 bytes.
 */
export function encodeRenumberedBatch(records: readonly RecordToStore[], sourceNumber: bigint): PayloadBatch {
  if (sourceNumber < 0n || sourceNumber + BigInt(records.length) > SOURCE_NUMBER_LIMIT) {
    throw new RangeError(`an entry has no room for the number ${sourceNumber}`);
  }
  return packed(records, RENUMBERED, sourceNumber);
}

/** `number` stands in batches that have one. */
function packed(
  records: readonly RecordToStore[],
  encoding: BatchEncoding | NumberedEncoding,
  number: bigint,
): PayloadBatch {
  if (records.length === 0 || records.length > RECORDS_PER_ENTRY_MAX) {
    throw new RangeError(`an entry holds 1 to ${RECORDS_PER_ENTRY_MAX} records, not ${records.length}`);
  }
  const numberBytes = numberBytesOf(encoding);
  const recordsAt = HEADER_BYTES + numberBytes;
  let byteLength = recordsAt;
  for (const { key, data } of records) {
    byteLength += RECORD_HEADER_BYTES + (key?.length ?? 0) + data.length;
  }
  const payload = Buffer.allocUnsafe(byteLength);
  payload[0] = encoding;
  payload[1] = 0;
  payload.writeUInt16LE(records.length, 2);
  if (numberBytes > 0) payload.write(number.toString(16).padStart(numberBytes * 2, "0"), HEADER_BYTES, "hex");
  let at = recordsAt;
  for (const { key, data } of records) {
    const keyLength = key?.length ?? 0;
    payload.writeUInt16LE(keyLength, at);
    payload.writeUInt32LE(data.length, at + 2);
    at += RECORD_HEADER_BYTES;
    if (key !== undefined) payload.set(key, at);
    at += keyLength;
    payload.set(data, at);
    at += data.length;
  }
  return new PayloadBatch(payload, records.length);
}

function numberBytesOf(encoding: BatchEncoding | NumberedEncoding): number {
  return encoding === IMPORTED || encoding === RENUMBERED ? NUMBER_BYTES[encoding] : 0;
}

/** Records as ranges of bytes that they share; ends are exclusive. */
export interface RecordRanges {
  readonly keys: Uint8Array;
  readonly data: Uint8Array;
  keyStart(index: number): number;
  keyEnd(index: number): number;
  dataStart(index: number): number;
  dataEnd(index: number): number;
}

/**
 * Some of the records of a request, in the order of `indexes`, as a batch. It is made where it is stored, and no record becomes an
 * object on the way, so the bytes that the ranges lie in must stay as they are until the append has its outcome.
 */
export function batchOfRanges(records: RecordRanges, indexes: readonly number[]): EncodedBatch {
  return new RangesBatch(records, indexes);
}

class RangesBatch implements EncodedBatch {
  readonly byteLength: number;
  readonly #records: RecordRanges;
  readonly #indexes: readonly number[];

  constructor(records: RecordRanges, indexes: readonly number[]) {
    if (indexes.length === 0 || indexes.length > RECORDS_PER_ENTRY_MAX) {
      throw new RangeError(`an entry holds 1 to ${RECORDS_PER_ENTRY_MAX} records, not ${indexes.length}`);
    }
    this.#records = records;
    this.#indexes = indexes;
    let byteLength = HEADER_BYTES + RECORD_HEADER_BYTES * indexes.length;
    for (const index of indexes) {
      byteLength += records.keyEnd(index) - records.keyStart(index);
      byteLength += records.dataEnd(index) - records.dataStart(index);
    }
    this.byteLength = byteLength;
  }

  get recordCount(): number {
    return this.#indexes.length;
  }

  writeTo(target: Buffer, from: number): void {
    const records = this.#records;
    const { keys, data } = records;
    const copy = copierOf(data);
    target[from] = RAW;
    target[from + 1] = 0;
    target.writeUInt16LE(this.#indexes.length, from + 2);
    let at = from + HEADER_BYTES;
    for (const index of this.#indexes) {
      const keyStart = records.keyStart(index);
      const keyLength = records.keyEnd(index) - keyStart;
      const dataStart = records.dataStart(index);
      const dataEnd = records.dataEnd(index);
      target.writeUInt16LE(keyLength, at);
      target.writeUInt32LE(dataEnd - dataStart, at + 2);
      at += RECORD_HEADER_BYTES;
      // Keys are short: a loop is quicker than making a view for `set`.
      for (let i = 0; i < keyLength; i += 1) target[at + i] = keys[keyStart + i]!;
      at += keyLength;
      copy(target, at, data.subarray(dataStart, dataEnd));
      at += dataEnd - dataStart;
    }
  }
}

/** Where one record lies in its batch: ends are exclusive. */
export interface RecordRange {
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly dataStart: number;
  readonly dataEnd: number;
}

/** Goes through the records of a batch without an object for any of them. */
export class BatchCursor {
  readonly payload: Buffer;
  readonly encoding: BatchEncoding;
  readonly recordCount: number;
  /** The number that the first record had where it was imported from; undefined for records that were put here. */
  readonly firstNumber: bigint | undefined;
  /** The number that it had there, also where it has another here; undefined for records that were put here. */
  readonly sourceNumber: bigint | undefined;
  /** Where the first record begins. */
  readonly recordsAt: number;
  /** Where the record lies that {@link next} came to; ends are exclusive. */
  keyStart = 0;
  keyEnd = 0;
  dataEnd: number;
  #taken = 0;

  /** @throws {BatchFormatError} when `payload` is no batch. */
  constructor(payload: Uint8Array) {
    const view = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    if (view.length < HEADER_BYTES) throw new BatchFormatError("a batch is at least 4 bytes long");
    const encoding = view[0];
    if (encoding !== RAW && encoding !== BASE64 && encoding !== IMPORTED && encoding !== RENUMBERED) {
      throw new BatchFormatError(`batch encoding ${encoding} is not known to this version`);
    }
    const count = view.readUInt16LE(2);
    if (count === 0) throw new BatchFormatError("a batch holds at least one record");
    const recordsAt = HEADER_BYTES + numberBytesOf(encoding);
    // Before any room is made for them: a few bytes may speak of 65,535 records.
    if (recordsAt + count * RECORD_HEADER_BYTES > view.length) {
      throw new BatchFormatError(`a batch of ${view.length} bytes has no room for ${count} records`);
    }
    this.payload = view;
    this.recordsAt = recordsAt;
    this.recordCount = count;
    if (encoding === RAW || encoding === BASE64) {
      this.encoding = encoding;
      this.firstNumber = this.sourceNumber = undefined;
    } else {
      this.encoding = RAW;
      this.sourceNumber = BigInt(`0x${view.toString("hex", HEADER_BYTES, recordsAt)}`);
      this.firstNumber = encoding === IMPORTED ? this.sourceNumber : undefined;
      const limit = encoding === IMPORTED ? IMPORTED_NUMBER_LIMIT : SOURCE_NUMBER_LIMIT;
      if (this.sourceNumber + BigInt(count) > limit) {
        throw new BatchFormatError("the numbers of an imported batch go beyond their bytes");
      }
    }
    this.dataEnd = recordsAt;
  }

  get dataStart(): number {
    return this.keyEnd;
  }

  /**
   * Goes to the next record; false behind the last one.
   *
   * @throws {BatchFormatError} when the bytes are not what the header says.
   */
  next(): boolean {
    const { payload } = this;
    const at = this.dataEnd;
    if (this.#taken === this.recordCount) {
      if (at !== payload.length) throw new BatchFormatError("bytes follow the last record");
      return false;
    }
    if (at + RECORD_HEADER_BYTES > payload.length) throw new BatchFormatError("a record header is cut off");
    this.keyStart = at + RECORD_HEADER_BYTES;
    this.keyEnd = this.keyStart + payload.readUInt16LE(at);
    this.dataEnd = this.keyEnd + payload.readUInt32LE(at + 2);
    if (this.dataEnd > payload.length) throw new BatchFormatError("a record is cut off");
    this.#taken += 1;
    return true;
  }
}

/** Keys and data of all records of a batch in {@link RAW} form, told from its size alone. Bytes. */
export function rawBatchBytes({ payload, recordCount, recordsAt }: BatchCursor): number {
  return payload.length - recordsAt - recordCount * RECORD_HEADER_BYTES;
}

interface BatchRead {
  readonly encoding: BatchEncoding;
  readonly firstNumber: bigint | undefined;
  readonly sourceNumber: bigint | undefined;
  readonly records: RecordRange[];
}

/** The records of a batch as ranges of its payload. Throws {@link BatchFormatError} on bytes that are not one. */
export function readBatch(payload: Uint8Array): BatchRead {
  const batch = new BatchCursor(payload);
  const records: RecordRange[] = [];
  while (batch.next()) {
    const { keyStart, keyEnd, dataStart, dataEnd } = batch;
    records.push({ keyStart, keyEnd, dataStart, dataEnd });
  }
  const { encoding, firstNumber, sourceNumber } = batch;
  return { encoding, firstNumber, sourceNumber, records };
}

export class BatchFormatError extends Error {
  override readonly name = "BatchFormatError";
}
