/** What the latency probe is told, and what it tells. Both are one line of JSON. */
import type { Latencies } from "./plan.ts";

export interface LatencyPlan {
  /** `http://HOST:PORT`. */
  readonly endpoint: string;
  /** A stream of one shard, ready to be used. */
  readonly streamName: string;
  /** How records are received: by GetRecords again and again, or pushed to fan-out consumers. */
  readonly receive:
    | { readonly by: "poll"; readonly pauseMs: number }
    | { readonly by: "subscription"; readonly consumerArns: readonly string[] };
  /** Records put in all, each by a PutRecord of its own. */
  readonly records: number;
  readonly recordBytes: number;
  /** The pace at which they are put. */
  readonly recordsPerSecond: number;
  /** Records at the start whose latency does not count. */
  readonly warmUpRecords: number;
}

export interface LatencyResult {
  /** Received, by all consumers together. */
  readonly records: number;
  /** From the first byte of a put sent to the last byte of the record received, in one process's time. */
  readonly latencyMs: Latencies;
  /** From the first byte of a put sent to its answer. */
  readonly putLatencyMs: Latencies;
  readonly elapsedMs: number;
  /** The probe's own processor time, user and kernel. */
  readonly cpuMs: number;
  /** Of the records that the first consumer received; all received the same, or the probe fails. */
  readonly digest: string;
}
