/**
 * Puts that go on whatever the server answers. Where the load generator takes an error for a finding and ends, this counts
 * throttles and refusals, connects again, and knows of each record whether it was acknowledged.
 */
import { performance } from "node:perf_hooks";
import type { AnswerHead } from "./answer-reader.ts";
import { Connection } from "./connection.ts";
import { LatencyRecorder } from "./latencies.ts";
import type { LoadErrors } from "./plan.ts";
import type { AnswerFigures, PressurePlan, PressureTotals, PressureWindow } from "./pressure-plan.ts";
import { RecordDigest } from "./record-digest.ts";
import { type PreparedRequest, preparePuts } from "./requests.ts";
import { failedRecordCountOf, failedRecordCountWith } from "./scan-answer.ts";
import { errorOf } from "./workload.ts";

const THROTTLE = "ProvisionedThroughputExceededException";
const REFUSAL = "ServiceUnavailableException";

/** One connection, and the request that it is busy with. */
interface Lane {
  connection: Connection | undefined;
  request: PreparedRequest | undefined;
  /** From when its latency counts. */
  sinceMs: number;
}

export class Pressure {
  readonly #plan: PressurePlan;
  readonly #requests: readonly PreparedRequest[];
  readonly #lanes: readonly Lane[];
  readonly #idle: Lane[] = [];
  #window = new Figures();
  #startedMs = 0;
  #begun = 0;
  #inFlight = 0;
  #isStopping = false;
  #pacing: NodeJS.Timeout | undefined;
  #allAnswered: () => void = () => undefined;

  #acknowledgedRecords = 0;
  #throttledRecords = 0;
  #refusedRequests = 0;
  #unknownRecords = 0;
  readonly #broken = { count: 0, sample: "" };
  readonly #errors = new Map<string, { count: number; sample: string }>();
  readonly #digest = new RecordDigest();
  #hasDigest = true;

