/**
 * What the journal knows of each shard log: where its entries lie, which are trimmed, and what the blocks
 * in flight will make of it.
 */
import type { ShardLogBounds } from "../log-engine.ts";
import type { Row, Summary } from "./footer.ts";
import type { CommittedChange } from "./keyed-state.ts";
import type { Segment } from "./segment.ts";

/** A range of one log, without gaps, that lies in one segment. */
export interface Run {
  readonly segment: Segment;
  readonly firstIndex: number;
  endIndex: number;
  readonly firstArrivalMs: number;
  lastArrivalMs: number;
  bytes: number;
  /** Rows in memory while the segment is not sealed. */
  rows: Row[] | undefined;
  /** Place among the segment's rows once it is sealed. */
  rowStart: number;
  rowCount: number;
}

export interface Hole {
  readonly fromIndex: number;
  readonly toIndex: number;
}

export class ShardLog {
  readonly logId: number;
  nextIndex = 1;
  trimIndex = 1;
  endIndex: number | undefined;
  lastArrivalMs = 0;
  runs: Run[] = [];
  holes: Hole[] = [];
  readonly listeners = new Set<() => void>();

  /** What the log will be once the blocks in flight are durable; the fence decides by these. */
  pendingNextIndex = 1;
  pendingLastArrivalMs = 0;
  pendingClosed = false;

  constructor(logId: number) {
    this.logId = logId;
  }

  bounds(): ShardLogBounds {
    return {
      trimIndex: Math.min(this.trimIndex, this.nextIndex),
      nextIndex: this.nextIndex,
      endIndex: this.endIndex,
      lastArrivalMs: this.lastArrivalMs,
    };
  }

  /** Takes note of a durable chunk in an unsealed segment. */
  addRow(segment: Segment, row: Row): void {
    const endIndex = row.firstIndex + row.entryCount;
    const last = this.runs.at(-1);
    if (last?.segment === segment && last.rows !== undefined && last.endIndex === row.firstIndex) {
      last.rows.push(row);
      last.endIndex = endIndex;
      last.lastArrivalMs = row.lastArrivalMs;
      last.bytes += row.length;
    } else {
      this.runs.push({
        segment,
        firstIndex: row.firstIndex,
        endIndex,
        firstArrivalMs: row.firstArrivalMs,
        lastArrivalMs: row.lastArrivalMs,
        bytes: row.length,
        rows: [row],
        rowStart: 0,
        rowCount: 0,
      });
    }
    this.#reach(endIndex, row.lastArrivalMs);
  }

  /** Takes note of everything that a sealed segment holds of this log. */
  addSummary(segment: Segment, summary: Summary): void {
    this.runs.push({
      segment,
      firstIndex: summary.firstIndex,
      endIndex: summary.endIndex,
      firstArrivalMs: summary.firstArrivalMs,
      lastArrivalMs: summary.lastArrivalMs,
      bytes: summary.bytes,
      rows: undefined,
      rowStart: summary.rowStart,
      rowCount: summary.rowCount,
    });
    this.#reach(summary.endIndex, summary.lastArrivalMs);
  }

  #reach(endIndex: number, arrivalMs: number): void {
    this.nextIndex = Math.max(this.nextIndex, endIndex);
    this.lastArrivalMs = Math.max(this.lastArrivalMs, arrivalMs);
    this.pendingNextIndex = Math.max(this.pendingNextIndex, this.nextIndex);
    this.pendingLastArrivalMs = Math.max(this.pendingLastArrivalMs, this.lastArrivalMs);
  }

  /** The segment was sealed: its rows are on disk now. The summary may begin with entries trimmed since. */
  sealRun(segment: Segment, summary: Summary): void {
    for (const run of this.runs) {
      if (run.segment !== segment) continue;
      if (run.firstIndex < summary.firstIndex || run.endIndex > summary.endIndex) continue;
      run.rows = undefined;
      run.rowStart = summary.rowStart;
      run.rowCount = summary.rowCount;
    }
  }

  /** Forgets entries below `index`, which the writer has kept within what the log holds. */
  trimTo(index: number): void {
    this.trimIndex = Math.max(this.trimIndex, index);
    this.nextIndex = Math.max(this.nextIndex, index);
    this.pendingNextIndex = Math.max(this.pendingNextIndex, index);
    this.runs = this.runs.filter((run) => run.endIndex > this.trimIndex);
    this.holes = this.holes.filter((hole) => hole.toIndex > this.trimIndex);
  }

  /** Puts runs in order after recovery or salvage; the later of two that overlap wins. */
  sortRuns(): void {
    this.runs.sort((a, b) => a.firstIndex - b.firstIndex || a.endIndex - b.endIndex);
  }

  /** The run that holds `index`, or the first one behind it. */
  runFrom(index: number): number {
    let low = 0;
    let high = this.runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.runs[middle] as Run).endIndex <= index) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  notify(): void {
    for (const listener of this.listeners) listener();
  }
}

export class ShardLogs {
  readonly #logs = new Map<number, ShardLog>();
  /** Ids from here on were never given to a log that became durable. */
  nextLogId = 1;

  get(logId: number): ShardLog | undefined {
    return this.#logs.get(logId);
  }

  open(logId: number): ShardLog {
    let log = this.#logs.get(logId);
    if (log === undefined) {
      log = new ShardLog(logId);
      this.#logs.set(logId, log);
    }
    this.nextLogId = Math.max(this.nextLogId, logId + 1);
    return log;
  }

  drop(logId: number): void {
    this.#logs.delete(logId);
  }

  values(): IterableIterator<ShardLog> {
    return this.#logs.values();
  }

  get size(): number {
    return this.#logs.size;
  }

  /** Applies the part of a durable change that concerns logs; returns the logs whose readers must know. */
  apply(change: CommittedChange): ShardLog[] {
    const touched: ShardLog[] = [];
    for (const logId of change.opens ?? []) this.open(logId);
    for (const [logId, endIndex] of change.closes ?? []) {
      const log = this.#logs.get(logId);
      if (log === undefined) continue;
      log.endIndex = endIndex;
      log.nextIndex = Math.max(log.nextIndex, endIndex);
      log.pendingNextIndex = Math.max(log.pendingNextIndex, endIndex);
      log.pendingClosed = true;
      touched.push(log);
    }
    for (const [logId, index] of change.trims ?? []) this.#logs.get(logId)?.trimTo(index);
    for (const [logId, fromIndex, toIndex] of change.holes ?? []) {
      const log = this.#logs.get(logId);
      if (log === undefined) continue;
      log.holes.push({ fromIndex, toIndex });
      log.nextIndex = Math.max(log.nextIndex, toIndex);
      log.pendingNextIndex = Math.max(log.pendingNextIndex, toIndex);
    }
    for (const logId of change.drops ?? []) {
      const log = this.#logs.get(logId);
      if (log === undefined) continue;
      this.#logs.delete(logId);
      this.nextLogId = Math.max(this.nextLogId, logId + 1);
      touched.push(log);
    }
    return touched;
  }
}
