import { RecordQueue } from "./record-queue.ts";
import { TokenBucket } from "./token-bucket.ts";

/** What a shard takes: 1 MiB and 1,000 records in a second (Kinesis quotas). */
const SHARD_BYTES_PER_SECOND = 1_048_576;
const SHARD_RECORDS_PER_SECOND = 1_000;

/** The records that wait for one shard; or, without a shard, those of which nobody knows where they will go. */
export class Lane {
  readonly shardId: string | undefined;
  readonly queue = new RecordQueue();
  /** Requests with records of this lane that have no answer yet. */
  inFlightCount = 0;
  /** Attempts that failed since the last success. */
  failureCount = 0;
  /** Until when nothing is sent, after a failure. */
  pausedUntilMs = -Infinity;
  readonly #bytes: TokenBucket;
  readonly #records: TokenBucket;

  constructor(shardId: string | undefined, shardRateShare: number, nowMs: number) {
    this.shardId = shardId;
    const share = shardId === undefined ? Infinity : shardRateShare;
    this.#bytes = new TokenBucket(SHARD_BYTES_PER_SECOND * share, nowMs);
    this.#records = new TokenBucket(SHARD_RECORDS_PER_SECOND * share, nowMs);
  }

  /** Milliseconds until a record of this size may be sent: the shard's rate, and what is left of a pause. */
  waitMs(sizeBytes: number, nowMs: number): number {
    return Math.max(
      0,
      this.pausedUntilMs - nowMs,
      this.#bytes.waitMs(sizeBytes, nowMs),
      this.#records.waitMs(1, nowMs),
    );
  }

  charge(sizeBytes: number): void {
    this.#bytes.take(sizeBytes);
    this.#records.take(1);
  }
}
