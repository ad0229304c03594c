/**
 * Reads of one shard log: from the cache, or one `pread` of a whole chunk, or of several that lie close together. Every
 * byte that comes from the disk is checked before anybody sees it.
 */
import { BytePool } from "@millrace/runtime";
import type { ReadLimits, ReadOutcome, StoredEntry } from "../log-engine.ts";
import type { ChunkCache } from "./chunk-cache.ts";
import { readInto } from "./file-io.ts";
import type { Row } from "./footer.ts";
import { ENTRY_HEADER_BYTES, KIND_RECORDS, readEntry } from "./format.ts";
import { DamagedIndexError, type PageCache, type Segment } from "./segment.ts";
import type { Run, ShardLog, ShardLogs } from "./shard-logs.ts";

/**
 * Small chunks of one log that lie at most so far apart are read at once: bringing what lies between them from the system's
 * cache costs less than another read.
 */
const GAP_BYTES_MAX = 64 << 10;
const SPAN_BYTES_MAX = 1 << 20;
/** Reads of one log that are under way at once: enough that the threads that Node reads with need not be woken for each. */
const SPANS_AT_ONCE = 16;

/** The rows of a run as it was found: sealing it moves them to the disk and may put others in front of them. */
interface Rows {
  readonly count: number;
  at(place: number): Row | Promise<Row>;
}

/** Entries of one chunk, or of several that lie close together. */
interface FoundEntries {
  readonly entries: readonly StoredEntry[];
  /** Unless they are in the cache. */
  readonly fromDisk?: FromDisk;
}

interface FromDisk {
  readonly chunks: { readonly row: Row; readonly bytes: Buffer }[];
  /** What they lie in: of the reader's own, to be given back. */
  readonly memory: Buffer;
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
  readonly #memory: BytePool;

