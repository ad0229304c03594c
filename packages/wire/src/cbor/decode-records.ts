/**
 * A quick way to read the answer of GetRecords in CBOR, which is most of what a consumer spends its time with. It knows the
 * plain form, which the service and its SDKs write; whatever else it meets it leaves to the decoder of the contract, which is the reference.
 */
import type { GetRecords, OutputOf } from "@millrace/api";
import { BufferPart } from "@millrace/runtime";
import { asBuffer } from "../byte-writer.ts";
import { toInstantMs, toInteger } from "../conversions.ts";

type Answer = OutputOf<typeof GetRecords>;
type StoredRecord = Answer["Records"][number];

const BREAK = 0xff;
const INDEFINITE = -1;
/** Major types. */
const [UNSIGNED, BYTES, TEXT, LIST, MAP] = [0, 2, 3, 4, 5] as const;
const DOUBLE = 0xfb;
/** Tag 1: a number that is a time. */
const EPOCH_TAG = 0xc1;
/** More than the service gives; the reference has a bound of its own. */
const RECORD_COUNT_MAX = 10_000;

/**
 * What {@link decodeCbor} would give; undefined when it has to be asked. Takes the body in the pieces in which it came, since to join
 * ten megabytes costs as much as to read them. Data are views of the pieces; one that lies in several is copied.
 */
export function decodeRecordsQuickly(pieces: readonly Uint8Array[]): Answer | undefined {
  const reader = new PlainReader(pieces);
  try {
    return reader.answer();
  } catch (error) {
    if (error === NOT_PLAIN) return undefined;
    throw error;
  }
}

const NOT_PLAIN = new Error("the body has another form than the plain one");

class PlainReader {
  readonly #pieces: readonly Uint8Array[];
  /** The piece that is read, or a copy of what begins in it and ends in another. */
  #bytes: Buffer = Buffer.alloc(0);
  #memory: ArrayBufferLike = this.#bytes.buffer;
  #at = 0;
  /** Where the bytes behind go on: a piece, and a place in it. */
  #piece = 0;
  #pieceAt = 0;
  /** How many bytes there are from there on. */
  #behindBytes: number;

  constructor(pieces: readonly Uint8Array[]) {
    this.#pieces = pieces;
    this.#behindBytes = pieces.reduce((sum, { length }) => sum + length, 0);
  }

