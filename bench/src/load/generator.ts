/** Drives a plan: keeps every connection busy, and counts what comes back. */
import { performance } from "node:perf_hooks";
import { benchClient, trimHorizons } from "./call.ts";
import { Connection } from "./connection.ts";
import { LatencyRecorder } from "./latencies.ts";
import type { LoadErrors, LoadPlan, LoadResult } from "./plan.ts";
import { RecordDigest } from "./record-digest.ts";
import { getWorkload, type Lane, putWorkload, type Step, type Workload } from "./workload.ts";

const THROTTLE = "ProvisionedThroughputExceededException";

/** One request at a time, on a connection that may have more of them. */
interface Slot {
  readonly lane: Lane;
  readonly connection: ConnectionSlots;
  step: Step | undefined;
  sentMs: number;
}

interface ConnectionSlots {
  readonly connection: Connection;
  /** In the order in which they were sent, which is that of the answers. */
  readonly awaiting: Slot[];
}

/** Everything is ready to send: bodies are encoded and connections stand. */
export interface PreparedLoad {
  run(): Promise<LoadResult>;
}

export async function prepareLoad(plan: LoadPlan): Promise<PreparedLoad> {
  checkPlan(plan);
  const workload = plan.operation === "GetRecords" ? await readers(plan) : putWorkload(plan);
  const generator = new Generator(plan, workload);
  await generator.connect();
  return generator;
}

function checkPlan({ operation, durationMs, requests, passes, warmUpMs = 0 }: LoadPlan): void {
  const ends = [durationMs, requests, passes].filter((end) => end !== undefined);
  if (ends.length !== 1) throw new Error("a plan has one of durationMs, requests and passes");
  if (passes !== undefined && operation !== "GetRecords") throw new Error("only GetRecords has passes");
  if (passes !== undefined && warmUpMs > 0) throw new Error("passes are counted from the first on");
}

async function readers(plan: LoadPlan): Promise<Workload> {
  const given = plan.target?.shardIterators;
  if (given !== undefined) return getWorkload(plan, given);
  const client = benchClient(plan.endpoint);
  try {
    return getWorkload(plan, await trimHorizons(client, plan.streamName));
  } finally {
    await client.close();
  }
}

class Generator implements PreparedLoad {
  readonly #plan: LoadPlan;
  readonly #workload: Workload;
  readonly #connections: ConnectionSlots[] = [];
  readonly #latencies = new LatencyRecorder();
  readonly #digest = new RecordDigest();
  readonly #errors = new Map<string, { count: number; sample: string }>();
  readonly #idle: Slot[] = [];
  #phase: "warm-up" | "counting" | "ending" = "warm-up";
  #hasDigest = true;
  #sent = 0;
  #inFlight = 0;
  #requests = 0;
  #records = 0;
  #bytes = 0;
  #throttles = 0;
  #startedMs = 0;
  #endedMs = 0;
  #cpu = process.cpuUsage();
  #receivedAtStart = 0;
  #cpuMs = 0;
  #receivedBytes = 0;
  #finish: () => void = () => undefined;

  constructor(plan: LoadPlan, workload: Workload) {
    this.#plan = plan;
    this.#workload = workload;
  }

  async connect(): Promise<void> {
    const { endpoint, connections } = this.#plan;
    for (let index = 0; index < connections; index += 1) {
      const awaiting: Slot[] = [];
      const connection = await Connection.open({
        endpoint,
        keepBodies: this.#workload.readsBodies,
        onAnswer: (head, body) => {
          const slot = awaiting.shift()!;
          this.#take(slot, slot.lane.outcome(slot.step!, head, body));
        },
        onBroken: (text) => {
          for (const slot of awaiting.splice(0)) {
            this.#take(slot, { kind: "error", code: "ConnectionBroken", text }, { isLast: true });
          }
        },
      });
      this.#connections.push({ connection, awaiting });
    }
  }

