/**
 * What goes on behind the writer's back: sealing full segments, preparing the next one, snapshots, giving
 * back disk that only holds what is past retention, and rewriting the few live chunks of mostly dead
 * segments into cold files.
 */
import type { Clock, Files, Logger } from "@millrace/runtime";
import { writeBackup, type BackupManifest, type BackupSource, type Progress } from "./backup.ts";
import { copyChunks, type PlacedChunk } from "./copy-chunks.ts";
import { endProcess, isDiskFull } from "./file-io.ts";
import { SEGMENT_HEADER_BYTES, STATE_LOG_ID } from "./format.ts";
import type { KeyedState } from "./keyed-state.ts";
import { DamagedIndexError, type PageCache, type Segment } from "./segment.ts";
import type { SegmentStore } from "./segment-store.ts";
import type { Run, ShardLogs } from "./shard-logs.ts";
import { listSnapshots, writeSnapshot } from "./snapshot.ts";
import type { Writer } from "./writer.ts";

export interface MaintenanceOptions {
  /** A sealed segment of which less than this share is live is salvaged. */
  readonly salvageBelowShare: number;
  /** The largest cold file. Bytes. */
  readonly coldSegmentBytes: number;
  /** Most bytes per second that salvage writes; 0: no bound. */
  readonly salvageBytesPerSecond: number;
  /** A snapshot is taken after this many bytes of state changes at the latest. */
  readonly snapshotEveryChangeBytes: number;
}

const DISK_FULL_RETRY_MS = 1000;
const RESERVE_SLACK_BYTES = 4 << 20;
/** Segments below this share of a cold file are small; every start and every salvage may leave one. */
const SMALL_SEGMENT_SHARE = 1 / 8;
/** So many small ones are joined into one. */
const SMALL_SEGMENTS_JOINED = 16;

export class Maintenance {
  readonly #files: Files;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #root: string;
  readonly #store: SegmentStore;
  readonly #state: KeyedState;
  readonly #logs: ShardLogs;
  readonly #pages: PageCache;
  readonly #options: MaintenanceOptions;
  readonly #epoch: number;
  readonly #initialSegmentBytes: number;
  readonly #crash: (reason: string, cause: unknown) => never;
  /** Sealed and sealing segments, oldest first; the active one is the writer's. */
  readonly segments: Segment[];
  #writer: Writer | undefined;
  #next: Promise<Segment | { reason: string }> | undefined;
  #work: Promise<void> = Promise.resolve();
  #passQueued = false;
  #closing = false;
  #snapshotCommit: number;
  #snapshotBytes = 0;
  #changeBytes = 0;
  #retryTimer: { cancel(): void } | undefined;

  constructor(
    outside: { files: Files; clock: Clock; log: Logger; crash: (reason: string, cause: unknown) => never },
    root: string,
    parts: { store: SegmentStore; state: KeyedState; logs: ShardLogs; pages: PageCache; segments: Segment[] },
    start: { epoch: number; snapshotCommit: number; initialSegmentBytes: number },
    options: MaintenanceOptions,
  ) {
    this.#files = outside.files;
    this.#clock = outside.clock;
    this.#log = outside.log;
    this.#crash = outside.crash;
    this.#root = root;
    this.#store = parts.store;
    this.#state = parts.state;
    this.#logs = parts.logs;
    this.#pages = parts.pages;
    this.segments = parts.segments;
    this.#epoch = start.epoch;
    this.#snapshotCommit = start.snapshotCommit;
    this.#initialSegmentBytes = start.initialSegmentBytes;
    this.#options = options;
  }

  start(writer: Writer): void {
    this.#writer = writer;
    this.#prepareNext();
    this.#later(() => this.#holdReserve());
    this.requestPass();
  }

  #active(): Writer {
    if (this.#writer === undefined) throw new Error("maintenance has not been started");
    return this.#writer;
  }

