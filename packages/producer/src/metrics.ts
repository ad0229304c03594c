import { Latencies, type LatencyQuantiles } from "./latencies.ts";

/** Figures of a producer: counts since it was made, and what it holds now. */
export interface ProducerMetrics {
  /** User records that were taken over. */
  readonly acceptedCount: number;
  readonly storedCount: number;
  /** User records that were given up. */
  readonly failedCount: number;
  /** User records that went back into the queue after a failed attempt, once for each time. */
  readonly retriedCount: number;
  /** Keys and data of the stored user records. */
  readonly storedBytes: number;
  /** Records that the service stored; with aggregation, fewer than `storedCount`. */
  readonly putRecordCount: number;
  readonly requestCount: number;
  /** Failed attempts of records of requests, by error code. */
  readonly errorCounts: Readonly<Record<string, number>>;

  /** User records that are queued or in flight, and their bytes. */
  readonly queuedRecordCount: number;
  readonly queuedBytes: number;
  /** Puts that wait for room. */
  readonly waitingPutCount: number;
  readonly requestsInFlight: number;
  /** Open shards, as they were seen last; 0 when they cannot be foretold. */
  readonly shardCount: number;

  /** From acceptance until stored, of user records. */
  readonly recordLatency: LatencyQuantiles;
  /** From sending to the answer, of requests. */
  readonly requestLatency: LatencyQuantiles;
}

/** Codes come from the far end: how many are told apart is bounded here. */
const CODES_MAX = 100;

/** What is counted on the way. */
export class Counters {
  acceptedCount = 0;
  storedCount = 0;
  failedCount = 0;
  retriedCount = 0;
  storedBytes = 0;
  putRecordCount = 0;
  requestCount = 0;
  readonly recordLatency = new Latencies();
  readonly requestLatency = new Latencies();
  readonly #errors = new Map<string, number>();

  failedAttempt(errorCode: string): void {
    const isKnown = this.#errors.has(errorCode) || this.#errors.size < CODES_MAX;
    const code = isKnown ? errorCode : "Other";
    this.#errors.set(code, (this.#errors.get(code) ?? 0) + 1);
  }

  get errorCounts(): Record<string, number> {
    return Object.fromEntries(this.#errors);
  }
}
