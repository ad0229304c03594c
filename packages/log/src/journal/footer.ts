/**
 * The index that a sealed segment keeps on disk behind its last block. Memory holds only the summaries;
 * rows are read page by page through a bounded cache, each page with a checksum of its own.
 *
 * ```
 * footer  => row_page*  summary*  trailer          (begins at a multiple of 4,096; ends with the file)
 * row_page (4,096 bytes) => crc32:u32 (of the rest)  count:u32  row*  zeros
 * row (40 bytes)     => log_id:u32 entry_count:u32 first_index:u64 first_arrival_ms:u64
 *                       arrival_span_ms:u32 record_count:u32 offset:u32 length:u32
 * summary (64 bytes) => log_id:u32 row_start:u32 row_count:u32 zero:u32 first_index:u64 end_index:u64
 *                       first_arrival_ms:u64 last_arrival_ms:u64 bytes:u64 record_count:u64
 * trailer (96 bytes) => see {@link encodeTrailer}
 * ```
 *
 * A row is a chunk: all entries of one log in one block, which lie side by side. Rows are sorted by log,
 * then by index; summaries likewise, one for each range of a log without gaps.
 */
import { crc32 } from "node:zlib";
import {
  ALIGNMENT_BYTES,
  ENTRY_HEADER_BYTES,
  fits,
  FORMAT_VERSION,
  readU64,
  SEGMENT_HEADER_BYTES,
  UnknownFormatError,
  writeU64,
} from "./format.ts";

export interface Row {
  readonly logId: number;
  readonly entryCount: number;
  readonly firstIndex: number;
  readonly firstArrivalMs: number;
  readonly lastArrivalMs: number;
  readonly recordCount: number;
  /** Of the chunk's first entry, in its file. */
  readonly offset: number;
  readonly length: number;
}

export interface Summary {
  readonly logId: number;
  readonly rowStart: number;
  readonly rowCount: number;
  readonly firstIndex: number;
  /** One past the last index. No index between is missing. */
  readonly endIndex: number;
  readonly firstArrivalMs: number;
  readonly lastArrivalMs: number;
  readonly bytes: number;
  readonly recordCount: number;
}

export interface Trailer {
  readonly salt: bigint;
  readonly rowsOffset: number;
  readonly rowCount: number;
  readonly summaryCount: number;
  readonly summaryCrc: number;
  readonly firstCommit: number;
  readonly lastCommit: number;
  readonly lastRevision: number;
  readonly lastServiceMs: number;
}

export const TRAILER_BYTES = 96;
export const ROW_BYTES = 40;
const SUMMARY_BYTES = 64;
const PAGE_HEADER_BYTES = 8;
export const ROWS_PER_PAGE = Math.floor((ALIGNMENT_BYTES - PAGE_HEADER_BYTES) / ROW_BYTES);
/** "MFTR" as a little-endian u32. */
const TRAILER_MAGIC = 0x52_54_46_4d;

export interface FooterFacts {
  readonly salt: bigint;
  /** Where the footer begins: a multiple of 4,096 behind the last block. */
  readonly rowsOffset: number;
  readonly firstCommit: number;
  readonly lastCommit: number;
  readonly lastRevision: number;
  readonly lastServiceMs: number;
}

/**
 * Sums up rows that are sorted by log and index: one summary for each range of a log without gaps. A cold
 * file, which takes chunks from several segments, may hold several ranges of one log.
 */
export function summarize(rows: readonly Row[]): Summary[] {
  const summaries: Summary[] = [];
  let start = 0;
  while (start < rows.length) {
    const first = rows[start] as Row;
    let end = start;
    let bytes = 0;
    let recordCount = 0;
    let last = first;
    let endIndex = first.firstIndex;
    for (let row = rows[end]; row?.logId === first.logId && row.firstIndex === endIndex; row = rows[end]) {
      last = row;
      bytes += row.length;
      recordCount += row.recordCount;
      endIndex += row.entryCount;
      end += 1;
    }
    summaries.push({
      logId: first.logId,
      rowStart: start,
      rowCount: end - start,
      firstIndex: first.firstIndex,
      endIndex,
      firstArrivalMs: first.firstArrivalMs,
      lastArrivalMs: last.lastArrivalMs,
      bytes,
      recordCount,
    });
    start = end;
  }
  return summaries;
}

export function sortRows(rows: Row[]): Row[] {
  return rows.sort((a, b) => a.logId - b.logId || a.firstIndex - b.firstIndex);
}

