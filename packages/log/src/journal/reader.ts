/**
 * Reads of one shard log: from the cache, or one `pread` of a whole chunk. Every byte that comes from the
 * disk is checked before anybody sees it.
 */
import type { ReadLimits, ReadOutcome, StoredEntry } from "../log-engine.ts";
import type { ChunkCache } from "./chunk-cache.ts";
import { readFully } from "./file-io.ts";
import type { Row } from "./footer.ts";
import { KIND_RECORDS, readEntry } from "./format.ts";
import { DamagedIndexError, type PageCache, type Segment } from "./segment.ts";
import type { Run, ShardLog, ShardLogs } from "./shard-logs.ts";

/** Why entries cannot be given, and the first entry behind them that this says nothing about. */
interface Unreadable {
  readonly toIndex?: number;
  readonly detail: string;
}

export class Reader {
  readonly #logs: ShardLogs;
  readonly #chunks: ChunkCache;
  readonly #pages: PageCache;

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
      const chunk = await this.#chunkAt(run, index);
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
        const row = await this.#searchRow(run, (candidate) => candidate.lastArrivalMs >= timestampMs);
        if (row === undefined) continue;
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

  /** The entries of the chunk that holds `index`. */
  async #chunkAt(run: Run, index: number): Promise<StoredEntry[] | Unreadable> {
    run.segment.retain();
    try {
      const row = await this.#searchRow(
        run,
        (candidate) => candidate.firstIndex + candidate.entryCount > index,
      );
      if (row === undefined || row.firstIndex > index) {
        return { detail: `${run.segment.path} holds no entry ${index} although its index says so` };
      }
      return await this.#readChunk(run.segment, row);
    } catch (error) {
      if (error instanceof DamagedIndexError) return { toIndex: run.endIndex, detail: error.message };
      throw error;
    } finally {
      run.segment.release();
    }
  }

  /** The first row of a run for which `reached` holds; it must hold for all behind that one. */
  async #searchRow(run: Run, reached: (row: Row) => boolean): Promise<Row | undefined> {
    const rows = run.rows;
    let low = 0;
    let high = rows?.length ?? run.rowCount;
    const end = high;
    const rowAt = (at: number): Row | Promise<Row> =>
      rows === undefined ? run.segment.row(run.rowStart + at, this.#pages) : (rows[at] as Row);
    while (low < high) {
      const middle = (low + high) >>> 1;
      const row = rowAt(middle);
      if (reached(row instanceof Promise ? await row : row)) high = middle;
      else low = middle + 1;
    }
    return low < end ? rowAt(low) : undefined;
  }

  async #readChunk(segment: Segment, row: Row): Promise<StoredEntry[] | Unreadable> {
    const toIndex = row.firstIndex + row.entryCount;
    const cached = this.#chunks.get(segment, row.offset);
    if (cached !== undefined)
      return splitChunk(cached, row, false) ?? { toIndex, detail: "a cached chunk is damaged" };
    const bytes = await readFully(segment.file, row.offset, row.length);
    const entries = splitChunk(bytes, row, true);
    if (entries === undefined) {
      const detail = `${segment.path} is damaged between bytes ${row.offset} and ${row.offset + row.length}`;
      return { toIndex, detail };
    }
    this.#chunks.put(segment, row.offset, bytes);
    return entries;
  }
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
