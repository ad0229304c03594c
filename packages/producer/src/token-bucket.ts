/**
 * A rate with a burst of one second. What costs more than the bucket can hold goes when the bucket is full, and
 * leaves a debt.
 */
export class TokenBucket {
  readonly #perSecond: number;
  #tokens: number;
  #filledMs: number;

  /** `perSecond` may be Infinity: then there is no limit. */
  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
    this.#filledMs = nowMs;
  }

  /** Milliseconds until `cost` may be taken; 0 when it may be now. */
  waitMs(cost: number, nowMs: number): number {
    if (this.#perSecond === Infinity) return 0;
    const elapsedMs = nowMs - this.#filledMs;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + (elapsedMs * this.#perSecond) / 1_000);
    this.#filledMs = nowMs;
    const missing = Math.min(cost, this.#perSecond) - this.#tokens;
    // What is missing by rounding alone would be waited for with timers that never quite bring it.
    return missing <= 1e-6 ? 0 : (missing / this.#perSecond) * 1_000;
  }

  take(cost: number): void {
    if (this.#perSecond !== Infinity) this.#tokens -= cost;
  }
}