/** The bytes of a whole footer for rows sorted by {@link sortRows}. */
export function encodeFooter(
  rows: readonly Row[],
  summaries: readonly Summary[],
  facts: FooterFacts,
): Buffer {
  const pageCount = Math.ceil(rows.length / ROWS_PER_PAGE);
  const summaryAt = pageCount * ALIGNMENT_BYTES;
  const trailerAt = summaryAt + summaries.length * SUMMARY_BYTES;
  const bytes = Buffer.alloc(trailerAt + TRAILER_BYTES);
  for (let page = 0; page < pageCount; page += 1) {
    const at = page * ALIGNMENT_BYTES;
    const pageRows = rows.slice(page * ROWS_PER_PAGE, (page + 1) * ROWS_PER_PAGE);
    bytes.writeUInt32LE(pageRows.length, at + 4);
    pageRows.forEach((row, i) => encodeRow(bytes, at + PAGE_HEADER_BYTES + i * ROW_BYTES, row));
    bytes.writeUInt32LE(crc32(bytes.subarray(at + 4, at + ALIGNMENT_BYTES)), at);
  }
  summaries.forEach((summary, i) => encodeSummary(bytes, summaryAt + i * SUMMARY_BYTES, summary));
  encodeTrailer(bytes, trailerAt, {
    ...facts,
    rowCount: rows.length,
    summaryCount: summaries.length,
    summaryCrc: crc32(bytes.subarray(summaryAt, trailerAt)),
  });
  return bytes;
}

function encodeRow(target: Buffer, at: number, row: Row): void {
  target.writeUInt32LE(row.logId, at);
  target.writeUInt32LE(row.entryCount, at + 4);
  writeU64(target, row.firstIndex, at + 8);
  writeU64(target, row.firstArrivalMs, at + 16);
  target.writeUInt32LE(Math.min(0xffff_ffff, row.lastArrivalMs - row.firstArrivalMs), at + 24);
  target.writeUInt32LE(row.recordCount, at + 28);
  target.writeUInt32LE(row.offset, at + 32);
  target.writeUInt32LE(row.length, at + 36);
}

function decodeRow(source: Buffer, at: number): Row {
  const firstArrivalMs = readU64(source, at + 16);
  return {
    logId: source.readUInt32LE(at),
    entryCount: source.readUInt32LE(at + 4),
    firstIndex: readU64(source, at + 8),
    firstArrivalMs,
    lastArrivalMs: firstArrivalMs + source.readUInt32LE(at + 24),
    recordCount: source.readUInt32LE(at + 28),
    offset: source.readUInt32LE(at + 32),
    length: source.readUInt32LE(at + 36),
  };
}

/** The rows of one page; undefined when its checksum is wrong or there is no chunk that a row could be of. */
export function decodePage(page: Buffer): Row[] | undefined {
  if (page.length < ALIGNMENT_BYTES) return undefined;
  if (crc32(page.subarray(4, ALIGNMENT_BYTES)) !== page.readUInt32LE(0)) return undefined;
  const count = page.readUInt32LE(4);
  if (count > ROWS_PER_PAGE) return undefined;
  const rows: Row[] = [];
  for (let i = 0; i < count; i += 1) {
    const row = decodeRow(page, PAGE_HEADER_BYTES + i * ROW_BYTES);
    if (!isPossible(row)) return undefined;
    rows.push(row);
  }
  return rows;
}

/** Whoever reads the chunk makes room for as many entries as its row says. */
function isPossible(row: Row): boolean {
  return (
    row.entryCount > 0 &&
    row.entryCount * ENTRY_HEADER_BYTES <= row.length &&
    row.offset >= SEGMENT_HEADER_BYTES &&
    fits(row.firstIndex + row.entryCount) &&
    fits(row.lastArrivalMs)
  );
}

function encodeSummary(target: Buffer, at: number, summary: Summary): void {
  target.writeUInt32LE(summary.logId, at);
  target.writeUInt32LE(summary.rowStart, at + 4);
  target.writeUInt32LE(summary.rowCount, at + 8);
  writeU64(target, summary.firstIndex, at + 16);
  writeU64(target, summary.endIndex, at + 24);
  writeU64(target, summary.firstArrivalMs, at + 32);
  writeU64(target, summary.lastArrivalMs, at + 40);
  writeU64(target, summary.bytes, at + 48);
  writeU64(target, summary.recordCount, at + 56);
}

function decodeSummary(source: Buffer, at: number): Summary {
  return {
    logId: source.readUInt32LE(at),
    rowStart: source.readUInt32LE(at + 4),
    rowCount: source.readUInt32LE(at + 8),
    firstIndex: readU64(source, at + 16),
    endIndex: readU64(source, at + 24),
    firstArrivalMs: readU64(source, at + 32),
    lastArrivalMs: readU64(source, at + 40),
    bytes: readU64(source, at + 48),
    recordCount: readU64(source, at + 56),
  };
}

