/**
 * Reads of one shard log: from the cache, or one `pread` of a whole chunk, or of several that lie close together. Every
 * byte that comes from the disk is checked before anybody sees it.
 */
import type { ReadLimits, ReadOutcome, StoredEntry } from "../log-engine.ts";
import type { ChunkCache } from "./chunk-cache.ts";
import { readFully, readInto } from "./file-io.ts";
import type { Row } from "./footer.ts";
import { KIND_RECORDS, readEntry } from "./format.ts";
import { DamagedIndexError, type PageCache, type Segment } from "./segment.ts";
import type { Run, ShardLog, ShardLogs } from "./shard-logs.ts";

/**
 * Small chunks of one log that lie at most so far apart are read at once: bringing what lies between them from the system's
 * cache costs less than another read.
 */
const GAP_BYTES_MAX = 64 << 10;
const SPAN_BYTES_MAX = 1 << 20;
/** Pieces of memory that spans are read into: as many reads are under way in Node at once. Further ones read one chunk. */
const SPANS_MAX = 4;

/** The rows of a run as it was found: sealing it moves them to the disk and may put others in front of them. */
interface Rows {
  readonly count: number;
  at(place: number): Row | Promise<Row>;
}

/** Why entries cannot be given, and the first entry behind them that this says nothing about. */
interface Unreadable {
  readonly toIndex?: number;
  readonly detail: string;
}

export class Reader {
  readonly #logs: ShardLogs;
  readonly #chunks: ChunkCache;
  readonly #pages: PageCache;
  readonly #idleSpans: Buffer[] = [];
  #spanCount = 0;

  constructor(logs: ShardLogs, chunks: ChunkCache, pages: PageCache) {
    this.#logs = logs;
    this.#chunks = chunks;
    this.#pages = pages;
  }

  async read(logId: number, fromIndex: number, limits: ReadLimits): Promise<ReadOutcome> {
    const log = this.#logs.get(logId);
    if (log === undefined) return { kind: "gone" };
    if (fromIndex < log.trimIndex) return { kind: "trimmed", trimIndex: log.bounds().trimIndex };
    // What becomes durable while this read is under way is left to the next one.
    const tipIndex = log.nextIndex;
    const entries: StoredEntry[] = [];
    let bytes = 0;
    let records = 0;
    let index = fromIndex;
    while (index < tipIndex && bytes < limits.maxBytes && records < limits.maxRecords) {
      const hole = log.holes.find((h) => h.fromIndex <= index && index < h.toIndex);
      if (hole !== undefined) {
        if (entries.length > 0) break;
        return { kind: "hole", fromIndex: hole.fromIndex, toIndex: hole.toIndex };
      }
      const run = log.runs[log.runFrom(index)];
      if (run === undefined || run.firstIndex > index) {
        // Between the look at the bounds and now the entries may have been trimmed.
        if (this.#logs.get(logId) === undefined) return { kind: "gone" };
        if (index < log.trimIndex) {
          return entries.length > 0
            ? outcome(log, entries, index, tipIndex)
            : { kind: "trimmed", trimIndex: log.bounds().trimIndex };
        }
        return { kind: "damaged", index, detail: `log ${logId} has no entry ${index}` };
      }
      const chunk = await this.#entriesAt(run, index, {
        maxBytes: limits.maxBytes - bytes,
        maxRecords: limits.maxRecords - records,
      });
      if ("detail" in chunk) {
        if (entries.length > 0) break;
        return { kind: "damaged", index, ...chunk };
      }
      for (const entry of chunk) {
        if (entry.index < index) continue;
        if (bytes >= limits.maxBytes || records >= limits.maxRecords) break;
        entries.push(entry);
        bytes += entry.payload.length;
        records += entry.recordCount;
        index = entry.index + 1;
      }
    }
    return outcome(log, entries, index, tipIndex);
  }

  async seek(logId: number, timestampMs: number): Promise<number> {
    const log = this.#logs.get(logId);
    if (log === undefined) return 1;
    const tipIndex = log.nextIndex;
    for (const run of [...log.runs]) {
      if (run.lastArrivalMs < timestampMs) continue;
      run.segment.retain();
      try {
        const rows = this.#rowsOf(run);
        const place = await searchRow(rows, (candidate) => candidate.lastArrivalMs >= timestampMs);
        if (place === undefined) continue;
        const row = await rows.at(place);
        const chunk = await this.#readChunk(run.segment, row);
        // What is damaged is found again, and told of, by the read that follows.
        if ("detail" in chunk) return Math.max(row.firstIndex, log.trimIndex);
        const entry = chunk.find((candidate) => candidate.arrivalMs >= timestampMs);
        if (entry !== undefined) return Math.max(entry.index, log.bounds().trimIndex);
      } catch (error) {
        if (!(error instanceof DamagedIndexError)) throw error;
        return Math.max(run.firstIndex, log.trimIndex);
      } finally {
        run.segment.release();
      }
    }
    return tipIndex;
  }

  /** The entries of the chunk that holds `index`, and of those close behind it as far as they are wanted. */
  async #entriesAt(run: Run, index: number, wanted: ReadLimits): Promise<StoredEntry[] | Unreadable> {
    const { segment } = run;
    segment.retain();
    try {
      const rows = this.#rowsOf(run);
      const place = await searchRow(rows, (candidate) => candidate.firstIndex + candidate.entryCount > index);
      const row = place === undefined ? undefined : await rows.at(place);
      if (place === undefined || row === undefined || row.firstIndex > index) {
        return { detail: `${segment.path} holds no entry ${index} although its index says so` };
      }
      if (this.#chunks.has(segment, row.offset)) return await this.#readChunk(segment, row);
      const near = await this.#rowsNear(segment, rows, place, row, wanted);
      const span = near.length > 1 ? this.#takeSpan() : undefined;
      if (span === undefined) return await this.#readChunk(segment, row);
      try {
        return await this.#readSpan(segment, near, span);
      } finally {
        this.#idleSpans.push(span);
      }
    } catch (error) {
      if (error instanceof DamagedIndexError) return { toIndex: run.endIndex, detail: error.message };
      throw error;
    } finally {
      segment.release();
    }
  }

  #rowsOf({ rows, rowStart, rowCount, segment }: Run): Rows {
    if (rows !== undefined) return { count: rows.length, at: (place) => rows[place] as Row };
    return { count: rowCount, at: (place) => segment.row(rowStart + place, this.#pages) };
  }

  /** The first row, which is at `place`, and those behind it that are worth one read together. */
  async #rowsNear(
    segment: Segment,
    rows: Rows,
    place: number,
    first: Row,
    { maxBytes, maxRecords }: ReadLimits,
  ): Promise<Row[]> {
    const near = [first];
    let last = first;
    let bytes = first.length;
    let records = first.recordCount;
    for (let next = place + 1; next < rows.count; next += 1) {
      if (bytes >= maxBytes || records >= maxRecords) break;
      const row = await rowOrNothing(rows, next);
      if (row === undefined) break;
      const gapBytes = row.offset - (last.offset + last.length);
      if (gapBytes < 0 || gapBytes > GAP_BYTES_MAX) break;
      if (row.offset + row.length - first.offset > SPAN_BYTES_MAX) break;
      if (this.#chunks.has(segment, row.offset)) break;
      near.push(row);
      bytes += row.length;
      records += row.recordCount;
      last = row;
    }
    return near;
  }

  #takeSpan(): Buffer | undefined {
    const idle = this.#idleSpans.pop();
    if (idle !== undefined || this.#spanCount === SPANS_MAX) return idle;
    this.#spanCount += 1;
    return Buffer.allocUnsafeSlow(SPAN_BYTES_MAX);
  }

  /** Reads chunks that lie close together. Those from the first damaged one on are left to the next read. */
  async #readSpan(segment: Segment, rows: readonly Row[], span: Buffer): Promise<StoredEntry[] | Unreadable> {
    const [first] = rows as [Row];
    const last = rows.at(-1) as Row;
    const length = last.offset + last.length - first.offset;
    const readBytes = await readInto(segment.file, first.offset, span.subarray(0, length));
    const kept = Buffer.allocUnsafeSlow(rows.reduce((sum, row) => sum + row.length, 0));
    const entries: StoredEntry[] = [];
    let end = 0;
    for (const row of rows) {
      const from = row.offset - first.offset;
      const copied = span.copy(kept, end, from, Math.min(from + row.length, readBytes));
      const bytes = kept.subarray(end, end + copied);
      end += copied;
      const chunk = splitChunk(bytes, row, true);
      if (chunk === undefined) {
        if (entries.length > 0) break;
        return damagedChunk(segment, row);
      }
      for (const entry of chunk) entries.push(entry);
      this.#chunks.put(segment, row.offset, bytes);
    }
    return entries;
  }

  async #readChunk(segment: Segment, row: Row): Promise<StoredEntry[] | Unreadable> {
    const cached = this.#chunks.get(segment, row.offset);
    if (cached !== undefined) {
      const toIndex = row.firstIndex + row.entryCount;
      return splitChunk(cached, row, false) ?? { toIndex, detail: "a cached chunk is damaged" };
    }
    const bytes = await readFully(segment.file, row.offset, row.length);
    const entries = splitChunk(bytes, row, true);
    if (entries === undefined) return damagedChunk(segment, row);
    this.#chunks.put(segment, row.offset, bytes);
    return entries;
  }
}