  private constructor(plan: PressurePlan) {
    this.#plan = plan;
    this.#requests = preparePuts(plan);
    this.#lanes = Array.from({ length: plan.connections }, () => ({
      connection: undefined,
      request: undefined,
      sinceMs: 0,
    }));
  }

  /** Resolves when requests are encoded and connections stand. */
  static async open(plan: PressurePlan): Promise<Pressure> {
    const pressure = new Pressure(plan);
    for (const lane of pressure.#lanes) await pressure.#connect(lane);
    return pressure;
  }

  start(): void {
    this.#startedMs = performance.now();
    this.#window = new Figures();
    this.#idle.push(...this.#lanes);
    if (this.#plan.requestsPerSecond !== undefined) this.#pacing = setInterval(() => this.#send(), 1);
    this.#send();
  }

  /** What came since the last call, or the start. */
  window(): PressureWindow {
    const { requestsPerSecond } = this.#plan;
    const waitingRequests = requestsPerSecond === undefined ? 0 : this.#dueCount() - this.#begun;
    const figures = this.#window.summary(waitingRequests);
    this.#window = new Figures();
    return figures;
  }

  /**
   * Sends nothing more, unless the plan has a number of requests: those are all sent. Resolves when everything that
   * was sent has been answered.
   */
  async stop(): Promise<PressureTotals> {
    const answered = new Promise<void>((resolve) => (this.#allAnswered = resolve));
    this.#isStopping = true;
    this.#endIfDone();
    await answered;
    clearInterval(this.#pacing);
    for (const { connection } of this.#lanes) connection?.close();
    return {
      acknowledgedRecords: this.#acknowledgedRecords,
      throttledRecords: this.#throttledRecords,
      refusedRequests: this.#refusedRequests,
      unknownRecords: this.#unknownRecords,
      brokenConnections: this.#broken,
      errors: Object.fromEntries(this.#errors) satisfies Record<string, LoadErrors>,
      ...(this.#hasDigest ? { digest: this.#digest.toString() } : {}),
    };
  }

  async #connect(lane: Lane): Promise<void> {
    lane.connection = undefined;
    lane.connection = await Connection.open({
      endpoint: this.#plan.endpoint,
      keepBodies: this.#plan.operation === "PutRecords",
      onAnswer: (head, body, endedMs) => {
        const request = lane.request!;
        lane.request = undefined;
        this.#inFlight -= 1;
        this.#take(request, head, body, endedMs - lane.sinceMs);
        this.#free(lane);
      },
      onBroken: (reason) => {
        // One that was never made is told by the promise.
        if (lane.connection !== undefined) this.#breakOff(lane, reason);
      },
    });
  }

  #breakOff(lane: Lane, reason: string): void {
    this.#broken.count += 1;
    this.#broken.sample = reason;
    if (lane.request !== undefined) {
      this.#inFlight -= 1;
      this.#unknownRecords += lane.request.recordCount;
      lane.request = undefined;
    }
    this.#connect(lane).then(
      () => this.#free(lane),
      (error: unknown) => {
        this.#note("ConnectionFailed", String(error));
        this.#endIfDone();
      },
    );
  }

  #free(lane: Lane): void {
    this.#idle.push(lane);
    this.#send();
    this.#endIfDone();
  }

  #send(): void {
    const { requestsPerSecond } = this.#plan;
    const allowed = this.#allowedCount();
    while (this.#begun < allowed && this.#idle.length > 0) {
      const lane = this.#idle.shift()!;
      const request = this.#requests[this.#begun % this.#requests.length]!;
      lane.request = request;
      lane.sinceMs =
        requestsPerSecond === undefined
          ? performance.now()
          : this.#startedMs + (this.#begun * 1_000) / requestsPerSecond;
      this.#begun += 1;
      this.#inFlight += 1;
      lane.connection!.send(request.bytes);
    }
  }

  /** How many requests may have been begun by now. */
  #allowedCount(): number {
    const { requests, requestsPerSecond } = this.#plan;
    if (requests === undefined && this.#isStopping) return 0;
    const due = requestsPerSecond === undefined ? Infinity : this.#dueCount();
    return Math.min(due, requests ?? Infinity);
  }

  #dueCount(): number {
    return Math.floor(((performance.now() - this.#startedMs) * (this.#plan.requestsPerSecond ?? 0)) / 1_000);
  }

  #take(request: PreparedRequest, head: AnswerHead, body: Buffer, latencyMs: number): void {
    if (head.status !== 200) {
      const { code, text } = errorOf(head, body);
      if (head.status === 503 && code === REFUSAL) {
        this.#refusedRequests += 1;
        this.#window.refused.add(latencyMs);
      } else if (code === THROTTLE) {
        this.#throttledRecords += request.recordCount;
        this.#window.throttled.add(latencyMs);
      } else this.#note(`${head.status} ${code}`, text);
      return;
    }
    const failed = this.#plan.operation === "PutRecords" ? failedRecordCountOf(body, this.#plan.protocol) : 0;
    const throttled = failed === 0 ? 0 : failedRecordCountWith(THROTTLE, body);
    if (failed > throttled)
      this.#note("FailedRecords", `${failed} of ${request.recordCount}: ${body.toString("utf8", 0, 300)}`);
    const acknowledged = request.recordCount - failed;
    this.#acknowledgedRecords += acknowledged;
    this.#throttledRecords += throttled;
    this.#window.acknowledgedRecords += acknowledged;
    (failed === 0 ? this.#window.stored : this.#window.throttled).add(latencyMs);
    if (failed === 0) this.#digest.addAll(request.digest);
    else if (acknowledged > 0) this.#hasDigest = false;
  }

  #note(code: string, sample: string): void {
    const known = this.#errors.get(code);
    if (known === undefined) this.#errors.set(code, { count: 1, sample });
    else known.count += 1;
  }

  #endIfDone(): void {
    if (!this.#isStopping || this.#inFlight > 0) return;
    const { requests } = this.#plan;
    // Connections that could not be made again leave requests that nobody sends.
    const isLost = this.#errors.has("ConnectionFailed");
    if (requests === undefined || this.#begun >= requests || isLost) this.#allAnswered();
  }
}

class Figures {
  readonly stored = new LatencyRecorder();
  readonly throttled = new LatencyRecorder();
  readonly refused = new LatencyRecorder();
  acknowledgedRecords = 0;
  readonly #beganMs = performance.now();
  readonly #cpu = process.cpuUsage();

  summary(waitingRequests: number): PressureWindow {
    const { user, system } = process.cpuUsage(this.#cpu);
    return {
      elapsedMs: performance.now() - this.#beganMs,
      acknowledgedRecords: this.acknowledgedRecords,
      stored: figuresOf(this.stored),
      throttled: figuresOf(this.throttled),
      refused: figuresOf(this.refused),
      waitingRequests,
      cpuMs: (user + system) / 1_000,
    };
  }
}

function figuresOf(latencies: LatencyRecorder): AnswerFigures {
  return { requests: latencies.count, latencyMs: latencies.summary() };
}
