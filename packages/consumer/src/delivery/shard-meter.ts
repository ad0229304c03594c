import type { Clock } from "@millrace/runtime";

/** How one shard is doing. */
export interface ShardMetrics {
  readonly streamName: string;
  readonly shardId: string;
  /** How far the last records that were fetched are behind the shard's tip; undefined before the first. */
  readonly millisBehindLatest: number | undefined;
  /** Since this worker began to read the shard. */
  readonly recordCount: number;
  readonly sizeBytes: number;
  /** Over the last ten seconds. */
  readonly recordsPerSecond: number;
  /** Fetched and not yet handled. */
  readonly recordsInFlight: number;
}

const WINDOW_SECONDS = 10;

/** Counts what is fetched from a shard. */
export class ShardMeter {
  readonly #clock: Clock;
  readonly #begunMs: number;
  readonly #records = new Float64Array(WINDOW_SECONDS + 1);
  readonly #bytes = new Float64Array(WINDOW_SECONDS + 1);
  #second: number;
  #millisBehindLatest: number | undefined;
  #recordCount = 0;
  #sizeBytes = 0;
  inFlight = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#begunMs = clock.monotonicMs();
    this.#second = Math.floor(this.#begunMs / 1_000);
  }

  fetched(recordCount: number, sizeBytes: number, millisBehindLatest: number, inFlight: number): void {
    this.#turnTo(Math.floor(this.#clock.monotonicMs() / 1_000));
    const slot = this.#second % this.#records.length;
    this.#records[slot]! += recordCount;
    this.#bytes[slot]! += sizeBytes;
    this.#recordCount += recordCount;
    this.#sizeBytes += sizeBytes;
    this.#millisBehindLatest = millisBehindLatest;
    this.inFlight = inFlight;
  }

  /** So many of those that were fetched turned out to be no records of the shard. */
  dropped(recordCount: number): void {
    const slot = this.#second % this.#records.length;
    // Those of an earlier second stay in its rate.
    this.#records[slot] = Math.max(0, this.#records[slot]! - recordCount);
    this.#recordCount -= recordCount;
  }

  /** KiB per second over the window. */
  throughputKBps(): number {
    return this.#perSecond(this.#bytes) / 1_024;
  }

  metrics(streamName: string, shardId: string): ShardMetrics {
    return {
      streamName,
      shardId,
      millisBehindLatest: this.#millisBehindLatest,
      recordCount: this.#recordCount,
      sizeBytes: this.#sizeBytes,
      recordsPerSecond: this.#perSecond(this.#records),
      recordsInFlight: this.inFlight,
    };
  }

  /** The second that is going on counts as far as it has gone. */
  #perSecond(slots: Float64Array): number {
    const nowMs = this.#clock.monotonicMs();
    this.#turnTo(Math.floor(nowMs / 1_000));
    const seconds = Math.min(
      WINDOW_SECONDS + (nowMs / 1_000 - this.#second),
      (nowMs - this.#begunMs) / 1_000,
    );
    return slots.reduce((sum, count) => sum + count, 0) / Math.max(seconds, 1);
  }

  #turnTo(second: number): void {
    const from = Math.max(this.#second + 1, second - WINDOW_SECONDS);
    for (let passed = from; passed <= second; passed += 1) {
      this.#records[passed % this.#records.length] = 0;
      this.#bytes[passed % this.#bytes.length] = 0;
    }
    this.#second = Math.max(this.#second, second);
  }
}