/** The row at `place`, unless the index is damaged there: whoever needs that row finds out. */
async function rowOrNothing(rows: Rows, place: number): Promise<Row | undefined> {
  try {
    return await rows.at(place);
  } catch (error) {
    if (error instanceof DamagedIndexError) return undefined;
    throw error;
  }
}

/** The place of the first row for which `reached` holds; it must hold for all behind that one. */
async function searchRow(rows: Rows, reached: (row: Row) => boolean): Promise<number | undefined> {
  let low = 0;
  let high = rows.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const row = rows.at(middle);
    if (reached(row instanceof Promise ? await row : row)) high = middle;
    else low = middle + 1;
  }
  return low < rows.count ? low : undefined;
}

function damagedChunk(segment: Segment, row: Row): Unreadable {
  return {
    toIndex: row.firstIndex + row.entryCount,
    detail: `${segment.path} is damaged between bytes ${row.offset} and ${row.offset + row.length}`,
  };
}

/** The entries of a chunk; undefined when its bytes are not exactly what the row says. */
export function splitChunk(bytes: Buffer, row: Row, verify: boolean): StoredEntry[] | undefined {
  if (bytes.length !== row.length) return undefined;
  const entries: StoredEntry[] = new Array(row.entryCount);
  let at = 0;
  for (let i = 0; i < row.entryCount; i += 1) {
    const entry = readEntry(bytes, at, bytes.length, verify);
    if (
      entry === undefined ||
      entry.logId !== row.logId ||
      entry.index !== row.firstIndex + i ||
      entry.kind !== KIND_RECORDS
    ) {
      return undefined;
    }
    entries[i] = entry;
    at = entry.end;
  }
  return at === bytes.length ? entries : undefined;
}

function outcome(log: ShardLog, entries: StoredEntry[], nextIndex: number, tipIndex: number): ReadOutcome {
  return {
    kind: "entries",
    entries,
    nextIndex,
    ended: log.endIndex !== undefined && nextIndex >= log.endIndex && nextIndex >= tipIndex,
  };
}
