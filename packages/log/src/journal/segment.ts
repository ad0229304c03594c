/**
 * One segment file that is open for reading: where its chunks lie and who is still reading it. The
 * writer appends blocks to the newest one; the others are sealed and never change.
 */
import type { OpenFile } from "@millrace/runtime";
import { readFully } from "./file-io.ts";
import {
  decodePage,
  decodeSummaries,
  decodeTrailer,
  encodeFooter,
  ROWS_PER_PAGE,
  sortRows,
  summariesBytes,
  summariesOffset,
  summarize,
  TRAILER_BYTES,
  type Row,
  type Summary,
  type Trailer,
} from "./footer.ts";
import { ALIGNMENT_BYTES, alignUp, SEGMENT_HEADER_BYTES, type SegmentHeader } from "./format.ts";
import { writeFully } from "./file-io.ts";

/** Decoded row pages of all sealed segments, least recently used first. */
export class PageCache {
  readonly #pages = new Map<string, Row[]>();
  readonly #maxPages: number;

  constructor(maxPages: number) {
    this.#maxPages = maxPages;
  }

  get(key: string): Row[] | undefined {
    const page = this.#pages.get(key);
    if (page !== undefined) {
      this.#pages.delete(key);
      this.#pages.set(key, page);
    }
    return page;
  }

  set(key: string, page: Row[]): void {
    this.#pages.set(key, page);
    if (this.#pages.size > this.#maxPages) {
      const oldest = this.#pages.keys().next();
      if (!oldest.done) this.#pages.delete(oldest.value);
    }
  }
}

/** A part of the index that fails its checksum. */
export class DamagedIndexError extends Error {
  override readonly name = "DamagedIndexError";
}

export class Segment {
  readonly path: string;
  readonly header: SegmentHeader;
  readonly file: OpenFile;
  /** Offset behind the last block (journal) or chunk (cold). */
  endOffset = SEGMENT_HEADER_BYTES;
  fileBytes: number;
  firstCommit = 0;
  lastCommit = 0;
  lastRevision = 0;
  lastServiceMs = 0;
  /** Bytes of chunks, by {@link Row.length}; set when sealed. */
  chunkBytes = 0;
  #trailer: Trailer | undefined;
  /** Rows of an unsealed segment, in the order of the blocks. */
  #rows: Row[] = [];
  #readers = 0;
  #whenIdle: (() => void) | undefined;

  constructor(path: string, header: SegmentHeader, file: OpenFile, fileBytes: number) {
    this.path = path;
    this.header = header;
    this.file = file;
    this.fileBytes = fileBytes;
  }

  get number(): number {
    return this.header.segmentNumber;
  }

  get sealed(): boolean {
    return this.#trailer !== undefined;
  }

  /** Reads the footer, if there is an intact one, and returns the summaries; undefined: not sealed. */
  async loadFooter(): Promise<Summary[] | undefined> {
    if (this.fileBytes < SEGMENT_HEADER_BYTES + TRAILER_BYTES) return undefined;
    const bytes = await readFully(this.file, this.fileBytes - TRAILER_BYTES, TRAILER_BYTES);
    const trailer = decodeTrailer(bytes, this.header.salt, this.path);
    if (trailer === undefined) return undefined;
    // Before any room is made for them: a trailer may speak of more than the file holds.
    if (summariesOffset(trailer) + summariesBytes(trailer) > this.fileBytes - TRAILER_BYTES) return undefined;
    const summaries = decodeSummaries(
      await readFully(this.file, summariesOffset(trailer), summariesBytes(trailer)),
      trailer,
    );
    if (summaries === undefined) return undefined;
    this.#adoptTrailer(trailer, summaries);
    return summaries;
  }

  #adoptTrailer(trailer: Trailer, summaries: readonly Summary[]): void {
    this.#trailer = trailer;
    this.endOffset = trailer.rowsOffset;
    this.firstCommit = trailer.firstCommit;
    this.lastCommit = trailer.lastCommit;
    this.lastRevision = trailer.lastRevision;
    this.lastServiceMs = trailer.lastServiceMs;
    this.chunkBytes = summaries.reduce((sum, summary) => sum + summary.bytes, 0);
  }

  addRow(row: Row): void {
    this.#rows.push(row);
  }

  /** The rows of an unsealed segment so far. */
  get rows(): readonly Row[] {
    return this.#rows;
  }

  /**
   * Writes the footer behind the last block and cuts the file there. The trailer comes last, when the rest
   * is durable: an intact one proves the pages in front of it. The segment counts as sealed from then on;
   * its rows leave memory.
   */
  async seal(): Promise<Summary[]> {
    const rows = sortRows([...this.#rows]);
    const summaries = summarize(rows);
    const rowsOffset = alignUp(this.endOffset);
    const footer = encodeFooter(rows, summaries, {
      salt: this.header.salt,
      rowsOffset,
      firstCommit: this.firstCommit,
      lastCommit: this.lastCommit,
      lastRevision: this.lastRevision,
      lastServiceMs: this.lastServiceMs,
    });
    const trailerAt = footer.length - TRAILER_BYTES;
    await writeFully(this.file, footer.subarray(0, trailerAt), rowsOffset, false);
    await this.file.truncate(rowsOffset + footer.length);
    await this.file.sync();
    await writeFully(this.file, footer.subarray(trailerAt), rowsOffset + trailerAt, false);
    await this.file.sync();
    const trailer = decodeTrailer(
      footer.subarray(footer.length - TRAILER_BYTES),
      this.header.salt,
      this.path,
    ) as Trailer;
    this.fileBytes = rowsOffset + footer.length;
    this.#adoptTrailer(trailer, summaries);
    this.#rows = [];
    return summaries;
  }

  /** Row `ordinal` of a sealed segment, through the cache. */
  async row(ordinal: number, cache: PageCache): Promise<Row> {
    const page = await this.page(Math.floor(ordinal / ROWS_PER_PAGE), cache);
    const row = page[ordinal % ROWS_PER_PAGE];
    if (row === undefined) throw new DamagedIndexError(`${this.path}: row ${ordinal} is missing`);
    return row;
  }

  async page(page: number, cache: PageCache): Promise<Row[]> {
    const trailer = this.#trailer;
    if (trailer === undefined) throw new Error(`${this.path} is not sealed`);
    const key = `${this.number}:${page}`;
    const cached = cache.get(key);
    if (cached !== undefined) return cached;
    const bytes = await readFully(this.file, trailer.rowsOffset + page * ALIGNMENT_BYTES, ALIGNMENT_BYTES);
    const rows = decodePage(bytes);
    if (rows === undefined)
      throw new DamagedIndexError(`${this.path}: index page ${page} fails its checksum`);
    cache.set(key, rows);
    return rows;
  }

  get rowCount(): number {
    return this.#trailer?.rowCount ?? this.#rows.length;
  }

  /** Keeps the file's bytes in place until {@link release}, whatever happens to the segment meanwhile. */
  retain(): void {
    this.#readers += 1;
  }

  release(): void {
    this.#readers -= 1;
    if (this.#readers === 0) this.#whenIdle?.();
  }

  /** Resolves when nobody reads the file any more; nobody may begin to after this call. */
  idle(): Promise<void> {
    if (this.#readers === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenIdle = resolve;
    });
  }
}
