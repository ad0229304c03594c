/** What the load generator is told, and what it tells. Both are one line of JSON. */

export interface LoadPlan {
  /** `http://HOST:PORT`. */
  readonly endpoint: string;
  readonly operation: "PutRecord" | "PutRecords" | "GetRecords";
  readonly protocol: "json" | "cbor";
  readonly streamName: string;
  readonly connections: number;
  /** More than one are pipelined, as HTTP/1.1 has it. Default: 1. */
  readonly inFlightPerConnection?: number;
  /** Data of each record. For GetRecords: of the shortest one. */
  readonly recordBytes: number;
  /** PutRecords: records in each request. GetRecords: its `Limit`, none by default. PutRecord: always 1. */
  readonly recordsPerRequest?: number;
  /** How many different keys puts have, and where their data comes from: the same seed gives the same records. */
  readonly partitionKeys?: { readonly count: number; readonly seed: number };

  // When it ends: one of the three.
  /** Counts what is answered within this time. */
  readonly durationMs?: number;
  /** Ends after this many requests were answered. */
  readonly requests?: number;
  /** GetRecords: reads every shard from its start to its tip this many times. */
  readonly passes?: number;

  /** Load before anything is counted. Default: none. */
  readonly warmUpMs?: number;
  /**
   * Counts what was sent during the warm-up and is answered after it, too: with many requests in flight leaving it out would
   * take the time of one request off the rate. Default: false, because its latency is in part that of the warm-up.
   */
  readonly countsSentBefore?: boolean;
  /** All connections together send no more than this. Default: as fast as answers come. */
  readonly requestsPerSecond?: number;
  readonly target?: {
    /** GetRecords: where each shard starts. Default: TRIM_HORIZON of every shard that ListShards names. */
    readonly shardIterators?: readonly string[];
  };
  /**
   * `answers` (default): every answer is checked for success and its records are counted. `records`: GetRecords
   * decodes every answer and digests its records, which costs the generator more than it costs a server to send.
   */
  readonly check?: "answers" | "records";
  /** Throttled requests are counted apart, and are no errors. */
  readonly countThrottles?: boolean;
  /** Prepares everything, prints `ready` on standard error, and begins when it reads the line `go`. */
  readonly waitForGo?: boolean;
}

export interface LoadResult {
  readonly operation: LoadPlan["operation"];
  /** Answered with success. */
  readonly requests: number;
  readonly records: number;
  /** Data and keys of those records. GetRecords: as many times `recordBytes`, unless records are checked. */
  readonly bytes: number;
  /** Everything that came from the server, headers included. */
  readonly receivedBytes: number;
  /** Errors by code, in every phase: warm-up and end included. */
  readonly errors: Readonly<Record<string, LoadErrors>>;
  readonly throttles: number;
  readonly elapsedMs: number;
  /** From the first byte sent to the last byte received. */
  readonly latencyMs: Latencies;
  /** The generator's own processor time while it counted, user and kernel. */
  readonly cpuMs: number;
  /** Of the records that puts had acknowledged, or gets read with `check: "records"`; their order does not matter. */
  readonly digest?: string;
}

export interface LoadErrors {
  readonly count: number;
  /** What one of them said. */
  readonly sample: string;
}

export interface Latencies {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}