/**
 * The summaries between `rowsOffset + pages` and the trailer; undefined when their checksum is wrong or one
 * is of rows that the segment does not have.
 */
export function decodeSummaries(bytes: Buffer, trailer: Trailer): Summary[] | undefined {
  if (bytes.length !== trailer.summaryCount * SUMMARY_BYTES || crc32(bytes) !== trailer.summaryCrc) {
    return undefined;
  }
  const summaries: Summary[] = [];
  for (let i = 0; i < trailer.summaryCount; i += 1) {
    const summary = decodeSummary(bytes, i * SUMMARY_BYTES);
    const { rowStart, rowCount, endIndex, lastArrivalMs } = summary;
    if (rowStart + rowCount > trailer.rowCount || summary.firstIndex > endIndex) return undefined;
    if (!fits(endIndex) || !fits(summary.firstArrivalMs) || !fits(lastArrivalMs)) return undefined;
    if (!fits(summary.bytes) || !fits(summary.recordCount)) return undefined;
    summaries.push(summary);
  }
  return summaries;
}

export function summariesOffset(trailer: Trailer): number {
  return trailer.rowsOffset + Math.ceil(trailer.rowCount / ROWS_PER_PAGE) * ALIGNMENT_BYTES;
}

export function summariesBytes(trailer: Trailer): number {
  return trailer.summaryCount * SUMMARY_BYTES;
}

/**
 * ```
 *  0 magic u32 "MFTR"      4 format_version u16    6 zero u16
 *  8 salt u64             16 rows_offset u64      24 row_count u32   28 summary_count u32
 * 32 summary_crc32 u32    36 zero u32             40 first_commit u64
 * 48 last_commit u64      56 last_revision u64    64 last_service_ms u64
 * 72 zeros                92 crc32 u32 of bytes 0 to 91
 * ```
 */
function encodeTrailer(target: Buffer, at: number, trailer: Trailer): void {
  target.writeUInt32LE(TRAILER_MAGIC, at);
  target.writeUInt16LE(FORMAT_VERSION, at + 4);
  target.writeBigUInt64LE(trailer.salt, at + 8);
  writeU64(target, trailer.rowsOffset, at + 16);
  target.writeUInt32LE(trailer.rowCount, at + 24);
  target.writeUInt32LE(trailer.summaryCount, at + 28);
  target.writeUInt32LE(trailer.summaryCrc, at + 32);
  writeU64(target, trailer.firstCommit, at + 40);
  writeU64(target, trailer.lastCommit, at + 48);
  writeU64(target, trailer.lastRevision, at + 56);
  writeU64(target, trailer.lastServiceMs, at + 64);
  target.writeUInt32LE(crc32(target.subarray(at, at + 92)), at + 92);
}

/**
 * Undefined when `bytes` are no intact trailer with this salt: the segment was not sealed.
 * {@link UnknownFormatError} on another version.
 */
export function decodeTrailer(bytes: Buffer, salt: bigint, path: string): Trailer | undefined {
  if (bytes.length < TRAILER_BYTES || bytes.readUInt32LE(0) !== TRAILER_MAGIC) return undefined;
  if (crc32(bytes.subarray(0, 92)) !== bytes.readUInt32LE(92)) return undefined;
  if (bytes.readBigUInt64LE(8) !== salt) return undefined;
  const version = bytes.readUInt16LE(4);
  if (version !== FORMAT_VERSION) {
    throw new UnknownFormatError(`${path} has a footer of format version ${version}. Nothing was changed.`);
  }
  const trailer = {
    salt,
    rowsOffset: readU64(bytes, 16),
    rowCount: bytes.readUInt32LE(24),
    summaryCount: bytes.readUInt32LE(28),
    summaryCrc: bytes.readUInt32LE(32),
    firstCommit: readU64(bytes, 40),
    lastCommit: readU64(bytes, 48),
    lastRevision: readU64(bytes, 56),
    lastServiceMs: readU64(bytes, 64),
  };
  return describesFooter(trailer) ? trailer : undefined;
}

/** Whoever reads the summaries makes room for as many as the trailer says: no more than its file has chunks for. */
function describesFooter(trailer: Trailer): boolean {
  const { rowsOffset, rowCount, summaryCount } = trailer;
  return (
    fits(rowsOffset) &&
    rowsOffset % ALIGNMENT_BYTES === 0 &&
    rowCount * ENTRY_HEADER_BYTES <= rowsOffset - SEGMENT_HEADER_BYTES &&
    summaryCount <= rowCount &&
    fits(trailer.firstCommit) &&
    fits(trailer.lastCommit) &&
    fits(trailer.lastRevision) &&
    fits(trailer.lastServiceMs)
  );
}
