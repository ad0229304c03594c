import type { Clock, Random } from "@millrace/runtime";

/** What a shard takes in a second: Kinesis quotas page. */
const RECORDS_PER_SECOND = 1_000;
const BYTES_PER_SECOND = 1_048_576;
/** A second of ours is longer than one of the service's, so that what travels unevenly still meets its limit. */
const SECOND_MS = 1_020;
/** How many records find out whether the limit holds at all: `serve --limits off` has none. */
const PROBE_RECORD_COUNT = 20;
/** A probe that arrives in the service's next second would prove nothing. */
const PROBE_MS_MAX = 700;
const RETRY_DELAY_MS = 100;
const RETRY_DELAY_MS_MAX = 5_000;

/**
 * How fast one shard is written to. A second's allowance goes out at once. Past it a few records find out
 * whether more is taken: if so the shard is written to as fast as it answers; if not, a second's allowance goes
 * out each second. A refusal makes the shard wait, with full jitter, longer with each in a row.
 */
export class ShardPace {
  readonly #clock: Clock;
  readonly #random: Random;
  /** How many shards this stands for: one, unless it is not known which shard a key belongs to. */
  shardCount = 1;
  #limit: "unknown" | "probed" | "holds" | "does not hold" = "unknown";
  #secondBeganMs = -Infinity;
  #answeredInSecond = false;
  #recordCount = 0;
  #sizeBytes = 0;
  #refusalCount = 0;
  #pausedUntilMs = -Infinity;
  #requestCount = 0;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Milliseconds until something may be sent; 0 is now, and Infinity when an answer has to come first. */
  delayMs(): number {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#pausedUntilMs) return this.#pausedUntilMs - nowMs;
    this.#beginSecond(nowMs);
    if (this.#limit === "does not hold" || this.#hasAllowance()) return 0;
    if (this.#limit === "probed") return Infinity;
    const inSecondMs = nowMs - this.#secondBeganMs;
    if (this.#limit === "unknown" && inSecondMs < PROBE_MS_MAX) {
      // A probe goes alone: the answer to what was within the allowance says nothing.
      return this.#requestCount > 0 ? Infinity : 0;
    }
    return SECOND_MS - inSecondMs;
  }

  /** How many records one request may carry now, when `delayMs` is 0. */
  recordCountMax(): number {
    if (this.#limit === "does not hold") return Infinity;
    const left = RECORDS_PER_SECOND * this.shardCount - this.#recordCount;
    return this.#hasAllowance() ? left : PROBE_RECORD_COUNT;
  }

  /** Bytes likewise. */
  sizeBytesMax(): number {
    if (this.#limit === "does not hold") return Infinity;
    // The last record may pass the allowance: one that is larger than all of it has to be sent too.
    return this.#hasAllowance() ? BYTES_PER_SECOND * this.shardCount - this.#sizeBytes : 1;
  }

  /** Records of this shard are on their way. */
  sent(recordCount: number, sizeBytes: number): void {
    this.#requestCount += 1;
    if (this.#limit === "unknown" && !this.#hasAllowance()) this.#limit = "probed";
    if (this.#limit === "does not hold") return;
    this.#recordCount += recordCount;
    this.#sizeBytes += sizeBytes;
  }

  /** What became of the records of one request. */
  answered(storedCount: number, throttledCount: number, failedCount: number): void {
    const nowMs = this.#clock.monotonicMs();
    this.#requestCount -= 1;
    if (throttledCount > 0) {
      // What went out without a limit is no debt.
      if (this.#limit === "does not hold") this.#recordCount = RECORDS_PER_SECOND * this.shardCount;
      this.#limit = "holds";
    } else if (this.#limit === "probed") this.#limit = storedCount > 0 ? "does not hold" : "unknown";
    if (storedCount > 0 && !this.#answeredInSecond) {
      // The service's second began when the first request arrived, at the latest now.
      this.#answeredInSecond = true;
      this.#secondBeganMs = nowMs;
    }
    if (storedCount > 0) this.#refusalCount = 0;
    if (throttledCount + failedCount === 0) return;
    if (nowMs < this.#pausedUntilMs) return;
    const ceilingMs = Math.min(RETRY_DELAY_MS_MAX, RETRY_DELAY_MS * 2 ** this.#refusalCount);
    this.#refusalCount += 1;
    this.#pausedUntilMs = nowMs + this.#random.fraction() * ceilingMs;
  }

  #hasAllowance(): boolean {
    return (
      this.#recordCount < RECORDS_PER_SECOND * this.shardCount &&
      this.#sizeBytes < BYTES_PER_SECOND * this.shardCount
    );
  }

  #beginSecond(nowMs: number): void {
    if (nowMs - this.#secondBeganMs < SECOND_MS) return;
    // What was sent beyond a second's allowance is a debt of the seconds after it.
    const seconds = Math.floor((nowMs - this.#secondBeganMs) / SECOND_MS);
    this.#recordCount = Math.max(0, this.#recordCount - seconds * RECORDS_PER_SECOND * this.shardCount);
    this.#sizeBytes = Math.max(0, this.#sizeBytes - seconds * BYTES_PER_SECOND * this.shardCount);
    this.#secondBeganMs = nowMs;
    this.#answeredInSecond = false;
  }
}
