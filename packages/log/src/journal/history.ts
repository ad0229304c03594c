/**
 * A history of the journal under attack, for tests: writers, readers, resharding, trims, crashes in the
 * middle of anything (recovery included), torn writes, failed fsyncs and full disks, all from one seed. The
 * model remembers what was acknowledged and what was seen, and after every recovery asks for it back.
 */
import { createHash } from "node:crypto";
import { simulatedRuntime, type Random, type SimulatedRuntime } from "@millrace/runtime";
import { encodeBatch, readBatch } from "../entry-codec.ts";
import type { StoredEntry } from "../log-engine.ts";
import { openJournal, type Journal } from "./journal.ts";

export interface HistoryOptions {
  readonly seed: number;
  /** How many times the process dies. */
  readonly lives: number;
}

export interface HistoryResult {
  readonly digest: string;
  readonly acknowledged: number;
  readonly crashes: number;
  readonly failedWrites: number;
  readonly refusedWhileFull: number;
  readonly tornTails: number;
}

/** A promise was broken: which one, and how. */
export class BrokenPromise extends Error {
  override readonly name = "BrokenPromise";
  readonly checker: string;
  constructor(checker: string, detail: string) {
    super(`${checker}: ${detail}`);
    this.checker = checker;
  }
}

const DIRECTORY = "/data";
const ROOMY_BYTES = 1 << 28;
const SMALL_SEGMENTS = {
  firstSegmentBytes: 32 << 10,
  initialSegmentBytes: 64 << 10,
  maxSegmentBytes: 128 << 10,
  coldSegmentBytes: 96 << 10,
  salvageBytesPerSecond: 0,
  snapshotEveryChangeBytes: 4 << 10,
  cacheBytes: 32 << 10,
  earlyBlockBytes: 2 << 10,
};

interface LogModel {
  readonly logId: number;
  /** What an acknowledgement or a read has shown to stand at an index. It must stay. */
  readonly seen: Map<number, string>;
  readonly attempted: Set<string>;
  trimIndex: number;
  attemptedTrim: number;
  closing: boolean;
  /** Acknowledged end. */
  endIndex: number | undefined;
  dropping: boolean;
  dropped: boolean;
  acknowledgedIndex: number;
}

export async function runHistory(options: HistoryOptions): Promise<HistoryResult> {
  return new History(options).run();
}

class History {
  readonly #options: HistoryOptions;
  readonly #runtime: SimulatedRuntime;
  readonly #random: Random;
  readonly #logs = new Map<number, LogModel>();
  readonly #keys = new Map<
    string,
    { acknowledged: string | undefined; attempted: Set<string | undefined> }
  >();
  readonly #trace = createHash("sha256");
  #journal: Journal | undefined;
  #life = 0;
  #serial = 0;
  #acknowledged = 0;
  #crashes = 0;
  #refused = 0;
  #tornTails = 0;
  #broken: unknown;

  constructor(options: HistoryOptions) {
    this.#options = options;
    this.#runtime = simulatedRuntime({ seed: options.seed, onCrash: () => this.#died() });
    this.#random = this.#runtime.world.random;
  }

  async run(): Promise<HistoryResult> {
    const { world } = this.#runtime;
    world.disk.setCapacity(ROOMY_BYTES);
    let process: Runtime | undefined = this.#runtime;
    for (let life = 0; life < this.#options.lives; life += 1) {
      const runtime: Runtime = process ?? world.start();
      process = undefined;
      this.#life += 1;
      const opening = this.#live(runtime, this.#life);
      opening.catch((error: unknown) => this.#fail(error));
      // Sometimes the next crash comes while this life is still recovering.
      const lifetimeMs =
        this.#random.below(3) === 0 ? this.#random.below(40) : 200 + this.#random.below(1500);
      await world.run(world.clock.monotonicMs() + this.#startMs() + lifetimeMs);
      this.#throwIfBroken();
      this.#endLife();
    }
    // A last life without disturbance: everything must be there.
    world.disk.setCapacity(ROOMY_BYTES);
    world.disk.setChances({});
    this.#life += 1;
    const life = this.#life;
    await world.finish(this.#check(world.start(), life));
    this.#throwIfBroken();
    this.#trace.update(world.disk.dump().digest);
    return {
      digest: this.#trace.digest("hex"),
      acknowledged: this.#acknowledged,
      crashes: this.#crashes,
      failedWrites: world.disk.faultCount,
      refusedWhileFull: this.#refused,
      tornTails: this.#tornTails,
    };
  }

  /** What virtual time showed at first, which `run` counts from. */
  #startMs(): number {
    const { clock } = this.#runtime.world;
    return clock.nowMs() - Math.floor(clock.monotonicMs());
  }

  #died(): void {
    this.#crashes += 1;
    this.#journal = undefined;
    this.#life += 1;
  }

  #endLife(): void {
    const { world } = this.#runtime;
    this.#crashes += 1;
    this.#journal = undefined;
    this.#life += 1;
    const powerCut = this.#random.below(2) === 0;
    this.#note(`crash ${powerCut}`);
    world.crash({ powerCut });
    this.#note(`crashed ${powerCut}`);
    world.disk.setChances({});
    world.disk.setCapacity(
      this.#random.below(6) === 0 ? this.#usedBytes() + this.#random.below(300_000) : ROOMY_BYTES,
    );
  }

