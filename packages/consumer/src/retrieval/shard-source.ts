import type { Clock, Logger, Random } from "@millrace/runtime";
import type { ExtendedSequenceNumber } from "../leases/extended-sequence-number.ts";
import type { StreamIdentity } from "../leases/lease-key.ts";
import type { ReadingClient } from "../reading-client.ts";
import type { ChildShards } from "../shards/shard-sync.ts";
import type { StoredRecord } from "./user-records.ts";

/** What one answer or event brought. */
export interface Fetched {
  readonly records: readonly StoredRecord[];
  readonly millisBehindLatest: number;
  /** At the end of the shard: what comes after it. */
  readonly childShards: ChildShards | undefined;
}

/** Reads one shard in order. What can go away by itself is tried again inside, for as long as it takes. */
export interface ShardSource {
  /** The next records, or none for now; undefined when the signal was aborted. Not asked again after the end. */
  next(): Promise<Fetched | undefined>;
  /** Lets go of what is open. */
  close(): Promise<void>;
}

export interface ShardToRead {
  readonly stream: StreamIdentity;
  readonly shardId: string;
  /** A checkpoint. Its own record is read again, because user records behind it may be in it. */
  readonly from: ExtendedSequenceNumber;
  /** What AT_TIMESTAMP means. */
  readonly timestampMs: number | undefined;
  /** Ends waits and calls. */
  readonly signal: AbortSignal;
}

export interface RetrievalSetting {
  readonly client: ReadingClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly applicationName: string;
  /** Aborted when the worker stops. */
  readonly stopping: AbortSignal;
}

/** How records are fetched: {@link polling} or {@link fanOut}. */
export interface Retrieval {
  /** Makes ready for the shards of a stream, once. */
  prepare(setting: RetrievalSetting, stream: StreamIdentity): Promise<void>;
  /** Begins to read a shard. */
  open(setting: RetrievalSetting, shard: ShardToRead): ShardSource;
}