  /** One piece of background work at a time, in the order in which it was asked for. */
  #later(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch(async (error: unknown) => {
      if (isDiskFull(error)) {
        this.#log.warn("the disk is full: background work of the journal waits for space", {
          detail: String(error),
        });
        return;
      }
      await endProcess(this.#crash, "background work of the journal failed", error);
    });
  }

  // ----------------------------------------------------------------- segments to write into

  #prepareNext(): void {
    if (this.#closing) return;
    this.#next = this.#createNext();
  }

  /** The next segment, smaller than usual if there is not more room. */
  async #createNext(): Promise<Segment | { reason: string }> {
    for (const attempt of [
      () => this.#store.create("journal", this.#epoch),
      async () => {
        await this.#store.dropSpares();
        return this.#store.createSmallest(this.#epoch);
      },
    ]) {
      try {
        return await attempt();
      } catch (error) {
        if (!isDiskFull(error)) {
          await endProcess(this.#crash, "the next journal segment could not be prepared", error);
        }
      }
    }
    this.#log.warn("the disk is full: puts are refused once the current segment is full");
    return { reason: "the disk is full" };
  }

  /** The prepared segment, waiting for it if need be. When there is none, tries again later. */
  async nextSegment(): Promise<Segment | { reason: string }> {
    const prepared = await (this.#next ?? Promise.resolve({ reason: "the journal is being closed" }));
    // That the disk was full when it was to be prepared says nothing about now.
    const next = "reason" in prepared && !this.#closing ? await this.#lookForRoom() : prepared;
    if ("reason" in next) {
      this.#retryLater();
      return next;
    }
    this.#prepareNext();
    return next;
  }

  /** While the disk is full: sees every second whether there is room again. */
  #retryLater(): void {
    if (this.#retryTimer !== undefined || this.#closing) return;
    const retry = async () => {
      this.#retryTimer = undefined;
      if (this.#closing) return;
      this.requestPass();
      this.#next = this.#lookForRoom();
      if ("reason" in (await this.#next)) {
        this.#retryLater();
        return;
      }
      this.#log.info("there is room on the disk again: puts are accepted");
      this.#active().readOnlyReason = undefined;
    };
    this.#retryTimer = this.#clock.schedule(DISK_FULL_RETRY_MS, retry);
  }

  async #lookForRoom(): Promise<Segment | { reason: string }> {
    // The reserve comes first: what recovery will need must not become room for puts.
    await this.#store.dropSpares();
    const free = await this.#files.freeBytes(this.#root);
    const reserveBytes = this.#store.reserveHeld ? 0 : this.#reserveBytes();
    if (free > this.#initialSegmentBytes + reserveBytes && (await this.#tryHoldReserve())) {
      return this.#createNext();
    }
    return { reason: "the disk is full" };
  }

  #reserveBytes(): number {
    return this.#initialSegmentBytes + 2 * this.#snapshotBytes + RESERVE_SLACK_BYTES;
  }

  async #holdReserve(): Promise<void> {
    await this.#store.holdReserve(this.#reserveBytes());
  }

  async #tryHoldReserve(): Promise<boolean> {
    try {
      await this.#holdReserve();
      return true;
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      return false;
    }
  }

  filled(segment: Segment): void {
    this.segments.push(segment);
    this.#later(() => this.#seal(segment));
    this.#later(() => this.snapshot());
    this.requestPass();
  }

  async #seal(segment: Segment): Promise<void> {
    try {
      for (const summary of await segment.seal()) {
        this.#logs.get(summary.logId)?.sealRun(segment, summary);
      }
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      // Its rows stay in memory; recovery would scan it. Space may come back.
      this.#log.warn("the disk is full: a segment could not be sealed", { path: segment.path });
      await this.#store.giveUpReserve();
      this.#clock.schedule(DISK_FULL_RETRY_MS, () => {
        if (!this.#closing) this.#later(() => this.#seal(segment));
      });
    }
  }

  // ----------------------------------------------------------------- snapshots

  /** A change of this size became durable. */
  changed(bytes: number, freesEntries: boolean): void {
    this.#changeBytes += bytes;
    if (this.#changeBytes >= this.#options.snapshotEveryChangeBytes) {
      this.#changeBytes = 0;
      this.#later(() => this.snapshot());
    }
    if (freesEntries) this.requestPass();
  }

  async snapshot(): Promise<void> {
    const writer = this.#active();
    const { commit } = writer;
    if (commit === this.#snapshotCommit && this.#snapshotBytes > 0) return;
    const header = {
      revision: this.#state.revision,
      commit,
      epoch: this.#epoch,
      nextLogId: this.#logs.nextLogId,
      segments: this.segments.map(({ number }) => number),
      nextSegmentNumber: this.#store.nextNumber,
      serviceMs: writer.segment.lastServiceMs,
    };
    try {
      this.#snapshotBytes = await writeSnapshot(
        { files: this.#files, clock: this.#clock },
        this.#root,
        header,
        this.#state,
        this.#logs,
      );
    } catch (error) {
      if (!isDiskFull(error) || !(await this.#store.giveUpReserve())) throw error;
      return this.snapshot();
    }
    this.#snapshotCommit = commit;
  }

  // ----------------------------------------------------------------- giving disk back

  /** Looks, soon, for segments that hold nothing live any more or too little. */
  requestPass(): void {
    if (this.#passQueued || this.#closing) return;
    this.#passQueued = true;
    this.#later(async () => {
      this.#passQueued = false;
      await this.#pass();
    });
  }

  async #pass(): Promise<void> {
    if (this.#closing) return;
    const liveBytes = this.#liveBytes();
    const dead = this.segments.filter((segment) => segment.sealed && (liveBytes.get(segment) ?? 0) === 0);
    const held = this.segments.filter((segment) => segment.sealed && (liveBytes.get(segment) ?? 0) > 0);
    const isSmall = ({ chunkBytes }: Segment) =>
      chunkBytes < this.#options.coldSegmentBytes * SMALL_SEGMENT_SHARE;
    const small = held.filter(isSmall);
    // Rewriting a small one alone would only make another small one.
    const thin = held.filter(
      (segment) =>
        !isSmall(segment) &&
        (liveBytes.get(segment) ?? 0) < segment.chunkBytes * this.#options.salvageBelowShare,
    );
    if (dead.length > 0) await this.#drop(dead);
    if (thin.length > 0) await this.#salvage(thin, liveBytes);
    else if (small.length >= SMALL_SEGMENTS_JOINED) await this.#salvage(small, liveBytes);
  }

  #liveBytes(): Map<Segment, number> {
    const live = new Map<Segment, number>();
    for (const log of this.#logs.values()) {
      for (const run of log.runs)
        live.set(run.segment, (live.get(run.segment) ?? 0) + liveShare(run, log.trimIndex));
    }
    return live;
  }

  /**
   * A segment goes only after a durable snapshot that holds its state changes and what remains to be known
   * of its logs; that it goes is in the journal before its file is touched.
   */
  async #drop(segments: readonly Segment[]): Promise<void> {
    await this.snapshotCovering(segments);
    const outcome = await this.#active().change({ segmentsDropped: segments.map(({ number }) => number) });
    if (outcome.kind !== "committed") return;
    for (const segment of segments) {
      this.segments.splice(this.segments.indexOf(segment), 1);
    }
    for (const segment of segments) await this.#store.retire(segment);
    this.#log.info("gave back segments", { count: segments.length });
  }

  async snapshotCovering(segments: readonly Segment[]): Promise<void> {
    if (segments.some(({ lastCommit }) => lastCommit > this.#snapshotCommit)) await this.snapshot();
  }

  /** Rewrites live chunks, sorted by log, into one cold file; one change swaps it in. */
  async #salvage(candidates: readonly Segment[], liveBytes: ReadonlyMap<Segment, number>): Promise<void> {
    const sources: Segment[] = [];
    let bytes = 0;
    for (const segment of candidates) {
      const live = liveBytes.get(segment) ?? 0;
      if (sources.length > 0 && bytes + live > this.#options.coldSegmentBytes) break;
      sources.push(segment);
      bytes += live;
    }
    const pieces = await this.#livePieces(new Set(sources));
    if (pieces === undefined) return;
    const cold = await this.#store.create("cold", this.#epoch, SEGMENT_HEADER_BYTES);
    try {
      const copied = await copyChunks(pieces, cold, {
        logs: this.#logs,
        clock: this.#clock,
        log: this.#log,
        bytesPerSecond: this.#options.salvageBytesPerSecond,
        isOver: () => this.#closing,
      });
      if (!copied) {
        await this.#store.retire(cold, false);
        return;
      }
      await cold.seal();
    } catch (error) {
      await this.#store.retire(cold, false).catch(() => undefined);
      throw error;
    }
    const summaries = (await cold.loadFooter()) ?? [];
    await this.snapshotCovering(sources);
    const outcome = await this.#active().change({
      segmentsAdded: [cold.number],
      segmentsDropped: sources.map(({ number }) => number),
    });
    if (outcome.kind !== "committed") {
      await this.#store.retire(cold, false);
      return;
    }
    this.segments.unshift(cold);
    const gone = new Set(sources);
    for (const log of this.#logs.values()) log.runs = log.runs.filter((run) => !gone.has(run.segment));
    for (const summary of summaries) {
      const log = this.#logs.get(summary.logId);
      if (log === undefined) continue;
      log.addSummary(cold, summary);
      log.sortRuns();
      log.runs = log.runs.filter((run) => run.endIndex > log.trimIndex);
    }
    for (const segment of sources) this.segments.splice(this.segments.indexOf(segment), 1);
    for (const segment of sources) await this.#store.retire(segment);
    this.#log.info("salvaged live records of mostly expired segments", {
      segments: sources.length,
      bytes,
    });
  }

  /** Rows with live entries, by log and index; undefined when an index page is damaged. */
  async #livePieces(sources: ReadonlySet<Segment>): Promise<PlacedChunk[] | undefined> {
    const pieces: PlacedChunk[] = [];
    try {
      for (const log of [...this.#logs.values()].sort((a, b) => a.logId - b.logId)) {
        if (log.logId === STATE_LOG_ID) continue;
        for (const run of [...log.runs]) {
          if (!sources.has(run.segment)) continue;
          if (run.rows !== undefined) throw new Error(`${run.segment.path} is sealed but a run is not`);
          for (let i = 0; i < run.rowCount; i += 1) {
            const row = await run.segment.row(run.rowStart + i, this.#pages);
            if (row.firstIndex + row.entryCount > log.trimIndex) pieces.push({ segment: run.segment, row });
          }
        }
      }
    } catch (error) {
      if (!(error instanceof DamagedIndexError)) throw error;
      this.#log.error("a segment cannot be salvaged: its index is damaged", { detail: error.message });
      return undefined;
    }
    return pieces;
  }

  /**
   * Copies everything as of now into `target`. Background work waits meanwhile, so that no file goes or is
   * sealed; commits go on.
   */
  backup(target: string, onProgress?: Progress): Promise<BackupManifest> {
    return new Promise((resolve, reject) => {
      this.#later(() => this.#backup(target, onProgress).then(resolve, reject));
    });
  }

  async #backup(target: string, onProgress?: Progress): Promise<BackupManifest> {
    const writer = this.#active();
    const names = await listSnapshots(this.#files, this.#root);
    const snapshot = names.at(-1);
    const { segment, commit } = writer;
    const facts = { commit, revision: this.#state.revision, takenAtMs: this.#clock.nowMs() };
    const sources: BackupSource[] = [...this.segments, segment].map((held) => ({
      path: held.path,
      name: held.path.slice(this.#root.length + 1),
      bytes: held.sealed ? held.fileBytes : held.endOffset,
    }));
    if (snapshot !== undefined) {
      const path = `${this.#root}/state/${snapshot}`;
      const file = await this.#files.open(path);
      sources.push({ path, name: `state/${snapshot}`, bytes: await file.sizeBytes() });
      await file.close();
    }
    const format = await this.#files.open(`${this.#root}/FORMAT`);
    sources.push({ path: `${this.#root}/FORMAT`, name: "FORMAT", bytes: await format.sizeBytes() });
    await format.close();
    return writeBackup(this.#files, target, sources, facts, onProgress);
  }

  /** Resolves when all background work asked for so far is done. */
  async settled(): Promise<void> {
    let work;
    do {
      work = this.#work;
      await work;
    } while (work !== this.#work);
  }

  /** Stops background work, seals the active segment and takes a last snapshot, so that a start is quick. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#retryTimer?.cancel();
    await this.settled();
    const next = await this.#next;
    const writer = this.#active();
    if (next !== undefined && !("reason" in next)) await this.#store.retire(next, false);
    try {
      if (writer.segment.lastCommit > 0) {
        await this.#seal(writer.segment);
        this.segments.push(writer.segment);
      }
      await this.snapshot();
      await this.#store.dropSpares();
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      this.#log.warn("the disk is full: the next start will scan the last segment");
    }
    for (const segment of new Set([...this.segments, writer.segment])) {
      await segment.idle();
      await segment.file.close();
    }
  }
}

/** How much of a run is live: by whole rows that are in memory, else in proportion. */
function liveShare(run: Run, trimIndex: number): number {
  if (run.firstIndex >= trimIndex) return run.bytes;
  if (run.endIndex <= trimIndex) return 0;
  return Math.max(1, Math.round((run.bytes * (run.endIndex - trimIndex)) / (run.endIndex - run.firstIndex)));
}
