/**
 * The engine that forgets: the whole contract of {@link LogEngine} in memory. It is what `--durability memory`
 * and in-process test servers run on, and the simplest statement of what the other engines must do.
 *
 * Calls are queued and take effect in batches, at the end of the turn in which they were made, exactly in
 * their order: an append that was called before a close is stored, one that was called after it is bounced.
 */
import type { EncodedBatch } from "./entry-codec.ts";
import { breakRun, type EntryPlace, isMisplaced } from "./entry-place.ts";
import type {
  AppendOutcome,
  CommitOutcome,
  EngineStatistics,
  LogEngine,
  PlacedOutcome,
  ReadLimits,
  ReadOutcome,
  ShardLogBounds,
  ShardLogId,
  StateChange,
  StateStore,
  StateValue,
  StoredEntry,
} from "./log-engine.ts";
import { LogListeners } from "./log-listeners.ts";

export interface MemoryEngineOptions {
  /** Only its time is asked: service time, for arrivals. */
  readonly clock: { nowMs(): number };
  /** Payload bytes beyond which puts are refused, as a full disk would. Default: no bound. */
  readonly maxBytes?: number;
}

export function memoryEngine(options: MemoryEngineOptions): LogEngine {
  return new MemoryEngine(options);
}

/** Calls that are yet to take effect. */
type Queued =
  | {
      readonly kind: "append";
      readonly logId: ShardLogId;
      readonly batch: EncodedBatch;
      readonly place: EntryPlace | undefined;
      readonly resolve: (outcome: PlacedOutcome) => void;
    }
  | {
      readonly kind: "commit";
      readonly change: StateChange;
      readonly resolve: (outcome: CommitOutcome) => void;
    };

class MemoryEngine implements LogEngine {
  readonly state: StateStore;
  readonly #clock: { nowMs(): number };
  readonly #maxBytes: number;
  readonly #values = new Map<string, StateValue>();
  readonly #stateListeners = new Set<(change: StateChange, revision: number) => void>();
  readonly #logs = new Map<ShardLogId, MemoryLog>();
  readonly #logListeners = new LogListeners();
  #queue: Queued[] = [];
  #nextLogId = 1;
  #revision = 0;
  #commits = 0;
  #writtenBytes = 0;
  #heldBytes = 0;
  #newestArrivalMs = 0;
  #closed = false;

