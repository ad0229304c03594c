import { createHash } from "node:crypto";
import type { KinesisClient } from "@millrace/client";
import { createProducer, type Producer, type PutAllSummary } from "@millrace/producer";
import type { Clock, Files, Logger, Random, Timer } from "@millrace/runtime";
import { type BatchMaker, PACK_BYTES_MAX, PackedRecords, type Puts, SingleRecords } from "./batch-maker.ts";
import type { FlowCheckpoint } from "./checkpoint-store.ts";
import { FileSet } from "./file-set.ts";
import type { FlowConfig } from "./flow-config.ts";
import type { Gunzip } from "./gunzipped-file.ts";
import type { Completeness, SplitRules } from "./record-splitter.ts";
import type { ReadResult, TailedFile } from "./tailed-file.ts";

export interface FlowSurroundings {
  readonly files: Files;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly gunzip: Gunzip;
  readonly client: KinesisClient;
  /** Part of the partition key `FILE`, so that logs of the same name on two machines differ. */
  readonly hostName: string;
  readonly shardRateShare: number;
  readonly requestCountMax: number;
  readonly requestTimeoutMs: number;
  readonly checkpointLifeMs: number;
  /** Something is stored, or a file was found: what is kept is out of date. */
  readonly onChange: () => void;
  /** Keeps how it stands now. */
  readonly save: () => Promise<void>;
}

/** What every stream takes of a record with its key. */
const RECORD_BYTES_MAX = 1_048_576;
/** Keys that are drawn have at most so many characters. */
const DRAWN_KEY_LENGTH = 10;
const DRAWN_KEYS = 0x1_0000_0000;
/** What may be read and not stored yet. */
const UNSTORED_BYTES_MAX = 33_554_432;
const UNSTORED_COUNT_MAX = 200_000;
/** A writer may go on for a while in a file that was renamed; then the next one is begun. */
const ROTATION_QUIET_MS = 1_000;
const FAILURE_PAUSE_MS = 1_000;

type Records = Extract<ReadResult, { kind: "records" }>;

interface Batch extends Omit<Puts, "puts" | "release"> {
  readonly after: Records["after"];
  refusedCount: number;
  isSettled: boolean;
}

/**
 * One flow: reads its files and puts their records. The files of one log are read one after the other, so that their
 * lines are put in the order in which they were written; logs take turns.
 */
export class Flow {
  readonly config: FlowConfig;
  readonly #around: FlowSurroundings;
  readonly #files: FileSet;
  readonly #producer: Producer;
  readonly #rules: SplitRules;
  readonly #maker: BatchMaker;
  /** Records are packed here; the producer would pack them one by one. */
  readonly #isPacking: boolean;
  readonly #batches = new Map<TailedFile, Batch[]>();
  /** Records that were stored by this run, and their bytes. */
  storedCount = 0;
  storedBytes = 0;
  #unstoredBytes = 0;
  #unstoredCount = 0;
  #isStopping = false;
  #isAbandoned = false;
  #wake: (() => void) | undefined;
  #lastFailure: FlowCheckpoint["lastFailure"];