  answer(): Answer {
    let records: StoredRecord[] | undefined;
    let iterator: string | undefined;
    let millisBehindLatest: number | undefined;
    for (let left = this.#length(MAP); this.#hasNext(left); left -= 1) {
      const key = this.#key();
      if (key === "Records" && records === undefined) records = this.#records();
      else if (key === "NextShardIterator" && iterator === undefined) iterator = this.#text();
      else if (key === "MillisBehindLatest" && millisBehindLatest === undefined) {
        millisBehindLatest = toInteger(this.#number(), "long");
      } else throw NOT_PLAIN;
    }
    if (this.#at + this.#behindBytes !== this.#bytes.length || records === undefined) throw NOT_PLAIN;
    return {
      Records: records,
      ...(iterator === undefined ? {} : { NextShardIterator: iterator }),
      ...(millisBehindLatest === undefined ? {} : { MillisBehindLatest: millisBehindLatest }),
    };
  }

  #records(): StoredRecord[] {
    const records: StoredRecord[] = [];
    for (let left = this.#length(LIST); this.#hasNext(left); left -= 1) {
      if (records.length === RECORD_COUNT_MAX) throw NOT_PLAIN;
      records.push(this.#record());
    }
    return records;
  }

  #record(): StoredRecord {
    let sequenceNumber: string | undefined;
    let arrivalMs: number | undefined;
    let data: Uint8Array | undefined;
    let partitionKey: string | undefined;
    let encryptionType: string | undefined;
    for (let left = this.#length(MAP); this.#hasNext(left); left -= 1) {
      const key = this.#key();
      if (key === "SequenceNumber" && sequenceNumber === undefined) sequenceNumber = this.#text();
      else if (key === "ApproximateArrivalTimestamp" && arrivalMs === undefined) {
        arrivalMs = toInstantMs(this.#number());
      } else if (key === "Data" && data === undefined) data = this.#blob();
      else if (key === "PartitionKey" && partitionKey === undefined) partitionKey = this.#text();
      else if (key === "EncryptionType" && encryptionType === undefined) encryptionType = this.#text();
      else throw NOT_PLAIN;
    }
    if (sequenceNumber === undefined || data === undefined) throw NOT_PLAIN;
    if (arrivalMs === undefined || partitionKey === undefined) throw NOT_PLAIN;
    // Records that all have the same members in the same order are cheap to make and to read.
    const record = {
      SequenceNumber: sequenceNumber,
      ApproximateArrivalTimestamp: arrivalMs,
      Data: data,
      PartitionKey: partitionKey,
    };
    if (encryptionType === undefined) return record;
    return { ...record, EncryptionType: encryptionType as NonNullable<StoredRecord["EncryptionType"]> };
  }

  /** Whether another element stands here, with `left` announced; goes past the end of an indefinite one. */
  #hasNext(left: number): boolean {
    if (left >= 0) return left > 0;
    this.#have(1);
    if (this.#bytes[this.#at] !== BREAK) return true;
    this.#at += 1;
    return false;
  }

  /** The name of a member of the contract. It is compared where it stands, and no text is made of it. */
  #key(): string {
    const sizeBytes = this.#definite(TEXT);
    const candidates = KEYS[sizeBytes];
    if (candidates === undefined) throw NOT_PLAIN;
    this.#have(sizeBytes);
    const start = this.#at;
    this.#at += sizeBytes;
    for (const { text, codes } of candidates) {
      let same = 0;
      while (same < sizeBytes && this.#bytes[start + same] === codes[same]) same += 1;
      if (same === sizeBytes) return text;
    }
    throw NOT_PLAIN;
  }

  #text(): string {
    const sizeBytes = this.#definite(TEXT);
    this.#have(sizeBytes);
    const start = this.#at;
    const end = start + sizeBytes;
    const bytes = this.#bytes;
    this.#at = end;
    let at = start;
    while (at < end && bytes[at]! < 0x80) at += 1;
    if (at === end) return bytes.toString("latin1", start, end);
    const text = bytes.toString("utf8", start, end);
    // The sign of bytes that are not UTF-8, which the reference knows how to refuse.
    if (text.includes("\ufffd")) throw NOT_PLAIN;
    return text;
  }

  #blob(): Uint8Array {
    const sizeBytes = this.#definite(BYTES);
    this.#have(sizeBytes);
    const start = this.#at;
    this.#at = start + sizeBytes;
    return new BufferPart(this.#memory, this.#bytes.byteOffset + start, sizeBytes);
  }

  /** A number that is not negative: whole, or of double precision; with or without the tag of a time. */
  #number(): number {
    this.#have(1);
    if (this.#bytes[this.#at] === EPOCH_TAG) {
      this.#at += 1;
      this.#have(1);
    }
    if (this.#bytes[this.#at] !== DOUBLE) return this.#definite(UNSIGNED);
    this.#have(9);
    const value = this.#bytes.readDoubleBE(this.#at + 1);
    this.#at += 9;
    if (!(value >= 0)) throw NOT_PLAIN;
    return value;
  }

  /** The argument of a head of the major type; {@link INDEFINITE} when it has none. */
  #length(major: number): number {
    this.#have(1);
    if (this.#bytes[this.#at] !== ((major << 5) | 31)) return this.#definite(major);
    this.#at += 1;
    return INDEFINITE;
  }

  #definite(major: number): number {
    this.#have(1);
    const initial = this.#bytes[this.#at]!;
    if (initial >> 5 !== major) throw NOT_PLAIN;
    const information = initial & 0x1f;
    if (information < 24) {
      this.#at += 1;
      return information;
    }
    if (information > 27) throw NOT_PLAIN;
    const sizeBytes = 1 << (information - 24);
    this.#have(1 + sizeBytes);
    const start = this.#at + 1;
    this.#at = start + sizeBytes;
    const bytes = this.#bytes;
    if (sizeBytes === 8) return bytes.readUInt32BE(start) * 2 ** 32 + bytes.readUInt32BE(start + 4);
    return bytes.readUIntBE(start, sizeBytes);
  }

  /** Sees to it that so many bytes follow each other where it stands. */
  #have(sizeBytes: number): void {
    if (this.#at + sizeBytes > this.#bytes.length) this.#goOn(sizeBytes);
  }

  #goOn(sizeBytes: number): void {
    const left = this.#bytes.subarray(this.#at);
    if (sizeBytes > left.length + this.#behindBytes) throw NOT_PLAIN;
    this.#at = 0;
    const piece = this.#pieces[this.#piece]!;
    if (left.length === 0 && piece.length - this.#pieceAt >= sizeBytes) {
      this.#bytes = asBuffer(piece).subarray(this.#pieceAt);
      this.#memory = piece.buffer;
      this.#piece += 1;
      this.#pieceAt = 0;
      this.#behindBytes -= this.#bytes.length;
      return;
    }
    const joined = Buffer.allocUnsafe(sizeBytes);
    joined.set(left);
    for (let end = left.length; end < sizeBytes;) {
      const next = this.#pieces[this.#piece]!;
      const taken = next.subarray(this.#pieceAt, this.#pieceAt + sizeBytes - end);
      joined.set(taken, end);
      end += taken.length;
      this.#pieceAt += taken.length;
      if (this.#pieceAt < next.length) continue;
      this.#piece += 1;
      this.#pieceAt = 0;
    }
    this.#bytes = joined;
    this.#memory = joined.buffer;
    this.#behindBytes -= sizeBytes - left.length;
  }
}

/** The names of members that are read, by how long they are. */
const KEYS: { readonly text: string; readonly codes: Uint8Array }[][] = [];
for (const text of [
  "Records",
  "NextShardIterator",
  "MillisBehindLatest",
  "SequenceNumber",
  "ApproximateArrivalTimestamp",
  "Data",
  "PartitionKey",
  "EncryptionType",
]) {
  (KEYS[text.length] ??= []).push({ text, codes: Buffer.from(text) });
}
