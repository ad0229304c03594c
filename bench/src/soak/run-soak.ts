/**
 * A server under a steady load for a long while: puts in an open loop, readers along every shard, a subscription, and time
 * that passes faster than it does, so that retention gives back what is on disk.
 */
import { performance } from "node:perf_hooks";
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createStream, registerConsumer, shardIdsOf } from "../compare/control.ts";
import { LineChild } from "../load/line-child.ts";
import type { PressurePlan, PressureTotals } from "../load/pressure-plan.ts";
import { LoadError } from "../load/run-load.ts";
import { checkTotals, openPressure } from "../load/run-pressure.ts";
import { readFigures } from "../macro/overload-watch.ts";
import { startMillraceServer } from "../servers/millrace-server.ts";
import { scratchDirectory } from "../servers/scratch.ts";
import type { ServerProcess } from "../servers/server-process.ts";
import type { Sample, SoakPlan } from "./plan.ts";
import type { ReadersFigures, ReadersPlan } from "./readers-plan.ts";

const STREAM = "soaked";
const readersProgram = fileURLToPath(new URL("../../dist/soak/readers-main.js", import.meta.url));

/** Records are kept for 24 hours: they are gone with the second move after they were put. */
const MOVE_MS = 12.5 * 3_600_000;
const CATCH_UP_MS = 60_000;
/** Before the rate is measured. */
const WARM_UP_SHARE = 0.2;

export interface SoakRun {
  /** As fast as answers came, with the readers at work. */
  readonly recordsPerSecondMax: number;
  readonly requestsPerSecond: number;
  readonly samples: readonly Sample[];
  /** All that were acknowledged; the readers have read each of them once. */
  readonly acknowledgedRecords: number;
  /** Records that the subscription has received: all of its shard. */
  readonly eventRecords: number;
  /** Answers 503. */
  readonly refusedRequests: number;
}

export interface SoakListener {
  progress(text: string): void;
  /** The rate was measured. */
  measured(recordsPerSecondMax: number, requestsPerSecond: number): void;
  sample(sample: Sample): void;
}

/** @throws {LoadError} for errors, broken connections, and records that were lost or came twice. */
export async function runSoak(plan: SoakPlan, listener: SoakListener): Promise<SoakRun> {
  const scratch = scratchDirectory("soak");
  const dataDir = join(scratch.path, "data");
  const server = await startMillraceServer({
    dataDir,
    memoryBytes: plan.memoryBytes,
    ...(plan.threads === 1 ? {} : { threads: plan.threads }),
    flags: ["--dev"],
  });
  const soak = new Soak(plan, listener, server, dataDir);
  try {
    const run = await soak.run();
    await server.stop();
    return run;
  } finally {
    soak.end();
    await server.kill();
    scratch.remove();
  }
}

class Soak {
  readonly #plan: SoakPlan;
  readonly #listener: SoakListener;
  readonly #server: ServerProcess;
  readonly #dataDir: string;
  #readers: LineChild | undefined;
  readonly #endings = new Set<() => void>();
  #acknowledgedRecords = 0;
  #refusedRequests = 0;
  #bytesSinceMove = 0;
  #clockMoves = 0;

  constructor(plan: SoakPlan, listener: SoakListener, server: ServerProcess, dataDir: string) {
    this.#plan = plan;
    this.#listener = listener;
    this.#server = server;
    this.#dataDir = dataDir;
  }

  async run(): Promise<SoakRun> {
    const { load, measureMs, recordsPerRequest } = this.#plan;
    await this.#prepare();
    this.#listener.progress(`measuring for ${measureMs / 1_000} s how much it can do`);
    const requestsPerSecondMax = await this.#measure();
    const recordsPerSecondMax = requestsPerSecondMax * recordsPerRequest;
    await this.#catchUp();
    const requestsPerSecond = requestsPerSecondMax * load;
    this.#listener.measured(recordsPerSecondMax, requestsPerSecond);
    const samples = await this.#soak(requestsPerSecond);
    const { eventRecords } = await this.#catchUp();
    return {
      recordsPerSecondMax,
      requestsPerSecond,
      samples,
      acknowledgedRecords: this.#acknowledgedRecords,
      eventRecords,
      refusedRequests: this.#refusedRequests,
    };
  }

  end(): void {
    for (const end of this.#endings) end();
  }

  async #prepare(): Promise<void> {
    const { shards, recordBytes, pollMs } = this.#plan;
    const { endpoint } = this.#server;
    const streamArn = await createStream(endpoint, STREAM, shards);
    const readersPlan: ReadersPlan = {
      endpoint,
      streamName: STREAM,
      shardIds: await shardIdsOf(endpoint, STREAM),
      recordBytes,
      pollMs,
      consumerArn: await registerConsumer(endpoint, streamArn, "soaked"),
    };
    const readers = await LineChild.start(readersProgram, readersPlan);
    this.#endings.add(() => readers.kill());
    this.#readers = readers;
  }

