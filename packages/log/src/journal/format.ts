/**
 * The bytes of the journal. Everything on disk is described here and in `docs/internals/journal.md`;
 * other modules never compute an offset by themselves. Integers are little-endian; 64-bit integers are
 * at most 2^53 − 1.
 *
 * ```
 * segment file  => segment_header (4,096 bytes)  block*  [footer]
 * block         => block_header (64 bytes)  entry*  zeros up to a multiple of 4,096
 * entry         => entry_header (32 bytes)  payload
 * ```
 */
import { crc32 } from "../checksum/crc32.ts";

/** The version of every format in this file. A file that says another one is refused untouched. */
export const FORMAT_VERSION = 1;

/** Blocks begin at multiples of this, so a scan can find the next one behind a damaged one. */
export const ALIGNMENT_BYTES = 4096;

export const SEGMENT_HEADER_BYTES = ALIGNMENT_BYTES;
export const BLOCK_HEADER_BYTES = 64;
export const ENTRY_HEADER_BYTES = 32;

/** Entries of the keyed state stand in the index under this log id. */
export const STATE_LOG_ID = 0;

export const KIND_RECORDS = 1;
export const KIND_STATE = 2;

const SEGMENT_MAGIC = Buffer.from("MILLRACE", "latin1");
/** "MBLK" as a little-endian u32. */
const BLOCK_MAGIC = 0x4b_4c_42_4d;

export function alignUp(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}

/** A file that this version cannot read: a newer format, or not one of ours. It is left untouched. */
export class UnknownFormatError extends Error {
  override readonly name = "UnknownFormatError";
}

/**
 * ```
 *  0  magic            8 bytes  "MILLRACE"
 *  8  format_version   u16
 * 10  kind             u16      1 journal (blocks), 2 cold (salvaged chunks)
 * 12  epoch            u32      of the recovery that created the file
 * 16  salt             u64      random; repeated in every block and in the footer
 * 24  segment_number   u64
 * 32  created_ms       u64      machine time
 * 40  zeros
 * 4092 crc32           u32      of bytes 0 to 4091
 * ```
 */
export interface SegmentHeader {
  readonly kind: "journal" | "cold";
  readonly epoch: number;
  readonly salt: bigint;
  readonly segmentNumber: number;
  readonly createdMs: number;
}

export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
  SEGMENT_MAGIC.copy(bytes, 0);
  bytes.writeUInt16LE(FORMAT_VERSION, 8);
  bytes.writeUInt16LE(header.kind === "journal" ? 1 : 2, 10);
  bytes.writeUInt32LE(header.epoch, 12);
  bytes.writeBigUInt64LE(header.salt, 16);
  writeU64(bytes, header.segmentNumber, 24);
  writeU64(bytes, Math.max(0, Math.floor(header.createdMs)), 32);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, SEGMENT_HEADER_BYTES - 4)), SEGMENT_HEADER_BYTES - 4);
  return bytes;
}

/** Undefined when the bytes are no intact header of ours; {@link UnknownFormatError} on another version. */
export function decodeSegmentHeader(bytes: Buffer, path: string): SegmentHeader | undefined {
  if (bytes.length < SEGMENT_HEADER_BYTES || !bytes.subarray(0, 8).equals(SEGMENT_MAGIC)) return undefined;
  const version = bytes.readUInt16LE(8);
  const intact =
    crc32(bytes.subarray(0, SEGMENT_HEADER_BYTES - 4)) === bytes.readUInt32LE(SEGMENT_HEADER_BYTES - 4);
  if (version !== FORMAT_VERSION) {
    // A damaged version field and a newer format look alike here; both are better left alone.
    throw new UnknownFormatError(
      `${path} has format version ${version}; this build reads version ${FORMAT_VERSION}. Nothing was changed.`,
    );
  }
  if (!intact) return undefined;
  const kind = bytes.readUInt16LE(10);
  const segmentNumber = readU64(bytes, 24);
  const createdMs = readU64(bytes, 32);
  if (kind !== 1 && kind !== 2) return undefined;
  if (!fits(segmentNumber) || !fits(createdMs)) return undefined;
  return {
    kind: kind === 1 ? "journal" : "cold",
    epoch: bytes.readUInt32LE(12),
    salt: bytes.readBigUInt64LE(16),
    segmentNumber,
    createdMs,
  };
}

/**
 * ```
 *  0  magic          u32  "MBLK"
 *  4  format_version u16
 *  6  flags          u16  1: confirms only (no entries); 2: clean stop
 *  8  salt           u64  of the segment; a recycled file's old blocks do not match
 * 16  commit         u64  goes up by one per block, over all segments
 * 24  durable_up_to  u64  every commit up to this one was durable when this block was written
 * 32  epoch          u32
 * 36  length         u32  bytes of entries behind this header
 * 40  entry_count    u32
 * 44  reserved       u32  0
 * 48  service_ms     u64  service time of the commit
 * 56  entries_crc32  u32  of the entries' crc32 fields, one after the other
 * 60  header_crc32   u32  of bytes 0 to 59
 * ```
 */
export interface BlockHeader {
  readonly flags: number;
  readonly salt: bigint;
  readonly commit: number;
  readonly durableUpTo: number;
  readonly epoch: number;
  readonly length: number;
  readonly entryCount: number;
  readonly serviceMs: number;
  readonly entriesCrc: number;
}

export const FLAG_CONFIRM = 1;
export const FLAG_CLEAN_STOP = 2;