  async run(): Promise<LoadResult> {
    const { durationMs, warmUpMs = 0, requestsPerSecond, inFlightPerConnection = 1 } = this.#plan;
    const finished = new Promise<void>((resolve) => {
      this.#finish = resolve;
    });
    const slots = this.#connections.flatMap((connection) =>
      Array.from({ length: inFlightPerConnection }, (): Slot => ({
        lane: this.#workload.lane(),
        connection,
        step: undefined,
        sentMs: 0,
      })),
    );
    if (warmUpMs === 0) this.#startCounting();
    else setTimeout(() => this.#startCounting(), warmUpMs);
    if (durationMs !== undefined) setTimeout(() => this.#stopCounting(), warmUpMs + durationMs);
    const pacing = requestsPerSecond === undefined ? undefined : this.#pace(requestsPerSecond);
    for (const slot of slots) this.#send(slot);
    await finished;
    clearInterval(pacing);
    for (const { connection } of this.#connections) connection.close();
    return this.#result();
  }

  /** Lets waiting slots send when their time has come: as many as are due, however late the timer is. */
  #pace(requestsPerSecond: number): NodeJS.Timeout {
    const beganMs = performance.now();
    let due = 0;
    return setInterval(() => {
      const allowed = Math.floor(((performance.now() - beganMs) * requestsPerSecond) / 1_000);
      // What could not be sent because no slot was free is not made up for.
      due = Math.max(due, allowed - this.#idle.length);
      for (; due < allowed && this.#idle.length > 0; due += 1) this.#sendNow(this.#idle.shift()!);
      this.#endIfDone();
    }, 1);
  }

  #send(slot: Slot): void {
    if (this.#plan.requestsPerSecond === undefined) this.#sendNow(slot);
    else this.#idle.push(slot);
  }

  #sendNow(slot: Slot): void {
    const { requests } = this.#plan;
    const isCounted = this.#phase === "counting";
    const isEnough = isCounted && requests !== undefined && this.#sent >= requests;
    const step = this.#phase === "ending" || isEnough ? undefined : slot.lane.next();
    if (step === undefined) {
      this.#endIfDone();
      return;
    }
    if (isCounted) this.#sent += 1;
    this.#inFlight += 1;
    slot.step = step;
    slot.sentMs = performance.now();
    slot.connection.awaiting.push(slot);
    slot.connection.connection.send(step.bytes);
  }

  #take(slot: Slot, outcome: ReturnType<Lane["outcome"]>, { isLast = false } = {}): void {
    this.#inFlight -= 1;
    const nowMs = performance.now();
    if (outcome.kind === "error") this.#noteError(outcome.code, outcome.text);
    // What was sent before counting began took part of its time before.
    else if (
      this.#phase === "counting" &&
      (slot.sentMs >= this.#startedMs || this.#plan.countsSentBefore === true)
    ) {
      this.#requests += 1;
      this.#records += outcome.records;
      this.#bytes += outcome.bytes;
      this.#latencies.add(nowMs - slot.sentMs);
      this.#endedMs = nowMs;
      if (outcome.digest === undefined) this.#hasDigest = false;
      else this.#digest.addAll(outcome.digest);
    }
    if (isLast) this.#endIfDone();
    else this.#send(slot);
  }

  #noteError(code: string, text: string): void {
    if (code === THROTTLE && this.#plan.countThrottles === true) {
      this.#throttles += 1;
      return;
    }
    const known = this.#errors.get(code);
    if (known === undefined) this.#errors.set(code, { count: 1, sample: text });
    else known.count += 1;
  }

  #startCounting(): void {
    this.#phase = "counting";
    this.#startedMs = performance.now();
    this.#cpu = process.cpuUsage();
    this.#receivedAtStart = this.#received();
  }

  #stopCounting(): void {
    if (this.#phase !== "counting") return;
    this.#phase = "ending";
    if (this.#plan.durationMs !== undefined) this.#endedMs = performance.now();
    const { user, system } = process.cpuUsage(this.#cpu);
    this.#cpuMs = (user + system) / 1_000;
    this.#receivedBytes = this.#received() - this.#receivedAtStart;
    this.#endIfDone();
  }

  /** When nothing is on its way and nothing is to be sent. */
  #endIfDone(): void {
    if (this.#inFlight > 0) return;
    const { durationMs, requests } = this.#plan;
    const isPaced = this.#plan.requestsPerSecond !== undefined;
    if (this.#phase === "counting" && durationMs === undefined) {
      if (isPaced && this.#idle.length > 0 && (requests === undefined || this.#sent < requests)) return;
      this.#stopCounting();
    }
    // All connections broke: there is no use in waiting for the time to pass.
    const isBroken = this.#errors.has("ConnectionBroken") && this.#idle.length === 0;
    if (this.#phase === "ending" || isBroken) this.#finish();
  }

  #received(): number {
    return this.#connections.reduce((sum, { connection }) => sum + connection.receivedBytes, 0);
  }

  #result(): LoadResult {
    const errors: Record<string, LoadErrors> = Object.fromEntries(this.#errors);
    return {
      operation: this.#plan.operation,
      requests: this.#requests,
      records: this.#records,
      bytes: this.#bytes,
      receivedBytes: this.#receivedBytes,
      errors,
      throttles: this.#throttles,
      elapsedMs: this.#endedMs - this.#startedMs,
      latencyMs: this.#latencies.summary(),
      cpuMs: this.#cpuMs,
      ...(this.#hasDigest && this.#requests > 0 ? { digest: this.#digest.toString() } : {}),
    };
  }
}
