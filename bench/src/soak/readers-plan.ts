import type { Latencies } from "../load/plan.ts";

export interface ReadersPlan {
  /** `http://HOST:PORT`. */
  readonly endpoint: string;
  readonly streamName: string;
  /** Each is read from its start by a connection of its own. */
  readonly shardIds: readonly string[];
  /** Data of each record. */
  readonly recordBytes: number;
  /** How long a reader at the tip of its shard waits. */
  readonly pollMs: number;
  /** Subscribes to the first shard, from its start. */
  readonly consumerArn: string;
}

export interface ReadersFigures {
  /** By GetRecords, since the start. */
  readonly records: number;
  /** The same of the first shard. */
  readonly firstShardRecords: number;
  /** By events of the subscription, since the start. */
  readonly eventRecords: number;
  /** Iterators that were made anew after they had expired, and subscriptions after they had ended. */
  readonly resumed: number;

  // Since the last time that it was asked.
  readonly latencyMs: Latencies;
  /** The most that an answer or an event said that it is behind the tip. */
  readonly behindMs: number;
}