  /** Requests in a second, in a closed loop. */
  async #measure(): Promise<number> {
    const { measureMs } = this.#plan;
    const pressure = await this.#openPressure();
    await pressure.start();
    await sleep(measureMs * WARM_UP_SHARE);
    await pressure.window();
    await sleep(measureMs);
    const { stored, elapsedMs } = await pressure.window();
    this.#take(await pressure.stop());
    return (stored.requests * 1_000) / elapsedMs;
  }

  async #soak(requestsPerSecond: number): Promise<Sample[]> {
    const { durationMs, sampleMs } = this.#plan;
    const pressure = await this.#openPressure(requestsPerSecond);
    const samples: Sample[] = [];
    const acknowledgedBefore = this.#acknowledgedRecords;
    let acknowledgedNow = 0;
    let cpuMs = this.#server.cpuMs();
    const startedMs = performance.now();
    await pressure.start();
    for (let dueMs = sampleMs; dueMs <= durationMs; dueMs += sampleMs) {
      await sleep(startedMs + dueMs - performance.now());
      const window = await pressure.window();
      acknowledgedNow += window.acknowledgedRecords;
      const readers = await this.#askReaders();
      const cpuNowMs = this.#server.cpuMs();
      const figures = await readFigures(this.#server.endpoint);
      const { p50, p99, max } = window.stored.latencyMs;
      const sample: Sample = {
        atMs: Math.round(performance.now() - startedMs),
        recordsPerSecond: (window.acknowledgedRecords * 1_000) / window.elapsedMs,
        p50Ms: p50,
        p99Ms: p99,
        maxMs: max,
        refusedRequests: window.refused.requests,
        waitingRequests: window.waitingRequests,
        readP99Ms: readers.latencyMs.p99,
        // The readers are asked a moment later.
        unreadRecords: Math.max(0, acknowledgedBefore + acknowledgedNow - readers.records),
        behindMs: readers.behindMs,
        rssBytes: this.#server.rssBytes(),
        reservedBytes: figures["millrace_memory_used_bytes"] ?? 0,
        cacheBytes: figures["millrace_tail_cache_bytes"] ?? 0,
        eventLoopLagMs: (figures['millrace_event_loop_lag_seconds{of="max"}'] ?? 0) * 1_000,
        diskBytes: bytesUnder(this.#dataDir),
        serverCores: (cpuNowMs - cpuMs) / window.elapsedMs,
        clockMoves: this.#clockMoves,
      };
      cpuMs = cpuNowMs;
      samples.push(sample);
      this.#listener.sample(sample);
      await this.#moveClockIfDue(window.acknowledgedRecords);
    }
    this.#take(await pressure.stop());
    return samples;
  }

  async #openPressure(requestsPerSecond?: number) {
    const { connections, recordBytes, recordsPerRequest } = this.#plan;
    const pressurePlan: PressurePlan = {
      endpoint: this.#server.endpoint,
      operation: "PutRecords",
      protocol: "json",
      streamName: STREAM,
      connections,
      recordBytes,
      recordsPerRequest,
      partitionKeys: { count: 16_000, seed: 31 },
      ...(requestsPerSecond === undefined ? {} : { requestsPerSecond }),
    };
    const pressure = await openPressure(pressurePlan);
    this.#endings.add(() => pressure.kill());
    return pressure;
  }

  #take(totals: PressureTotals): void {
    checkTotals(totals);
    this.#acknowledgedRecords += totals.acknowledgedRecords;
    this.#refusedRequests += totals.refusedRequests;
  }

  /** Moves service time as soon as half of what may be kept was written since the last time. */
  async #moveClockIfDue(acknowledgedRecords: number): Promise<void> {
    const { recordBytes, keptBytes } = this.#plan;
    this.#bytesSinceMove += acknowledgedRecords * recordBytes;
    if (this.#bytesSinceMove < keptBytes / 2) return;
    this.#bytesSinceMove = 0;
    this.#clockMoves += 1;
    const answer = await fetch(`${this.#server.endpoint}/_millrace/clock/advance`, {
      method: "POST",
      body: JSON.stringify({ durationMs: MOVE_MS }),
    });
    if (answer.status !== 200)
      throw new LoadError(`the clock could not be moved: ${answer.status} ${await answer.text()}`);
    await answer.arrayBuffer();
  }

  #askReaders(): Promise<ReadersFigures> {
    return this.#readers!.ask<ReadersFigures>("window");
  }

  /** Resolves when everything that was acknowledged has been read, once. */
  async #catchUp(): Promise<ReadersFigures> {
    const expected = this.#acknowledgedRecords;
    const startedMs = performance.now();
    for (;;) {
      const read = await this.#askReaders();
      if (read.records === expected && read.eventRecords === read.firstShardRecords) return read;
      const isTooMuch = read.records > expected || read.eventRecords > read.firstShardRecords;
      if ((isTooMuch && read.records >= expected) || performance.now() - startedMs > CATCH_UP_MS)
        throw new LoadError(
          `${expected} records were acknowledged and ${read.records} read; of the ${read.firstShardRecords} of the first shard ${read.eventRecords} came as events`,
        );
      await sleep(this.#plan.pollMs);
    }
  }
}

/** What all files under a directory take on the disk. */
function bytesUnder(directory: string): number {
  let bytes = 0;
  for (const path of readdirSync(directory, { recursive: true, encoding: "utf8" })) {
    // Files come and go while this looks.
    const found = lstatSync(join(directory, path), { throwIfNoEntry: false });
    if (found?.isFile() === true) bytes += found.blocks * 512;
  }
  return bytes;
}
