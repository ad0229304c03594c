/** What a process that feeds a cluster without a gateway is told, and what it tells. Both are one line of JSON. */
import type { Latencies } from "../load/plan.ts";

export interface FeedPlan {
  /**
   * `raw`: messages to JetStream, and nothing else. `engine`: the same through the log engine of Millrace, which numbers
   * entries, sums them up, and follows what others write.
   */
  readonly kind: "raw" | "engine";
  readonly servers: readonly string[];
  readonly user: string;
  readonly password: string;
  /** Before names of streams and subjects. */
  readonly prefix: string;
  /** Which shards this process writes: any of them next, as partition keys have it. In turn, entries of a group would come together. */
  readonly shards: readonly FedShard[];
  readonly entryBytes: number;
  /** Entries that wait for their acknowledgements at the same time. */
  readonly inFlight: number;
  readonly warmUpMs: number;

  // When it ends: one of the two.
  readonly durationMs?: number;
  /** For seeing that it works, however long that takes: ends after so many. */
  readonly entries?: number;
}

export interface FedShard {
  readonly logId: number;
  /** Raw: the stream that it lies in. The engine knows by itself. */
  readonly group: number;
}

export interface FeedResult {
  /** Acknowledged after the warm-up, and before the end. */
  readonly entries: number;
  /** Acknowledged ever, the warm-up included. */
  readonly entriesEver: number;
  readonly elapsedMs: number;
  /** From handing an entry over until it is acknowledged. */
  readonly latencyMs: Latencies;
  /** This process's processor time after the warm-up, user and kernel. */
  readonly cpuMs: number;
}