export function writeBlockHeader(target: Buffer, at: number, header: BlockHeader): void {
  target.writeUInt32LE(BLOCK_MAGIC, at);
  target.writeUInt16LE(FORMAT_VERSION, at + 4);
  target.writeUInt16LE(header.flags, at + 6);
  target.writeBigUInt64LE(header.salt, at + 8);
  writeU64(target, header.commit, at + 16);
  writeU64(target, header.durableUpTo, at + 24);
  target.writeUInt32LE(header.epoch, at + 32);
  target.writeUInt32LE(header.length, at + 36);
  target.writeUInt32LE(header.entryCount, at + 40);
  target.writeUInt32LE(0, at + 44);
  writeU64(target, Math.max(0, Math.floor(header.serviceMs)), at + 48);
  target.writeUInt32LE(header.entriesCrc, at + 56);
  target.writeUInt32LE(crc32(target.subarray(at, at + 60)), at + 60);
}

/** Undefined unless an intact block header with this salt stands at `at`. */
export function readBlockHeader(source: Buffer, at: number, salt: bigint): BlockHeader | undefined {
  if (at + BLOCK_HEADER_BYTES > source.length) return undefined;
  if (source.readUInt32LE(at) !== BLOCK_MAGIC) return undefined;
  if (source.readBigUInt64LE(at + 8) !== salt) return undefined;
  if (crc32(source.subarray(at, at + 60)) !== source.readUInt32LE(at + 60)) return undefined;
  const commit = readU64(source, at + 16);
  const durableUpTo = readU64(source, at + 24);
  const serviceMs = readU64(source, at + 48);
  if (!fits(commit) || !fits(durableUpTo) || !fits(serviceMs)) return undefined;
  return {
    flags: source.readUInt16LE(at + 6),
    salt,
    commit,
    durableUpTo,
    epoch: source.readUInt32LE(at + 32),
    length: source.readUInt32LE(at + 36),
    entryCount: source.readUInt32LE(at + 40),
    serviceMs,
    entriesCrc: source.readUInt32LE(at + 56),
  };
}

/**
 * ```
 *  0  crc32         u32  of bytes 4 to the end of the payload
 *  4  length        u32  bytes of payload
 *  8  kind          u8   1 records, 2 state change
 *  9  flags         u8   0; reserved for imported entries (explicit numbers)
 * 10  record_count  u16  records in the payload; 0 for a state change
 * 12  log_id        u32  0 for a state change
 * 16  index         u64  of the entry in its log; the revision for a state change
 * 24  arrival_ms    u64  service time, monotone within a log
 * ```
 */
export interface EntryHeader {
  readonly kind: number;
  readonly recordCount: number;
  readonly logId: number;
  readonly index: number;
  readonly arrivalMs: number;
}

/** Writes one entry at `at` and returns its CRC. */
export function writeEntry(target: Buffer, at: number, header: EntryHeader, payload: Uint8Array): number {
  target.set(payload, at + ENTRY_HEADER_BYTES);
  return sealEntry(target, at, header, payload.length);
}

/** {@link writeEntry} for a payload of `payloadBytes` that stands in its place already. */
export function sealEntry(target: Buffer, at: number, header: EntryHeader, payloadBytes: number): number {
  target.writeUInt32LE(payloadBytes, at + 4);
  target[at + 8] = header.kind;
  target[at + 9] = 0;
  target.writeUInt16LE(header.recordCount, at + 10);
  target.writeUInt32LE(header.logId, at + 12);
  writeU64(target, header.index, at + 16);
  writeU64(target, header.arrivalMs, at + 24);
  const crc = crc32(target.subarray(at + 4, at + ENTRY_HEADER_BYTES + payloadBytes));
  target.writeUInt32LE(crc, at);
  return crc;
}

export interface Entry extends EntryHeader {
  readonly payload: Buffer;
  readonly crc: number;
  /** Offset behind the entry. */
  readonly end: number;
}

/**
 * Reads the entry at `at`, which must end at or before `limit`. Undefined when it does not fit or its
 * checksum is wrong. `verify: false` is only for bytes that never left memory.
 */
export function readEntry(source: Buffer, at: number, limit: number, verify = true): Entry | undefined {
  if (at + ENTRY_HEADER_BYTES > limit) return undefined;
  const end = at + ENTRY_HEADER_BYTES + source.readUInt32LE(at + 4);
  if (end > limit) return undefined;
  const crc = source.readUInt32LE(at);
  if (verify && crc32(source.subarray(at + 4, end)) !== crc) return undefined;
  const index = readU64(source, at + 16);
  const arrivalMs = readU64(source, at + 24);
  if (!fits(index) || !fits(arrivalMs)) return undefined;
  return {
    kind: source[at + 8] as number,
    recordCount: source.readUInt16LE(at + 10),
    logId: source.readUInt32LE(at + 12),
    index,
    arrivalMs,
    payload: source.subarray(at + ENTRY_HEADER_BYTES, end),
    crc,
    end,
  };
}

/** The CRC of a block's entries: of their CRC fields, so that the payload is summed only once. */
export function entriesCrc(crcs: readonly number[]): number {
  const bytes = Buffer.allocUnsafe(crcs.length * 4);
  crcs.forEach((crc, i) => bytes.writeUInt32LE(crc, i * 4));
  return crc32(bytes);
}

export function writeU64(target: Buffer, value: number, at: number): void {
  target.writeUInt32LE(value % 0x1_0000_0000, at);
  target.writeUInt32LE(Math.floor(value / 0x1_0000_0000), at + 4);
}

/** Inexact above 2^53 − 1, which the format does not allow: decoders ask {@link fits}. */
export function readU64(source: Buffer, at: number): number {
  return source.readUInt32LE(at + 4) * 0x1_0000_0000 + source.readUInt32LE(at);
}

/** Whether a number that {@link readU64} gave is one that the format allows. */
export function fits(number: number): boolean {
  return number <= Number.MAX_SAFE_INTEGER;
}
