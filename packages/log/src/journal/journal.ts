/**
 * The embedded log engine: one journal for all shards of a node, with the keyed state in it.
 * See `docs/internals/journal.md` for the bytes and the proofs.
 */
import { type DirectoryLock, MemoryBudget, type Runtime } from "@millrace/runtime";
import type { LogEngine } from "../log-engine.ts";
import type { BackupManifest, Progress } from "./backup.ts";
import { ChunkCache } from "./chunk-cache.ts";
import { errorCode, readFully, writeFully } from "./file-io.ts";
import { FLAG_CLEAN_STOP, FLAG_CONFIRM, FORMAT_VERSION, UnknownFormatError } from "./format.ts";
import { Maintenance, type MaintenanceOptions } from "./maintenance.ts";
import { Reader } from "./reader.ts";
import { recover, type RecoveryReport } from "./recovery.ts";
import { PageCache } from "./segment.ts";
import { RightOfWay } from "./right-of-way.ts";
import { SegmentStore, type SegmentStoreOptions } from "./segment-store.ts";
import { Writer } from "./writer.ts";

export interface JournalOptions extends Partial<SegmentStoreOptions>, Partial<MaintenanceOptions> {
  /** Directory that holds everything; created when missing. */
  readonly directory: string;
  /** Service time, by which arrivals are stamped. */
  readonly serviceClock: { nowMs(): number };
  readonly memory?: MemoryBudget;
  /** Bound of the cache of recent chunks, within the memory budget. Bytes. */
  readonly cacheBytes?: number;
  /** A block takes more entries up to this size; a few times as much is kept to put blocks together in. Bytes. */
  readonly blockBytes?: number;
  /** Bound of what is kept, unused, for reads from the disk. Bytes. */
  readonly idleReadBytes?: number;
  /** A block of this size is put together while the one before it is written, and need not wait for more to come. Bytes. */
  readonly earlyBlockBytes?: number;
  /** The last acknowledgements are confirmed by an empty block after this long without writes. */
  readonly idleConfirmMs?: number;
  /** Record damaged ranges as holes instead of refusing to open. */
  readonly acceptLoss?: boolean;
}

export interface Journal extends LogEngine {
  readonly directory: string;
  readonly recovery: RecoveryReport;
  /** Service time of the newest commit; arrivals never go below what a log has already seen. */
  readonly lastServiceMs: number;
  /** Copies the journal as of now into a new directory while it goes on; see {@link restoreBackup}. */
  backup(target: string, onProgress?: Progress): Promise<BackupManifest>;
  /** Resolves when sealing, snapshots and giving back of disk asked for so far are done. */
  settled(): Promise<void>;
}

/** The data directory is used by another process. */
export class DirectoryInUseError extends Error {
  override readonly name = "DirectoryInUseError";
  readonly directory: string;
  constructor(directory: string) {
    super(
      `the data directory ${directory} is in use by another running server. ` +
        `Stop that one, or choose another directory.`,
    );
    this.directory = directory;
  }
}

const DEFAULTS = {
  firstSegmentBytes: 512 << 10,
  initialSegmentBytes: 16 << 20,
  maxSegmentBytes: 256 << 20,
  salvageBelowShare: 0.5,
  coldSegmentBytes: 256 << 20,
  salvageBytesPerSecond: 64 << 20,
  snapshotEveryChangeBytes: 64 << 20,
  cacheBytes: 256 << 20,
  blockBytes: 8 << 20,
  idleReadBytes: 32 << 20,
  earlyBlockBytes: 1 << 20,
  idleConfirmMs: 1000,
} as const;

const FORMAT_TEXT = `millrace data directory, format version ${FORMAT_VERSION}\n`;
const INDEX_PAGES_MAX = 2048;
const UNBOUNDED_BYTES = Number.MAX_SAFE_INTEGER;

/**
 * Opens the journal of a directory, recovering it if the last process did not stop cleanly.
 *
 * @throws {DirectoryInUseError} when another process holds the directory.
 * @throws {UnknownFormatError} when a file is of another format version; nothing is changed.
 * @throws {DamagedJournalError} when what was acknowledged cannot be read; nothing is changed.
 */
