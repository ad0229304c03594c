/**
 * A bucket of tokens that is filled up once a second, counted from its first use, as the service accounts for
 * rates: in each second of steady demand exactly `perSecond` tokens are given out.
 *
 * A demand above the bucket's size is met when the bucket is full, and leaves a debt that the following seconds
 * pay off; so even records larger than a second's allowance keep to the rate on average.
 */
export class TokenBucket {
  readonly #perSecond: number;
  #tokens: number;
  #secondBeganMs = -Infinity;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
  }

  /** True when `count` tokens could be taken now. */
  has(count: number, nowMs: number): boolean {
    this.#refill(nowMs);
    return this.#tokens >= Math.min(count, this.#perSecond);
  }

  /** Takes tokens whether they are there or not. */
  take(count: number, nowMs: number): void {
    this.#refill(nowMs);
    this.#tokens -= count;
  }

  /** Takes tokens if they are there. */
  tryTake(count: number, nowMs: number): boolean {
    if (!this.has(count, nowMs)) return false;
    this.#tokens -= count;
    return true;
  }

  /** How many tokens there are now; negative while a debt is being paid off. */
  available(nowMs: number): number {
    this.#refill(nowMs);
    return this.#tokens;
  }

  /** When there will be a token, if nobody takes any until then. */
  readyMs(nowMs: number): number {
    this.#refill(nowMs);
    if (this.#tokens >= 1) return nowMs;
    return this.#secondBeganMs + Math.ceil((1 - this.#tokens) / this.#perSecond) * 1_000;
  }

  #refill(nowMs: number): void {
    const seconds = Math.floor((nowMs - this.#secondBeganMs) / 1_000);
    if (seconds < 1) return;
    if (this.#tokens === this.#perSecond) {
      // Nobody took anything: the next second begins with this use.
      this.#secondBeganMs = nowMs;
      return;
    }
    this.#tokens = Math.min(this.#perSecond, this.#tokens + seconds * this.#perSecond);
    this.#secondBeganMs += seconds * 1_000;
  }
}