  constructor(config: FlowConfig, around: FlowSurroundings, checkpoint: FlowCheckpoint | undefined) {
    this.config = config;
    this.#around = around;
    const { files, log, clock, random, client } = around;
    this.#lastFailure = checkpoint?.lastFailure;
    this.#rules = this.#makeRules();
    // A key of its own for each record is drawn for each packed one, since nobody knows which it will be.
    this.#isPacking = config.aggregation && config.partitionKey !== "DETERMINISTIC";
    const { partitionKey, process } = config;
    const drawKey = () => String(random.below(DRAWN_KEYS));
    const batchRules = { partitionKey, process, drawKey, split: this.#rules };
    this.#maker = this.#isPacking ? new PackedRecords(batchRules) : new SingleRecords(batchRules);
    this.#files = new FileSet(
      {
        files,
        log,
        gunzip: around.gunzip,
        pattern: config.pattern,
        skipHeaderLines: config.skipHeaderLines,
        beginsAtEnd: config.initialPosition === "END_OF_FILE",
        checkpointLifeMs: around.checkpointLifeMs,
        nowMs: () => clock.nowMs(),
        monotonicMs: () => clock.monotonicMs(),
      },
      checkpoint,
    );
    this.#producer = createProducer({
      client,
      stream: config.stream,
      clock,
      random,
      order: "partition-key",
      aggregation: config.aggregation && !this.#isPacking,
      // What is packed has waited before it was read.
      lingerMs: this.#isPacking ? 0 : config.lingerMs,
      requestRecordCountMax: config.requestRecordCountMax,
      requestSizeBytesMax: config.requestSizeBytesMax,
      requestCountMax: around.requestCountMax,
      requestTimeoutMs: around.requestTimeoutMs,
      retryDelayMs: config.retryDelayMs,
      retryDelayMsMax: config.retryDelayMsMax,
      shardRateShare: around.shardRateShare,
      // A line waits for as long as it takes. How many wait is bounded here, by what is read.
      recordTtlMs: Infinity,
      queuedBytesMax: Infinity,
      queuedRecordCountMax: Infinity,
      onFailure: ({ code, message }) => {
        if (code === "ProducerClosed") this.#isAbandoned = true;
        else this.#failed(`a record was refused: ${code}: ${message}`);
      },
    });
  }

  get files(): readonly TailedFile[] {
    return this.#files.all;
  }

  checkpoint(): FlowCheckpoint {
    const { id, filePattern, stream } = this.config;
    const files = this.#files.all.map((file) => file.checkpoint());
    return { id, filePattern, stream, files, lastFailure: this.#lastFailure };
  }

  /** The first look. What it finds has to be kept before anything is read: where a file begins is decided once. */
  async begin(): Promise<void> {
    await this.#files.refresh();
  }

  /** Reads until it is stopped. */
  async run(): Promise<void> {
    const { clock } = this.#around;
    let refreshedMs = clock.monotonicMs();
    while (!this.#isStopping) {
      let progressed = false;
      try {
        if (clock.monotonicMs() - refreshedMs >= this.config.refreshMs) {
          await this.#look();
          refreshedMs = clock.monotonicMs();
        }
        for (const file of this.#readable()) {
          await this.#untilRoom();
          if (this.#isStopping) break;
          if (await this.#advance(file)) progressed = true;
        }
      } catch (failure) {
        this.#failed(`reading failed: ${failure instanceof Error ? failure.message : String(failure)}`);
        await this.#pause(FAILURE_PAUSE_MS);
      }
      if (!progressed) await this.#pause(this.config.pollMs);
    }
  }

  /** Reads nothing more, and waits for what was read until it is stored, but no longer than this. */
  async stop(timeoutMs: number): Promise<void> {
    this.#isStopping = true;
    this.#wake?.();
    await this.#producer.close({ timeoutMs });
  }

  close(): Promise<void> {
    return this.#files.close();
  }

  /** Of each log what was rotated away, the oldest first, and then itself; and those that may still get late lines. */
  #readable(): TailedFile[] {
    const busy = new Set<string>();
    return this.#files.all.filter((file) => {
      if (file.isFinished) return file.source !== undefined && !file.isStatic;
      if (busy.has(file.family)) return false;
      // The log itself may be quiet for ever: only what was rotated away is waited for.
      if (file.rotatedMs !== undefined || file.source === undefined) busy.add(file.family);
      return file.source !== undefined;
    });
  }

  /** One read. True when it brought something, or made way for another file. */
  async #advance(file: TailedFile): Promise<boolean> {
    const { clock } = this.#around;
    const endBytes = file.knownEndBytes;
    if (!(await this.#isWorthReading(file))) return false;
    const completeness = this.#completenessOf(file);
    const result = await file.read(this.#rules, completeness, this.#maker, this.#logKeyOf(file));
    if (file.knownEndBytes !== endBytes) file.grewMs = clock.monotonicMs();
    if (result.kind === "records") {
      this.#put(file, result);
      return true;
    }
    if (result.kind === "replaced") {
      await file.close();
      await this.#look();
      return true;
    }
    if (file.isFinished || !this.#isOver(file)) return false;
    file.isFinished = true;
    if (file.isStatic) await file.close();
    this.#around.onChange();
    return true;
  }

  /** Looks for new files. Where they stand among the others is kept before anything of them is read. */
  async #look(): Promise<void> {
    this.#around.onChange();
    if (await this.#files.refresh()) await this.#around.save();
  }

  /** The end was reached, and nothing more is expected. */
  #isOver(file: TailedFile): boolean {
    return file.isStatic || this.#isLeft(file);
  }

  /** It was renamed or removed, and its writer has not written for a while. */
  #isLeft({ rotatedMs, grewMs }: TailedFile): boolean {
    if (rotatedMs === undefined) return false;
    return this.#around.clock.monotonicMs() - Math.max(rotatedMs, grewMs) >= ROTATION_QUIET_MS;
  }

  #completenessOf(file: TailedFile): Completeness {
    const hasRest = file.knownEndBytes !== undefined && file.knownEndBytes > file.readPositionBytes;
    if (!hasRest) return "going on";
    if (this.#isOver(file)) return "ended";
    const { multiLineStart, multiLineQuietMs } = this.config;
    const isQuiet = this.#around.clock.monotonicMs() - file.grewMs >= multiLineQuietMs;
    return multiLineStart !== undefined && isQuiet ? "quiet" : "going on";
  }

  #makeRules(): SplitRules {
    const { truncatedRecordTerminator: terminator, multiLineStart, fileFooter } = this.config;
    const keyBytes = { RANDOM: DRAWN_KEY_LENGTH, DETERMINISTIC: 32, FILE: 256 }[this.config.partitionKey];
    return { recordSizeBytesMax: RECORD_BYTES_MAX - keyBytes, terminator, multiLineStart, fileFooter };
  }

  #put(file: TailedFile, { puts: { puts, release, ...counts }, after }: Records): void {
    const batch: Batch = { ...counts, after, refusedCount: 0, isSettled: false };
    const batches = this.#batches.get(file) ?? [];
    this.#batches.set(file, batches);
    batches.push(batch);
    file.batchesUnderWay += 1;
    this.#unstoredBytes += batch.sizeBytes;
    this.#unstoredCount += puts.length;
    const outcome = this.#producer.offerAll(puts);
    if (outcome === undefined) throw new Error("a producer without a bound had no room");
    void outcome.then((summary) => {
      this.#unstoredBytes -= batch.sizeBytes;
      this.#unstoredCount -= puts.length;
      batch.refusedCount = refusedCountOf(puts, summary);
      if (summary.failedCount === 0) release();
      // What was given up at the end is not stored: it is read again next time.
      batch.isSettled = !this.#isAbandoned || summary.failedCount === 0;
      this.#settle(file, batches);
      this.#wake?.();
    });
  }

  /** What is stored without a gap before it counts. */
  #settle(file: TailedFile, batches: Batch[]): void {
    for (let first = batches[0]; first?.isSettled === true; first = batches[0]) {
      batches.shift();
      file.batchesUnderWay -= 1;
      file.stored(first.after);
      const storedCount = first.recordCount - first.refusedCount;
      file.storedCount += storedCount;
      file.storedBytes += first.sizeBytes;
      file.leftOutCount += first.leftOutCount;
      file.refusedCount += first.refusedCount;
      this.storedCount += storedCount;
      this.storedBytes += first.sizeBytes;
      this.#around.onChange();
    }
    if (batches.length === 0) this.#batches.delete(file);
  }

  #logKeyOf({ family }: TailedFile): string {
    const { partitionKey, pattern } = this.config;
    return partitionKey === "FILE" ? fileKeyOf(this.#around.hostName, pattern.directory, family) : "";
  }

  /** What is packed waits here until it is a whole pack, or as long as a record may wait for others. */
  async #isWorthReading(file: TailedFile): Promise<boolean> {
    if (!this.#isPacking) return true;
    const unreadBytes = await file.unreadBytes();
    const nowMs = this.#around.clock.monotonicMs();
    if (unreadBytes > 0) file.unreadSinceMs ??= nowMs;
    const waitedMs = nowMs - (file.unreadSinceMs ?? -Infinity);
    if (unreadBytes < PACK_BYTES_MAX && waitedMs < this.config.lingerMs) return false;
    file.unreadSinceMs = undefined;
    return true;
  }

  async #untilRoom(): Promise<void> {
    while (
      !this.#isStopping &&
      (this.#unstoredBytes >= UNSTORED_BYTES_MAX || this.#unstoredCount >= UNSTORED_COUNT_MAX)
    ) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #pause(delayMs: number): Promise<void> {
    if (this.#isStopping) return Promise.resolve();
    return new Promise((resolve) => {
      const timer: Timer = this.#around.clock.schedule(delayMs, () => resolve());
      this.#wake = () => {
        if (!this.#isStopping) return;
        timer.cancel();
        resolve();
      };
    });
  }

  #failed(message: string): void {
    const { clock, log, onChange } = this.#around;
    this.#lastFailure = { message, atMs: clock.nowMs() };
    log.warn(message, { flow: this.config.id });
    onChange();
  }
}

function refusedCountOf(
  puts: Puts["puts"],
  { failedCount, failures }: Pick<PutAllSummary, "failedCount" | "failures">,
): number {
  // Single records count as they are; of packed ones, which are few, all failures are known.
  const packed = new Map(puts.map(({ data, recordCount }) => [data as Uint8Array, recordCount]));
  return failures.reduce((sum, { data }) => sum + (packed.get(data) ?? 1) - 1, failedCount);
}

/** A key has at most 256 characters; a longer name is known by its hash. */
function fileKeyOf(hostName: string, directory: string, family: string): string {
  const name = `${hostName}:${directory}/${family}`;
  // Characters of a key may take several bytes.
  return Buffer.byteLength(name) <= 200 ? name : createHash("sha256").update(name).digest("hex");
}