export async function openJournal(runtime: Runtime, options: JournalOptions): Promise<Journal> {
  const settings = { ...DEFAULTS, ...definedOf(options) };
  const { directory } = settings;
  const { files, clock, log } = runtime;
  await files.makeDirectory(`${directory}/journal`);
  await files.makeDirectory(`${directory}/state`);
  const lock = await files.lock(directory);
  if (lock === undefined) throw new DirectoryInUseError(directory);
  try {
    await checkFormat(runtime, directory);
    const rightOfWay = new RightOfWay();
    const store = new SegmentStore(directory, runtime, settings, rightOfWay);
    const budget = options.memory ?? new MemoryBudget(UNBOUNDED_BYTES);
    const cache = new ChunkCache(budget, settings.cacheBytes);
    const recovered = await recover({ files, log }, directory, store, cache, {
      acceptLoss: options.acceptLoss ?? false,
    });
    const { state, logs, epoch, report } = recovered;
    for (const shardLog of logs.values()) {
      shardLog.pendingNextIndex = shardLog.nextIndex;
      shardLog.pendingLastArrivalMs = shardLog.lastArrivalMs;
    }
    const pages = new PageCache(INDEX_PAGES_MAX);
    const maintenance = new Maintenance(
      { files, clock, log, crash: runtime.crash },
      directory,
      { store, state, logs, pages, segments: recovered.segments },
      {
        epoch,
        snapshotCommit: recovered.snapshot?.commit ?? 0,
        initialSegmentBytes: settings.initialSegmentBytes,
      },
      settings,
    );
    const engine = new JournalEngine(runtime, {
      directory,
      lock,
      cache,
      maintenance,
      recovered,
      rightOfWay,
      reader: new Reader(logs, cache, pages, settings.idleReadBytes),
      serviceClock: options.serviceClock,
      blockBytes: settings.blockBytes,
      earlyBlockBytes: settings.earlyBlockBytes,
      idleConfirmMs: settings.idleConfirmMs,
    });
    await engine.start(report);
    return engine;
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function definedOf<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}

async function checkFormat({ files }: Runtime, directory: string): Promise<void> {
  const path = `${directory}/FORMAT`;
  try {
    const file = await files.open(path);
    try {
      const text = (await readFully(file, 0, await file.sizeBytes())).toString("utf8");
      // A power cut before the first commit may leave the file empty; nothing is lost by writing it again.
      if (text === FORMAT_TEXT) return;
      if (text.length > 0 && /[^\0]/.test(text)) {
        throw new UnknownFormatError(
          `${path} says ${JSON.stringify(text.trim())}; this build reads format version ${FORMAT_VERSION}. Nothing was changed.`,
        );
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
  const file = await files.open(path, { create: true, write: true });
  await writeFully(file, Buffer.from(FORMAT_TEXT), 0, true);
  await file.sync();
  await file.close();
  await files.syncDirectory(directory);
}

interface Parts {
  readonly directory: string;
  readonly lock: DirectoryLock;
  readonly cache: ChunkCache;
  readonly maintenance: Maintenance;
  readonly recovered: Awaited<ReturnType<typeof recover>>;
  readonly rightOfWay: RightOfWay;
  readonly reader: Reader;
  readonly serviceClock: { nowMs(): number };
  readonly blockBytes: number;
  readonly earlyBlockBytes: number;
  readonly idleConfirmMs: number;
}

class JournalEngine implements Journal {
  readonly directory: string;
  readonly recovery: RecoveryReport;
  readonly lastServiceMs: number;
  readonly state: LogEngine["state"];
  readonly #runtime: Runtime;
  readonly #parts: Parts;
  readonly #writer: Writer;
  readonly #stateListeners = new Set<Parameters<LogEngine["state"]["watch"]>[0]>();
  #nextLogId: number;
  #freeBytes: number | undefined;
  #freeTimer: { cancel(): void } | undefined;
  #closed = false;

  constructor(runtime: Runtime, parts: Parts) {
    const { recovered, maintenance } = parts;
    const { state, logs } = recovered;
    this.#runtime = runtime;
    this.#parts = parts;
    this.directory = parts.directory;
    this.recovery = recovered.report;
    this.lastServiceMs = recovered.lastServiceMs;
    this.#nextLogId = logs.nextLogId;
    this.#writer = new Writer(
      { clock: runtime.clock, serviceClock: parts.serviceClock },
      {
        nextSegment: () => maintenance.nextSegment(),
        filled: (segment) => maintenance.filled(segment),
        changed: (change, revision) => {
          const bytes = (change.puts ?? []).reduce(
            (sum, [key, value]) => sum + key.length + value.length,
            64,
          );
          const frees = (change.trims?.length ?? 0) + (change.drops?.length ?? 0) > 0;
          maintenance.changed(bytes, frees);
          for (const listener of this.#stateListeners) listener(change, revision);
        },
        crash: runtime.crash,
      },
      logs,
      state,
      parts.cache,
      parts.rightOfWay,
      {
        segment: recovered.active,
        epoch: recovered.epoch,
        commit: recovered.commit,
        blockBytes: parts.blockBytes,
        earlyBlockBytes: parts.earlyBlockBytes,
        idleConfirmMs: parts.idleConfirmMs,
      },
    );
    this.state = {
      get: (key) => state.get(key),
      list: (prefix) => state.list(prefix),
      commit: (change) =>
        this.#closed ? Promise.resolve({ kind: "read-only", reason: CLOSED }) : this.#writer.change(change),
      watch: (listener) => {
        this.#stateListeners.add(listener);
        return () => this.#stateListeners.delete(listener);
      },
    };
  }

  async start(report: RecoveryReport): Promise<void> {
    const { maintenance } = this.#parts;
    if (report.acceptedHoles.length > 0) {
      const holes = report.acceptedHoles.map(
        ({ logId, fromIndex, toIndex }) => [logId, fromIndex, toIndex] as const,
      );
      await Promise.resolve(maintenance.start(this.#writer));
      await this.#writer.change({ holes });
    } else maintenance.start(this.#writer);
    await this.#watchFreeSpace();
  }

  async #watchFreeSpace(): Promise<void> {
    if (this.#closed) return;
    this.#freeBytes = await this.#runtime.files.freeBytes(this.directory).catch(() => undefined);
    this.#freeTimer = this.#runtime.clock.schedule(5000, () => this.#watchFreeSpace());
  }

  allocateLogId(): number {
    const logId = this.#nextLogId;
    this.#nextLogId += 1;
    return logId;
  }

  append(...[logId, batch]: Parameters<LogEngine["append"]>): ReturnType<LogEngine["append"]> {
    if (this.#closed) return Promise.resolve({ kind: "read-only", reason: CLOSED });
    // Only what has a place can be misplaced.
    return this.#writer.append(logId, batch) as ReturnType<LogEngine["append"]>;
  }

  appendAt(...[logId, batch, place]: Parameters<LogEngine["appendAt"]>): ReturnType<LogEngine["appendAt"]> {
    if (this.#closed) return Promise.resolve({ kind: "read-only", reason: CLOSED });
    return this.#writer.append(logId, batch, place);
  }

  read(...[logId, fromIndex, limits]: Parameters<LogEngine["read"]>): ReturnType<LogEngine["read"]> {
    return this.#parts.reader.read(logId, fromIndex, limits);
  }

  seek(logId: number, timestampMs: number): Promise<number> {
    return this.#parts.reader.seek(logId, timestampMs);
  }

  describe(logId: number): ReturnType<LogEngine["describe"]> {
    return this.#parts.recovered.logs.get(logId)?.bounds();
  }

  watch(logId: number, listener: () => void): () => void {
    const log = this.#parts.recovered.logs.get(logId);
    log?.listeners.add(listener);
    return () => log?.listeners.delete(listener);
  }

  newestArrivalMs(): number {
    let newest = 0;
    for (const log of this.#parts.recovered.logs.values()) newest = Math.max(newest, log.lastArrivalMs);
    return newest;
  }

  readOnlyReason(): string | undefined {
    return this.#closed ? CLOSED : this.#writer.readOnlyReason;
  }

  statistics(): ReturnType<LogEngine["statistics"]> {
    const { maintenance, recovered, cache } = this.#parts;
    const { logs } = recovered;
    const segments = [...maintenance.segments, this.#writer.segment];
    let oldest: number | undefined;
    for (const log of logs.values()) {
      const first = log.runs[0];
      if (first !== undefined && (oldest === undefined || first.firstArrivalMs < oldest)) {
        oldest = first.firstArrivalMs;
      }
    }
    return {
      engine: "journal",
      commits: this.#writer.commits,
      commitMsTotal: this.#writer.commitMsTotal,
      recentCommitMs: this.#writer.recentCommitMs,
      queuedBytes: this.#writer.queuedBytes,
      queuedEntries: this.#writer.queuedEntries,
      writtenBytes: this.#writer.writtenBytes,
      segmentCount: segments.length,
      diskBytes: segments.reduce((sum, { fileBytes }) => sum + fileBytes, 0),
      diskFreeBytes: this.#freeBytes,
      tailCacheBytes: cache.bytes,
      logCount: logs.size,
      oldestArrivalMs: oldest,
    };
  }

  backup(target: string, onProgress?: Progress): Promise<BackupManifest> {
    return this.#parts.maintenance.backup(target, onProgress);
  }

  settled(): Promise<void> {
    return this.#parts.maintenance.settled();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#freeTimer?.cancel();
    await this.#writer.drained();
    await this.#parts.maintenance.settled();
    await this.#writer.confirm(FLAG_CONFIRM | FLAG_CLEAN_STOP);
    await this.#parts.maintenance.close();
    this.#parts.cache.clear();
    await this.#parts.lock.release();
  }
}

const CLOSED = "the engine is closed";
