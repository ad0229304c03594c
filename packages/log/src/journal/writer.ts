/**
 * The one writer of the journal: it alone decides what follows what. It gathers what is queued into one
 * block, checks each entry against closes that stand before it, writes the block durably, and only then
 * lets anybody see or hear of it. While one block is being written the next one fills: group commit
 * without a timer. One block is on its way to the disk at a time; the next one, if it is large, is put together
 * meanwhile, and begins to be written before anybody hears of the one before it.
 */
import type { Clock } from "@millrace/runtime";
import type { EncodedBatch } from "../entry-codec.ts";
import { type EntryPlace, isMisplaced } from "../entry-place.ts";
import type { CommitOutcome, PlacedOutcome, StateChange } from "../log-engine.ts";
import type { ChunkCache } from "./chunk-cache.ts";
import { endProcess, writeFully } from "./file-io.ts";
import { Block } from "./block.ts";
import { BlockMemory, type BlockBytes } from "./block-memory.ts";
import { alignUp, BLOCK_HEADER_BYTES, ENTRY_HEADER_BYTES, FLAG_CONFIRM } from "./format.ts";
import type { CommittedChange, KeyedState } from "./keyed-state.ts";
import type { AppendItem, ChangeItem, QueueItem, WriterChange } from "./queue-item.ts";
import type { RightOfWay } from "./right-of-way.ts";
import type { Segment } from "./segment.ts";
import type { ShardLog, ShardLogs } from "./shard-logs.ts";

/** The largest entry: a whole PutRecords request to one shard fits. */
export const ENTRY_PAYLOAD_BYTES_MAX = 12 << 20;
/** The end of each segment that only state changes may use, so that retention goes on when the disk is full. */
const STATE_RESERVE_BYTES_MAX = 1 << 20;
const STATE_RESERVE_SHARE = 1 / 16;
/** Room that a close or a number may need beyond what its change looked like when it was queued. */
const CHANGE_SLACK_BYTES = 256;
const RECENT_COMMITS = 256;

/** What the writer asks of the journal around it. */
export interface WriterHost {
  /** A segment whose header is durable, to go on in; or why there is none. */
  nextSegment(): Promise<Segment | { readonly reason: string }>;
  /** The segment is full: seal it when there is time. */
  filled(segment: Segment): void;
  /** A change became durable and was applied. */
  changed(change: StateChange, revision: number): void;
  readonly crash: (reason: string, cause: unknown) => never;
}

export interface WriterStart {
  readonly segment: Segment;
  readonly epoch: number;
  /** The last commit number used. */
  readonly commit: number;
  /** A block takes more entries up to this size; one entry alone may exceed it. */
  readonly blockBytes: number;
  /** So much is worth a block of its own. */
  readonly earlyBlockBytes: number;
  readonly idleConfirmMs: number;
}

/** A block that has its place in the journal. */
interface PlacedBlock {
  readonly block: Block;
  readonly segment: Segment;
  readonly offset: number;
  /** Undefined when nothing is to be written: all of it bounced. */
  readonly place: BlockBytes | undefined;
}

export class Writer {
  readonly #clock: Clock;
  readonly #serviceClock: { nowMs(): number };
  readonly #host: WriterHost;
  readonly #logs: ShardLogs;
  readonly #state: KeyedState;
  readonly #cache: ChunkCache;
  readonly #rightOfWay: RightOfWay;
  readonly #memory: BlockMemory;
  readonly #blockBytes: number;
  readonly #epoch: number;
  readonly #earlyBlockBytes: number;
  readonly #idleConfirmMs: number;
  #segment: Segment;
  /** Behind the last block that has its place in the segment, written or not. */
  #endOffset: number;
  /** Of the last block that is durable and shown to readers. */
  #commit: number;
  /** Of the last block given to the disk. */
  #writtenCommit: number;
  #pendingRevision: number;
  #queue: QueueItem[] = [];
  #queuedBytes = 0;
  /** From the first item queued until everything is written and shown. */
  #running = false;
  /** Running, but waiting for what else comes in this turn of the event loop. */
  #isStarting = false;
  #isWriting = false;
  /** The block behind the one that is being written. */
  #prepared: PlacedBlock | undefined;
  #isEarlyBlockDue = false;
  #unconfirmed = false;
  #idleTimer: { cancel(): void } | undefined;
  #whenIdle: (() => void)[] = [];
  readOnlyReason: string | undefined;
  commits = 0;
  writtenBytes = 0;
  commitMsTotal = 0;
  readonly recentCommitMs: number[] = [];

