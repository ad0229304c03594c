import type { LimitName, Limits } from "../limits.ts";
import { TokenBucket } from "./token-bucket.ts";

/** The buckets of one shard. They count in service time and are not stored: a restart fills them. */
export class ShardThrottle {
  readonly #writeBytes: TokenBucket;
  readonly #writeRecords: TokenBucket;
  readonly #readBytes: TokenBucket;
  readonly #readCalls: TokenBucket;
  readonly #iteratorCalls: TokenBucket;

  constructor(limits: Limits) {
    this.#writeBytes = new TokenBucket(limits.shardWriteBytes);
    this.#writeRecords = new TokenBucket(limits.shardWriteRecords);
    this.#readBytes = new TokenBucket(limits.shardReadBytes);
    this.#readCalls = new TokenBucket(limits.shardReadCalls);
    this.#iteratorCalls = new TokenBucket(limits.shardIteratorCalls);
  }

  /** Admits one record of `sizeBytes` (data and key), or takes nothing and tells which limit it exceeds. */
  exceededByWrite(sizeBytes: number, nowMs: number): LimitName | undefined {
    if (!this.#writeRecords.has(1, nowMs)) return "shardWriteRecords";
    if (!this.#writeBytes.tryTake(sizeBytes, nowMs)) return "shardWriteBytes";
    this.#writeRecords.take(1, nowMs);
    return undefined;
  }

  /**
   * Admits so many records of together `sizeBytes` if all of them would be admitted one by one, or takes nothing: which
   * of them are admitted then, {@link exceededByWrite} tells.
   */
  admitWrites(count: number, sizeBytes: number, nowMs: number): boolean {
    const isEnough =
      this.#writeRecords.available(nowMs) >= count && this.#writeBytes.available(nowMs) >= sizeBytes;
    if (!isEnough) return false;
    this.#writeRecords.take(count, nowMs);
    this.#writeBytes.take(sizeBytes, nowMs);
    return true;
  }

  /** {@link exceededByWrite} for a GetRecords call; what it reads is charged afterwards with {@link chargeRead}. */
  exceededByRead(nowMs: number): LimitName | undefined {
    if (!this.#readBytes.has(1, nowMs)) return "shardReadBytes";
    return this.#readCalls.tryTake(1, nowMs) ? undefined : "shardReadCalls";
  }

  /** A reader that got 10 MiB has used up this and the next four seconds. */
  chargeRead(sizeBytes: number, nowMs: number): void {
    this.#readBytes.take(sizeBytes, nowMs);
  }

  admitIterator(nowMs: number): boolean {
    return this.#iteratorCalls.tryTake(1, nowMs);
  }
}