  constructor({ clock, maxBytes = Infinity }: MemoryEngineOptions) {
    this.#clock = clock;
    this.#maxBytes = maxBytes;
    this.state = {
      get: (key) => this.#values.get(key),
      list: (prefix) => this.#list(prefix),
      commit: (change) =>
        this.#closed
          ? Promise.resolve({ kind: "read-only", reason: CLOSED })
          : new Promise((resolve) => this.#enqueue({ kind: "commit", change, resolve })),
      watch: (listener) => {
        this.#stateListeners.add(listener);
        return () => this.#stateListeners.delete(listener);
      },
    };
  }

  allocateLogId(): ShardLogId {
    return this.#nextLogId++;
  }

  append(logId: ShardLogId, batch: EncodedBatch): Promise<AppendOutcome> {
    // Only what has a place can be misplaced.
    return this.#put(logId, batch, undefined) as Promise<AppendOutcome>;
  }

  appendAt(logId: ShardLogId, batch: EncodedBatch, place: EntryPlace): Promise<PlacedOutcome> {
    return this.#put(logId, batch, place);
  }

  #put(logId: ShardLogId, batch: EncodedBatch, place: EntryPlace | undefined): Promise<PlacedOutcome> {
    if (this.#closed) return Promise.resolve({ kind: "read-only", reason: CLOSED });
    return new Promise((resolve) => this.#enqueue({ kind: "append", logId, batch, place, resolve }));
  }

  read(logId: ShardLogId, fromIndex: number, limits: ReadLimits): Promise<ReadOutcome> {
    const log = this.#logs.get(logId);
    return Promise.resolve(log === undefined ? { kind: "gone" } : log.read(fromIndex, limits));
  }

  seek(logId: ShardLogId, timestampMs: number): Promise<number> {
    return Promise.resolve(this.#logs.get(logId)?.seek(timestampMs) ?? 1);
  }

  describe(logId: ShardLogId): ShardLogBounds | undefined {
    return this.#logs.get(logId)?.bounds();
  }

  watch(logId: ShardLogId, listener: () => void): () => void {
    return this.#logListeners.watch(logId, listener);
  }

  newestArrivalMs(): number {
    return this.#newestArrivalMs;
  }

  readOnlyReason(): string | undefined {
    if (this.#closed) return CLOSED;
    return this.#heldBytes >= this.#maxBytes ? FULL : undefined;
  }

  statistics(): EngineStatistics {
    let oldestArrivalMs: number | undefined;
    for (const log of this.#logs.values()) {
      const arrivalMs = log.oldestArrivalMs();
      if (arrivalMs !== undefined) oldestArrivalMs = Math.min(oldestArrivalMs ?? Infinity, arrivalMs);
    }
    return {
      engine: "memory",
      commits: this.#commits,
      commitMsTotal: 0,
      recentCommitMs: [],
      queuedBytes: this.#queue.reduce(
        (sum, item) => sum + (item.kind === "append" ? item.batch.byteLength : 0),
        0,
      ),
      queuedEntries: this.#queue.length,
      writtenBytes: this.#writtenBytes,
      segmentCount: 0,
      diskBytes: 0,
      diskFreeBytes: undefined,
      tailCacheBytes: this.#heldBytes,
      logCount: this.#logs.size,
      oldestArrivalMs,
    };
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#flush();
    return Promise.resolve();
  }

  #enqueue(item: Queued): void {
    this.#queue.push(item);
    if (this.#queue.length === 1) queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    const items = this.#queue;
    if (items.length === 0) return;
    this.#queue = [];
    this.#commits += 1;
    const settled: (() => void)[] = [];
    const committed: { change: StateChange; revision: number }[] = [];
    const touched = new Set<ShardLogId>();
    const memory = new PayloadMemory(items);
    for (const item of items) {
      if (item.kind === "append") {
        const outcome = this.#append(item, memory);
        if (outcome.kind === "appended") touched.add(item.logId);
        settled.push(() => item.resolve(outcome));
      } else {
        const outcome = this.#commit(item.change, touched);
        if (outcome.kind === "committed") committed.push({ change: item.change, revision: outcome.revision });
        settled.push(() => item.resolve(outcome));
      }
    }
    // Everybody who watches has seen the batch before anybody gets an answer.
    for (const { change, revision } of committed) {
      for (const listener of this.#stateListeners) listener(change, revision);
    }
    for (const logId of touched) this.#logListeners.notify(logId);
    for (const settle of settled) settle();
  }

  #append(
    { logId, batch, place }: Extract<Queued, { kind: "append" }>,
    memory: PayloadMemory,
  ): PlacedOutcome {
    const log = this.#logs.get(logId);
    if (log === undefined || log.endIndex !== undefined) return { kind: "closed" };
    if (this.#heldBytes >= this.#maxBytes) {
      breakRun(place);
      return { kind: "read-only", reason: FULL };
    }
    if (isMisplaced(place, log.nextIndex)) {
      return { kind: "misplaced", nextIndex: log.nextIndex };
    }
    const arrivalMs = place?.arrivalMs ?? this.#clock.nowMs();
    const entry = log.append(memory.store(batch), batch.recordCount, arrivalMs);
    this.#writtenBytes += batch.byteLength;
    this.#heldBytes += batch.byteLength;
    this.#newestArrivalMs = Math.max(this.#newestArrivalMs, entry.arrivalMs);
    return { kind: "appended", index: entry.index, arrivalMs: entry.arrivalMs };
  }

  #commit(change: StateChange, touched: Set<ShardLogId>): CommitOutcome {
    for (const [key, revision] of change.expect ?? []) {
      if ((this.#values.get(key)?.revision ?? 0) !== revision) return { kind: "conflict", key };
    }
    this.#revision += 1;
    const revision = this.#revision;
    for (const [key, value] of change.puts ?? []) this.#values.set(key, { value, revision });
    for (const key of change.deletes ?? []) this.#values.delete(key);
    for (const logId of change.opens ?? []) {
      if (!this.#logs.has(logId)) this.#logs.set(logId, new MemoryLog());
    }
    for (const logId of change.closes ?? []) {
      if (this.#logs.get(logId)?.close() === true) touched.add(logId);
    }
    for (const [logId, index] of change.trims ?? [])
      this.#heldBytes -= this.#logs.get(logId)?.trim(index) ?? 0;
    for (const logId of change.drops ?? []) {
      const log = this.#logs.get(logId);
      if (log === undefined) continue;
      this.#heldBytes -= log.trim(Infinity);
      this.#logs.delete(logId);
      touched.add(logId);
    }
    return { kind: "committed", revision };
  }

  *#list(prefix: string): IterableIterator<readonly [string, StateValue]> {
    const keys = [...this.#values.keys()].filter((key) => key.startsWith(prefix)).sort();
    for (const key of keys) {
      const value = this.#values.get(key);
      if (value !== undefined) yield [key, value];
    }
  }
}

const CLOSED = "the engine is closed";
const FULL = "the memory for records is full";

/**
 * Where the payloads of entries lie that arrive together, which as a rule are those of one request and are forgotten
 * together: one piece of memory costs less, and less to look after, than one for each.
 */
class PayloadMemory {
  readonly #bytes: Buffer;
  #end = 0;

  constructor(items: readonly Queued[]) {
    let sizeBytes = 0;
    for (const item of items) if (item.kind === "append") sizeBytes += item.batch.byteLength;
    this.#bytes = Buffer.allocUnsafe(sizeBytes);
  }

  store(batch: EncodedBatch): Buffer {
    const start = this.#end;
    this.#end = start + batch.byteLength;
    batch.writeTo(this.#bytes, start);
    return this.#bytes.subarray(start, this.#end);
  }
}

/** One shard log. `#entries[i]` has the index `trimIndex + i`. */
class MemoryLog {
  trimIndex = 1;
  endIndex: number | undefined;
  #entries: StoredEntry[] = [];
  #lastArrivalMs = 0;

  get nextIndex(): number {
    return this.trimIndex + this.#entries.length;
  }

  append(payload: Buffer, recordCount: number, arrivalMs: number): StoredEntry {
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, arrivalMs);
    const entry: StoredEntry = {
      index: this.nextIndex,
      arrivalMs: this.#lastArrivalMs,
      recordCount,
      payload,
    };
    this.#entries.push(entry);
    return entry;
  }

  /** True when it was open. */
  close(): boolean {
    if (this.endIndex !== undefined) return false;
    this.endIndex = this.nextIndex;
    return true;
  }

  /** Forgets entries below `index`; returns how many bytes they held. */
  trim(index: number): number {
    const count = Math.min(index, this.nextIndex) - this.trimIndex;
    if (count <= 0) return 0;
    const forgotten = this.#entries.splice(0, count);
    this.trimIndex += count;
    return forgotten.reduce((sum, entry) => sum + entry.payload.length, 0);
  }

  read(fromIndex: number, { maxBytes, maxRecords }: ReadLimits): ReadOutcome {
    if (fromIndex < this.trimIndex) return { kind: "trimmed", trimIndex: this.trimIndex };
    const entries: StoredEntry[] = [];
    let bytes = 0;
    let records = 0;
    for (let at = fromIndex - this.trimIndex; at < this.#entries.length; at += 1) {
      const entry = this.#entries[at]!;
      if (entries.length > 0 && (bytes + entry.payload.length > maxBytes || records >= maxRecords)) break;
      entries.push(entry);
      bytes += entry.payload.length;
      records += entry.recordCount;
    }
    const nextIndex = fromIndex + entries.length;
    return {
      kind: "entries",
      entries,
      nextIndex,
      ended: this.endIndex !== undefined && nextIndex >= this.endIndex,
    };
  }

  seek(timestampMs: number): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#entries[middle]!.arrivalMs < timestampMs) low = middle + 1;
      else high = middle;
    }
    return this.trimIndex + low;
  }

  oldestArrivalMs(): number | undefined {
    return this.#entries[0]?.arrivalMs;
  }

  bounds(): ShardLogBounds {
    return {
      trimIndex: this.trimIndex,
      nextIndex: this.nextIndex,
      endIndex: this.endIndex,
      lastArrivalMs: this.#lastArrivalMs,
    };
  }
}
