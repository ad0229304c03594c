/** How long a soak lasts and what it does, and what is noted of it. */
export interface SoakPlan {
  readonly durationMs: number;
  readonly sampleMs: number;
  /** How long the rate is measured that the load is a share of. */
  readonly measureMs: number;
  /** Of that rate. */
  readonly load: number;
  readonly connections: number;
  readonly shards: number;
  readonly recordBytes: number;
  readonly recordsPerRequest: number;
  /** How long a reader of a shard that is at its tip waits before it reads on. */
  readonly pollMs: number;
  /** `--threads` of the server. */
  readonly threads: number;
  /** `--memory` of the server. */
  readonly memoryBytes: number;
  /** What is on disk before retention makes room: service time is moved when half of it was written. */
  readonly keptBytes: number;
}

/** The soak that is reported, but for its length and its load. */
export const SOAK: Omit<SoakPlan, "durationMs" | "load"> = Object.freeze({
  sampleMs: 5_000,
  measureMs: 10_000,
  connections: 16,
  shards: 16,
  recordBytes: 1_024,
  recordsPerRequest: 100,
  pollMs: 250,
  threads: 1,
  memoryBytes: 256 * 1_048_576,
  keptBytes: 8_000_000_000,
});

/** What a time came to. Latencies are of PutRecords, from when each was due. */
export interface Sample {
  /** Since the load began, at its end. */
  readonly atMs: number;
  readonly recordsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Answers 503. */
  readonly refusedRequests: number;
  /** Requests that were due and not sent at the end of it. */
  readonly waitingRequests: number;
  /** Of GetRecords. */
  readonly readP99Ms: number;
  /** Acknowledged and not read by the readers. */
  readonly unreadRecords: number;
  /** The most that a reader at work, or the subscription, was behind. */
  readonly behindMs: number;
  readonly rssBytes: number;
  /** Of the memory bound. */
  readonly reservedBytes: number;
  readonly cacheBytes: number;
  /** How late timers of the server fired, at most over the last 10 s. */
  readonly eventLoopLagMs: number;
  /** Of all files of the server. */
  readonly diskBytes: number;
  /** Processor time of the server over time: 1 is one core. */
  readonly serverCores: number;
  /** How often service time had been moved. */
  readonly clockMoves: number;
}