  constructor(
    outside: { clock: Clock; serviceClock: { nowMs(): number } },
    host: WriterHost,
    logs: ShardLogs,
    state: KeyedState,
    cache: ChunkCache,
    rightOfWay: RightOfWay,
    start: WriterStart,
  ) {
    this.#clock = outside.clock;
    this.#serviceClock = outside.serviceClock;
    this.#host = host;
    this.#logs = logs;
    this.#state = state;
    this.#cache = cache;
    this.#rightOfWay = rightOfWay;
    this.#epoch = start.epoch;
    this.#segment = start.segment;
    this.#endOffset = start.segment.endOffset;
    this.#commit = start.commit;
    this.#writtenCommit = start.commit;
    this.#pendingRevision = state.revision;
    this.#blockBytes = start.blockBytes;
    this.#memory = new BlockMemory(start.blockBytes);
    this.#earlyBlockBytes = start.earlyBlockBytes;
    this.#idleConfirmMs = start.idleConfirmMs;
  }

  get segment(): Segment {
    return this.#segment;
  }

  get commit(): number {
    return this.#commit;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get queuedEntries(): number {
    return this.#queue.length;
  }

  append(logId: number, batch: EncodedBatch, place?: EntryPlace): Promise<PlacedOutcome> {
    if (batch.byteLength > ENTRY_PAYLOAD_BYTES_MAX) {
      throw new RangeError(
        `an entry holds at most ${ENTRY_PAYLOAD_BYTES_MAX} bytes, not ${batch.byteLength}`,
      );
    }
    if (this.readOnlyReason !== undefined) {
      return Promise.resolve({ kind: "read-only", reason: this.readOnlyReason });
    }
    return new Promise((resolve) => {
      const bytes = ENTRY_HEADER_BYTES + batch.byteLength;
      this.#enqueue({ kind: "append", logId, batch, place, bytes, resolve });
    });
  }

  change(change: WriterChange): Promise<CommitOutcome> {
    return new Promise((resolve) => {
      const bytes =
        ENTRY_HEADER_BYTES +
        Buffer.byteLength(JSON.stringify(change), "utf8") +
        CHANGE_SLACK_BYTES +
        (change.closes?.length ?? 0) * 24;
      this.#enqueue({ kind: "change", change, bytes, resolve });
    });
  }