  #usedBytes(): number {
    return this.#runtime.world.disk.dump().files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  #fail(error: unknown): void {
    this.#broken ??= error;
  }

  #throwIfBroken(): void {
    if (this.#broken !== undefined) throw this.#broken;
  }

  #note(event: string): void {
    this.#trace.update(`${this.#runtime.world.clock.monotonicMs().toFixed(3)} ${event}\n`);
  }

  async #open(runtime: Runtime): Promise<Journal> {
    const journal = await openJournal(runtime, {
      directory: DIRECTORY,
      serviceClock: runtime.clock,
      ...SMALL_SEGMENTS,
    });
    if (journal.recovery.cutTornTail) this.#tornTails += 1;
    this.#note(`open ${JSON.stringify(journal.recovery)}`);
    return journal;
  }

  async #live(runtime: Runtime, life: number): Promise<void> {
    const journal = await this.#open(runtime).catch((error: unknown) => {
      // A disk so full that nothing can be opened is said; the data must be there once there is room.
      if (error instanceof Error && "code" in error && error.code === "ENOSPC") return undefined;
      throw error;
    });
    if (journal === undefined || life !== this.#life) return;
    await this.#verify(journal);
    if (life !== this.#life) return;
    this.#journal = journal;
    if (this.#random.below(5) === 0) {
      this.#runtime.world.disk.setChances(
        this.#random.below(2) === 0 ? { writeError: 0.002, shortWrite: 0.1 } : { syncError: 0.01 },
      );
    }
    for (let worker = 0; worker < 6; worker += 1) {
      this.#work(runtime, life).catch((error: unknown) => this.#fail(error));
    }
  }

  async #check(runtime: Runtime, life: number): Promise<void> {
    const journal = await this.#open(runtime);
    await this.#verify(journal);
    await journal.close();
    const again = await this.#open(runtime);
    if (!again.recovery.clean)
      throw new BrokenPromise("clean stop", "a clean stop left something to recover");
    await this.#verify(again);
    if (life === this.#life) await again.close();
  }

  async #work(runtime: Runtime, life: number): Promise<void> {
    while (life === this.#life) {
      await runtime.clock.sleep(this.#random.below(20));
      const journal = this.#journal;
      if (journal === undefined) return;
      const logs = [...this.#logs.values()].filter((log) => !log.dropping);
      const log = logs[this.#random.below(Math.max(1, logs.length))];
      const dice = this.#random.below(100);
      if (log === undefined || (dice < 2 && logs.length < 8)) await this.#openLog(journal);
      else if (dice < 60) await this.#append(journal, log);
      else if (dice < 80) await this.#read(journal, log);
      else if (dice < 88) await this.#put(journal);
      else if (dice < 93) await this.#trim(journal, log);
      else if (dice < 95) await this.#close(journal, log);
      else if (dice < 96) await this.#drop(journal, log);
      else await this.#seek(journal, log);
    }
  }

  async #openLog(journal: Journal): Promise<void> {
    const logId = journal.allocateLogId();
    const outcome = await journal.state.commit({ opens: [logId], puts: [[`log/${logId}`, "open"]] });
    if (outcome.kind !== "committed") return;
    this.#logs.set(logId, {
      logId,
      seen: new Map(),
      attempted: new Set(),
      trimIndex: 1,
      attemptedTrim: 1,
      closing: false,
      endIndex: undefined,
      dropping: false,
      dropped: false,
      acknowledgedIndex: 0,
    });
    this.#note(`log ${logId}`);
  }

  async #append(journal: Journal, log: LogModel): Promise<void> {
    const burst = 1 + this.#random.below(4);
    const appends = Array.from({ length: burst }, async () => {
      this.#serial += 1;
      const name = `${log.logId}/${this.#serial}`;
      const size = this.#random.below(20) === 0 ? 20_000 : this.#random.below(800);
      const data = Buffer.alloc(size + name.length, "x");
      data.write(name);
      log.attempted.add(name);
      const closedBefore = log.endIndex !== undefined || log.dropped;
      const outcome = await journal.append(log.logId, encodeBatch([{ key: Buffer.from("k"), data }]));
      if (outcome.kind === "appended") {
        if (closedBefore)
          throw new BrokenPromise("closed is closed", `${name} was acknowledged after the close`);
        this.#acknowledged += 1;
        this.#remember(log, outcome.index, name, "one order");
        log.acknowledgedIndex = Math.max(log.acknowledgedIndex, outcome.index);
        this.#note(`ack ${name} ${outcome.index}`);
      } else if (outcome.kind === "read-only") this.#refused += 1;
      else if (outcome.kind === "closed" && !log.closing && !log.dropping) {
        throw new BrokenPromise("closed is closed", `${name} was bounced although nobody closed the log`);
      }
    });
    await Promise.all(appends);
  }

  #remember(log: LogModel, index: number, name: string, checker: string): void {
    const before = log.seen.get(index);
    if (before !== undefined && before !== name) {
      throw new BrokenPromise(checker, `entry ${index} of log ${log.logId} was ${before} and is now ${name}`);
    }
    if (log.endIndex !== undefined && index >= log.endIndex) {
      throw new BrokenPromise("closed is closed", `entry ${index} stands behind the end ${log.endIndex}`);
    }
    log.seen.set(index, name);
  }

  async #read(journal: Journal, log: LogModel): Promise<void> {
    const from = 1 + this.#random.below(log.acknowledgedIndex + 2);
    // What is trimmed while the read is under way it may still see.
    const { trimIndex } = log;
    const outcome = await journal.read(log.logId, from, {
      maxBytes: 1 + this.#random.below(50_000),
      maxRecords: 1 + this.#random.below(50),
    });
    if (outcome.kind === "entries") this.#examine(log, from, outcome.entries, trimIndex);
    else if (outcome.kind === "trimmed") {
      if (outcome.trimIndex > log.attemptedTrim) {
        throw new BrokenPromise("kept until trimmed", `log ${log.logId} is trimmed to ${outcome.trimIndex}`);
      }
    } else if (outcome.kind === "gone") {
      if (!log.dropping) throw new BrokenPromise("kept until trimmed", `log ${log.logId} is gone`);
    } else throw new BrokenPromise("acknowledged is durable", `log ${log.logId}: ${JSON.stringify(outcome)}`);
  }

  #examine(log: LogModel, from: number, entries: readonly StoredEntry[], trimIndex: number): void {
    let expected = from;
    let arrivalMs = 0;
    for (const entry of entries) {
      if (entry.index !== expected)
        throw new BrokenPromise("no gap", `entry ${entry.index} came for ${expected}`);
      if (entry.index < trimIndex) {
        throw new BrokenPromise("gone is gone", `entry ${entry.index} of log ${log.logId} came back`);
      }
      if (entry.arrivalMs < arrivalMs) throw new BrokenPromise("one order", "arrival went back");
      arrivalMs = entry.arrivalMs;
      const name = nameOf(entry);
      if (!log.attempted.has(name))
        throw new BrokenPromise("no torn record", `nobody put ${name.slice(0, 40)}`);
      this.#remember(log, entry.index, name, "seen stays");
      expected += 1;
    }
  }

  async #put(journal: Journal): Promise<void> {
    const key = `key/${this.#random.below(20)}`;
    const model = this.#keys.get(key) ?? { acknowledged: undefined, attempted: new Set([undefined]) };
    this.#keys.set(key, model);
    const current = journal.state.get(key);
    this.#serial += 1;
    const value = this.#random.below(8) === 0 ? undefined : `${this.#serial}`;
    model.attempted.add(value);
    const outcome = await journal.state.commit({
      expect: [[key, current?.revision ?? 0]],
      ...(value === undefined ? { deletes: [key] } : { puts: [[key, value]] }),
    });
    if (outcome.kind === "committed") {
      model.acknowledged = value;
      model.attempted = new Set([
        value,
        ...[...model.attempted].filter((other) => Number(other) > Number(value)),
      ]);
      this.#note(`put ${key} ${value}`);
    }
  }

  async #trim(journal: Journal, log: LogModel): Promise<void> {
    const index = 1 + this.#random.below(log.acknowledgedIndex + 1);
    log.attemptedTrim = Math.max(log.attemptedTrim, index);
    const outcome = await journal.state.commit({ trims: [[log.logId, index]] });
    if (outcome.kind === "committed") log.trimIndex = Math.max(log.trimIndex, index);
  }

  async #close(journal: Journal, log: LogModel): Promise<void> {
    log.closing = true;
    const outcome = await journal.state.commit({ closes: [log.logId] });
    if (outcome.kind === "committed") log.endIndex ??= journal.describe(log.logId)?.endIndex;
  }

  async #drop(journal: Journal, log: LogModel): Promise<void> {
    log.dropping = true;
    const outcome = await journal.state.commit({ drops: [log.logId], deletes: [`log/${log.logId}`] });
    if (outcome.kind === "committed") log.dropped = true;
  }

  async #seek(journal: Journal, log: LogModel): Promise<void> {
    const bounds = journal.describe(log.logId);
    if (bounds === undefined) return;
    const at = bounds.lastArrivalMs - this.#random.below(500);
    const index = await journal.seek(log.logId, at);
    const before = index - 1;
    if (before < bounds.trimIndex) return;
    const outcome = await journal.read(log.logId, before, { maxBytes: 1, maxRecords: 1 });
    const entry = outcome.kind === "entries" ? outcome.entries[0] : undefined;
    if (entry !== undefined && entry.arrivalMs >= at) {
      throw new BrokenPromise("seek", `entry ${before} arrived at or after ${at} and was passed over`);
    }
  }

  /** Asks for everything that was ever acknowledged or seen. */
  async #verify(journal: Journal): Promise<void> {
    for (const log of this.#logs.values()) {
      const bounds = journal.describe(log.logId);
      if (bounds === undefined) {
        if (!log.dropping) throw new BrokenPromise("acknowledged is durable", `log ${log.logId} vanished`);
        log.dropped = true;
        continue;
      }
      if (log.dropped) throw new BrokenPromise("gone is gone", `log ${log.logId} came back`);
      if (bounds.trimIndex < log.trimIndex) {
        throw new BrokenPromise(
          "gone is gone",
          `log ${log.logId} was trimmed to ${log.trimIndex} and now begins at ${bounds.trimIndex}`,
        );
      }
      if (bounds.trimIndex > log.attemptedTrim) {
        throw new BrokenPromise("kept until trimmed", `log ${log.logId} begins at ${bounds.trimIndex}`);
      }
      log.trimIndex = bounds.trimIndex;
      if (log.endIndex !== undefined && bounds.endIndex !== log.endIndex) {
        throw new BrokenPromise("closed is closed", `the end ${log.endIndex} is now ${bounds.endIndex}`);
      }
      if (bounds.endIndex !== undefined) {
        if (!log.closing) throw new BrokenPromise("closed is closed", `nobody closed log ${log.logId}`);
        log.endIndex = bounds.endIndex;
      }
      await this.#verifyEntries(journal, log, bounds.nextIndex);
    }
    for (const [key, model] of this.#keys) {
      const value = journal.state.get(key)?.value;
      if (!model.attempted.has(value)) {
        throw new BrokenPromise("acknowledged is durable", `${key} is ${value}, not ${model.acknowledged}`);
      }
      model.acknowledged = value;
      model.attempted = new Set([value]);
    }
    this.#note("verified");
  }

  async #verifyEntries(journal: Journal, log: LogModel, nextIndex: number): Promise<void> {
    let index = log.trimIndex;
    while (index < nextIndex) {
      const outcome = await journal.read(log.logId, index, { maxBytes: 1 << 20, maxRecords: 1000 });
      if (outcome.kind !== "entries" || outcome.entries.length === 0) {
        throw new BrokenPromise(
          "acknowledged is durable",
          `log ${log.logId} at ${index}: ${JSON.stringify(outcome)}`,
        );
      }
      this.#examine(log, index, outcome.entries, log.trimIndex);
      index = outcome.nextIndex;
    }
    for (const [seen, name] of log.seen) {
      if (seen >= nextIndex) {
        throw new BrokenPromise(
          "acknowledged is durable",
          `${name}, entry ${seen} of log ${log.logId}, is lost`,
        );
      }
      if (seen < log.trimIndex) log.seen.delete(seen);
    }
    log.acknowledgedIndex = Math.max(log.acknowledgedIndex, nextIndex - 1);
  }
}

type Runtime = Parameters<typeof openJournal>[0];

function nameOf(entry: StoredEntry): string {
  const range = readBatch(entry.payload).records[0];
  if (range === undefined) return "";
  const text = Buffer.from(entry.payload.subarray(range.dataStart, range.dataEnd)).toString("latin1");
  const end = text.indexOf("x");
  const name = end < 0 ? text : text.slice(0, end);
  return /^x*$/.test(text.slice(name.length)) ? name : text;
}