  constructor(logs: ShardLogs, chunks: ChunkCache, pages: PageCache, idleBytesMax: number) {
    this.#memory = new BytePool({ idleBytesMax });
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
    const memory: Buffer[] = [];
    let bytes = 0;
    let records = 0;
    let index = fromIndex;
    let stepBytes = limits.stepBytes ?? Infinity;
    while (index < tipIndex && bytes < limits.maxBytes && records < limits.maxRecords && stepBytes > 0) {
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
            ? this.#outcome(log, entries, index, tipIndex, memory)
            : { kind: "trimmed", trimIndex: log.bounds().trimIndex };
        }
        return { kind: "damaged", index, detail: `log ${logId} has no entry ${index}` };
      }
      const chunk = await this.#entriesAt(run, index, {
        maxBytes: Math.min(limits.maxBytes - bytes, stepBytes),
        maxRecords: limits.maxRecords - records,
      });
      if ("detail" in chunk) {
        if (entries.length > 0) break;
        return { kind: "damaged", index, ...chunk };
      }
      for (const entry of chunk.entries) {
        if (entry.index < index) continue;
        if (bytes >= limits.maxBytes || records >= limits.maxRecords) break;
        entries.push(entry);
        bytes += entry.payload.length;
        // As rows count them, or a step would end with another read for what their headers take.
        stepBytes -= entry.payload.length + ENTRY_HEADER_BYTES;
        records += entry.recordCount;
        index = entry.index + 1;
      }
      if (chunk.fromDisk === undefined) continue;
      memory.push(chunk.fromDisk.memory);
      const isFull = bytes >= limits.maxBytes || records >= limits.maxRecords;
      this.#keepRest(run.segment, chunk.fromDisk, isFull ? index - 1 : index);
    }
    return this.#outcome(log, entries, index, tipIndex, memory);
  }

  /**
   * Of what was read from the disk only chunks with entries from `index` on, which the next read may ask for, are kept in the
   * cache: what is read through once would drive out what was just written.
   */
  #keepRest(segment: Segment, { chunks }: FromDisk, index: number): void {
    for (const { row, bytes } of chunks) {
      if (row.firstIndex + row.entryCount <= index || this.#chunks.has(segment, row.offset)) continue;
      const kept = Buffer.allocUnsafeSlow(bytes.length);
      bytes.copy(kept);
      this.#chunks.put(segment, row.offset, kept);
    }
  }

  #outcome(
    log: ShardLog,
    entries: StoredEntry[],
    nextIndex: number,
    tipIndex: number,
    memory: readonly Buffer[],
  ): ReadOutcome {
    return {
      kind: "entries",
      entries,
      nextIndex,
      ended: log.endIndex !== undefined && nextIndex >= log.endIndex && nextIndex >= tipIndex,
      ...(memory.length === 0 ? {} : { release: () => memory.forEach((bytes) => this.#memory.give(bytes)) }),
    };
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
        if (chunk.fromDisk !== undefined) this.#keepRest(run.segment, chunk.fromDisk, 0);
        const entry = chunk.entries.find((candidate) => candidate.arrivalMs >= timestampMs);
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
  async #entriesAt(run: Run, index: number, wanted: ReadLimits): Promise<FoundEntries | Unreadable> {
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
      return await this.#readSpans(segment, await this.#spansFrom(segment, rows, place, row, wanted));
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

  /** The first row, which is at `place`, and those behind it that are wanted too, by what is worth one read. */
  async #spansFrom(
    segment: Segment,
    rows: Rows,
    place: number,
    first: Row,
    { maxBytes, maxRecords }: ReadLimits,
  ): Promise<Row[][]> {
    let span = [first];
    const spans = [span];
    let last = first;
    let bytes = first.length;
    let records = first.recordCount;
    for (let next = place + 1; next < rows.count; next += 1) {
      if (bytes >= maxBytes || records >= maxRecords) break;
      const row = await rowOrNothing(rows, next);
      if (row === undefined || this.#chunks.has(segment, row.offset)) break;
      const gapBytes = row.offset - (last.offset + last.length);
      const isNear = gapBytes >= 0 && gapBytes <= GAP_BYTES_MAX;
      if (isNear && row.offset + row.length - span[0]!.offset <= SPAN_BYTES_MAX) span.push(row);
      else if (spans.length === SPANS_AT_ONCE) break;
      else spans.push((span = [row]));
      bytes += row.length;
      records += row.recordCount;
      last = row;
    }
    return spans;
  }

  /** Reads spans side by side. What lies behind the first damaged chunk is left to the next read. */
  async #readSpans(segment: Segment, spans: readonly (readonly Row[])[]): Promise<FoundEntries | Unreadable> {
    const memory = this.#memory.take(roundUp(spans.reduce((sum, span) => sum + spanBytes(span), 0)));
    let end = 0;
    const reads = spans.map((span) =>
      readSpan(segment, span, memory.subarray(end, (end += spanBytes(span)))),
    );
    const settled = await Promise.allSettled(reads);
    const entries: StoredEntry[] = [];
    const chunks: FromDisk["chunks"] = [];
    for (const [at, result] of settled.entries()) {
      if (result.status === "rejected") throw result.reason;
      const { value } = result;
      if ("detail" in value) {
        if (entries.length > 0) break;
        this.#memory.give(memory);
        return value;
      }
      for (const entry of value.entries) entries.push(entry);
      chunks.push(...value.chunks);
      if (value.chunks.length < spans[at]!.length) break;
    }
    return { entries, fromDisk: { chunks, memory } };
  }

  #readChunk(segment: Segment, row: Row): FoundEntries | Unreadable | Promise<FoundEntries | Unreadable> {
    const cached = this.#chunks.get(segment, row.offset);
    if (cached === undefined) return this.#readSpans(segment, [[row]]);
    const entries = splitChunk(cached, row, false);
    if (entries !== undefined) return { entries };
    return { toIndex: row.firstIndex + row.entryCount, detail: "a cached chunk is damaged" };
  }
}

/** Few sizes, so that what one read gave back fits the next. */
function roundUp(sizeBytes: number): number {
  return sizeBytes > SPAN_BYTES_MAX ? sizeBytes : 2 ** Math.ceil(Math.log2(sizeBytes));
}

function spanBytes(rows: readonly Row[]): number {
  const last = rows.at(-1) as Row;
  return last.offset + last.length - rows[0]!.offset;
}

/** Reads chunks that lie close together to `memory`. Those from the first damaged one on are left to the next read. */
async function readSpan(
  segment: Segment,
  rows: readonly Row[],
  memory: Buffer,
): Promise<{ readonly entries: StoredEntry[]; readonly chunks: FromDisk["chunks"] } | Unreadable> {
  const [first] = rows as [Row];
  const readBytes = await readInto(segment.file, first.offset, memory);
  const entries: StoredEntry[] = [];
  const chunks: FromDisk["chunks"] = [];
  for (const row of rows) {
    const from = row.offset - first.offset;
    const bytes = memory.subarray(from, Math.min(from + row.length, readBytes));
    const chunk = splitChunk(bytes, row, true);
    if (chunk === undefined) {
      if (entries.length > 0) break;
      return damagedChunk(segment, row);
    }
    for (const entry of chunk) entries.push(entry);
    chunks.push({ row, bytes });
  }
  return { entries, chunks };
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