  #enqueue(item: QueueItem): void {
    this.#queue.push(item);
    this.#queuedBytes += item.bytes;
    this.#wake();
  }

  #wake(): void {
    if (!this.#running) {
      this.#running = true;
      this.#isStarting = true;
      // Everything that arrives in this turn of the event loop shares one block.
      this.#clock.soon(this.#start);
    }
    if (this.#queuedBytes < this.#earlyBlockBytes || this.#isEarlyBlockDue) return;
    this.#isEarlyBlockDue = true;
    // What the same caller queues at once belongs to it.
    void Promise.resolve().then(this.#beginEarlyBlock);
  }

  readonly #start = (): void => {
    if (!this.#isStarting) return;
    this.#isStarting = false;
    this.#run().catch((error: unknown) => endProcess(this.#host.crash, "the journal writer failed", error));
  };

  readonly #beginEarlyBlock = (): void => {
    this.#isEarlyBlockDue = false;
    if (this.#queuedBytes < this.#earlyBlockBytes) return;
    if (this.#isStarting) this.#start();
    else if (this.#isWriting && this.#prepared === undefined) this.#prepared = this.#placeNext();
  };

  async #run(): Promise<void> {
    this.#idleTimer?.cancel();
    this.#rightOfWay.began();
    let durable: PlacedBlock | undefined;
    for (;;) {
      const next = this.#prepared ?? this.#placeNext();
      this.#prepared = undefined;
      // The disk goes on before anybody hears of the block before.
      const written = next?.place === undefined ? undefined : this.#write(next, next.place, 0);
      if (durable !== undefined) this.#publish(durable);
      durable = next;
      if (next !== undefined) await written;
      else if (this.#queue.length > 0) await this.#makeRoom();
      else break;
    }
    this.#running = false;
    this.#rightOfWay.ended();
    if (this.#unconfirmed) {
      this.#idleTimer = this.#clock.schedule(this.#idleConfirmMs, () => {
        if (this.#unconfirmed && !this.#running) void this.confirm(FLAG_CONFIRM);
      });
    }
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  /** Resolves when everything queued so far is durable. */
  async drained(): Promise<void> {
    while (this.#running) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  /** Writes a block without entries: proof, for recovery, that the one before it was durable. */
  async confirm(flags: number): Promise<void> {
    await this.drained();
    this.#idleTimer?.cancel();
    if (this.#endOffset + BLOCK_HEADER_BYTES > this.#segment.fileBytes) return;
    this.#running = true;
    const block = new Block();
    const place = block.encode(this.#memory, this.#serviceClock.nowMs());
    const placed = this.#put(block, place);
    await this.#write(placed, place, flags);
    this.#unconfirmed = false;
    this.#publish(placed);
    this.#running = false;
    if (this.#queue.length > 0 || this.#prepared !== undefined) this.#wake();
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  /** Puts the next block together. Undefined when nothing is queued, or the first of it needs the next segment. */
  #placeNext(): PlacedBlock | undefined {
    const [first] = this.#queue;
    if (first === undefined || !this.#fits(first)) return undefined;
    const nowMs = this.#serviceClock.nowMs();
    const block = this.#gather(nowMs);
    return this.#put(block, block.entryCount > 0 ? block.encode(this.#memory, nowMs) : undefined);
  }

  #put(block: Block, place: BlockBytes | undefined): PlacedBlock {
    const placed = { block, segment: this.#segment, offset: this.#endOffset, place };
    this.#endOffset += place?.bytes.length ?? 0;
    return placed;
  }

  #fits(item: QueueItem): boolean {
    return this.#endOffset + alignUp(BLOCK_HEADER_BYTES + item.bytes) <= this.#limit(item.kind);
  }

  /**
   * Goes on to the next segment if the first item does not fit into this one. If there is no room for one on the disk, the queue
   * is refused instead. Nothing is being written meanwhile, and everything that was is shown: the segment left behind can be sealed.
   */
  async #makeRoom(): Promise<void> {
    const first = this.#queue[0] as QueueItem;
    if (this.#fits(first)) return;
    const next = await this.#rightOfWay.yield(this.#host.nextSegment());
    if ("reason" in next) {
      this.#refuse(first.kind, next.reason);
      return;
    }
    const full = this.#segment;
    this.#segment = next;
    this.#endOffset = next.endOffset;
    this.#host.filled(full);
    if (!this.#fits(first)) {
      throw new Error(`an item of ${first.bytes} bytes fits into no segment of ${next.fileBytes} bytes`);
    }
  }

  #limit(kind: QueueItem["kind"]): number {
    const { fileBytes } = this.#segment;
    if (kind === "change") return fileBytes;
    return fileBytes - Math.min(STATE_RESERVE_BYTES_MAX, Math.ceil(fileBytes * STATE_RESERVE_SHARE));
  }

  /** Refuses what is queued of a kind: puts first, state changes only when not even they fit. */
  #refuse(kind: QueueItem["kind"], reason: string): void {
    this.readOnlyReason = reason;
    const kept: QueueItem[] = [];
    for (const item of this.#queue) {
      if (item.kind === "append" || kind === "change") {
        this.#queuedBytes -= item.bytes;
        item.resolve({ kind: "read-only", reason });
      } else kept.push(item);
    }
    this.#queue = kept;
  }

  /** Takes items from the queue, in order, as long as they fit; decides each one's fate. */
  #gather(nowMs: number): Block {
    const block = new Block();
    let bytes = BLOCK_HEADER_BYTES;
    let taken = 0;
    for (const item of this.#queue) {
      const grown = bytes + item.bytes;
      if (taken > 0 && grown > this.#blockBytes) break;
      if (this.#endOffset + alignUp(grown) > this.#limit(item.kind)) break;
      taken += 1;
      bytes = grown;
      this.#queuedBytes -= item.bytes;
      if (item.kind === "append") this.#placeAppend(block, item, nowMs);
      else this.#placeChange(block, item);
    }
    this.#queue = taken === this.#queue.length ? [] : this.#queue.slice(taken);
    return block;
  }

  #placeAppend(block: Block, item: AppendItem, nowMs: number): void {
    const log = this.#logs.get(item.logId);
    if (log === undefined || log.pendingClosed) {
      block.bounced.push(() => item.resolve({ kind: "closed" }));
      return;
    }
    const index = log.pendingNextIndex;
    const { place } = item;
    if (isMisplaced(place, index)) {
      block.bounced.push(() => item.resolve({ kind: "misplaced", nextIndex: index }));
      return;
    }
    const arrivalMs = Math.max(log.pendingLastArrivalMs, Math.floor(place?.arrivalMs ?? nowMs));
    log.pendingNextIndex = index + 1;
    log.pendingLastArrivalMs = arrivalMs;
    block.addRecords(log, index, arrivalMs, item);
  }

  #placeChange(block: Block, item: ChangeItem): void {
    // `expect` is a condition, not a part of what happened.
    const { expect: _, closes, trims: askedTrims, ...rest } = item.change;
    const conflict = this.#state.conflict(item.change);
    if (conflict !== undefined) {
      block.bounced.push(() => item.resolve({ kind: "conflict", key: conflict }));
      return;
    }
    this.#pendingRevision += 1;
    const resolvedCloses: [number, number][] = [];
    // Only the committer knows the ids yet, so nobody can look at a log that is not durable.
    for (const logId of rest.opens ?? []) this.#logs.open(logId);
    for (const logId of closes ?? []) {
      const log = this.#logs.get(logId);
      if (log === undefined) continue;
      if (!log.pendingClosed) resolvedCloses.push([logId, log.pendingNextIndex]);
      log.pendingClosed = true;
    }
    for (const logId of rest.drops ?? []) {
      const log = this.#logs.get(logId);
      if (log !== undefined) log.pendingClosed = true;
    }
    const trims = askedTrims?.map(([logId, index]): [number, number] => [
      logId,
      Math.min(index, this.#logs.get(logId)?.nextIndex ?? 0),
    ]);
    const change: CommittedChange = {
      revision: this.#pendingRevision,
      ...rest,
      ...(trims === undefined ? {} : { trims }),
      ...(resolvedCloses.length > 0 ? { closes: resolvedCloses } : {}),
    };
    this.#state.foresee(change);
    block.addChange(change, item);
  }

  /** Resolves when the block is durable. The one before it is. */
  async #write({ block, segment, offset }: PlacedBlock, { bytes }: BlockBytes, flags: number): Promise<void> {
    const startedMs = this.#clock.monotonicMs();
    this.#isWriting = true;
    this.#unconfirmed = true;
    const durableUpTo = this.#writtenCommit;
    this.#writtenCommit += 1;
    const header = { flags, commit: this.#writtenCommit, durableUpTo, epoch: this.#epoch };
    block.writeHeader(bytes, segment.header.salt, { ...header, serviceMs: this.#serviceClock.nowMs() });
    try {
      await writeFully(segment.file, bytes, offset, true);
    } catch (error) {
      await endProcess(
        this.#host.crash,
        `a commit could not be made durable in ${segment.path}; what is on disk is only known after a restart`,
        error,
      );
    }
    this.#isWriting = false;
    const tookMs = this.#clock.monotonicMs() - startedMs;
    this.commitMsTotal += tookMs;
    this.recentCommitMs.push(tookMs);
    if (this.recentCommitMs.length > RECENT_COMMITS) this.recentCommitMs.shift();
  }

  /** The block is durable: shows it to readers, then answers whoever waits for it. */
  #publish({ block, segment, offset, place }: PlacedBlock): void {
    const touched = new Set<ShardLog>();
    if (place !== undefined) this.#show(block, segment, offset, place, touched);
    for (const settle of block.settled) settle();
    for (const { change, item } of block.changes) this.#host.changed(item.change, change.revision);
    for (const log of touched) log.notify();
    place?.slab?.release();
    // Answers to what was bounced wait for this block too: whoever asks again must see what bounced it.
    for (const settle of block.bounced) settle();
  }

  #show(
    block: Block,
    segment: Segment,
    offset: number,
    { bytes, slab }: BlockBytes,
    touched: Set<ShardLog>,
  ): void {
    this.#commit += 1;
    if (segment.firstCommit === 0) segment.firstCommit = this.#commit;
    segment.lastCommit = this.#commit;
    segment.lastServiceMs = Math.max(segment.lastServiceMs, this.#serviceClock.nowMs());
    segment.endOffset = offset + bytes.length;
    this.commits += 1;
    this.writtenBytes += bytes.length;
    this.#rightOfWay.committed(bytes.length);
    for (const { change } of block.changes) {
      this.#state.apply(change);
      for (const log of this.#logs.apply(change)) touched.add(log);
      segment.lastRevision = change.revision;
    }
    for (const { log, row } of block.rows) {
      const placed = { ...row, offset: offset + row.offset };
      segment.addRow(placed);
      if (log === undefined) continue;
      log.addRow(segment, placed);
      this.#cache.put(segment, placed.offset, bytes.subarray(row.offset, row.offset + row.length), slab);
      touched.add(log);
    }
  }
}
