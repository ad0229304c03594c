import type { CallRate, LimitOptions } from "../limits.ts";
import { callRatesInForce } from "../limits.ts";
import { TokenBucket } from "./token-bucket.ts";

/** More callers than this at once make idle buckets go. */
const BUCKETS_MAX = 10_000;

/**
 * Whom a call is counted for: the caller's account and region, and, among all accounts and regions, the stream that the
 * request is about.
 */
export interface CallScopes {
  readonly account: string;
  readonly stream?: string;
}

/** The call rates of control-plane operations. Buckets count in service time. */
export class CallThrottle {
  readonly #rates: Readonly<Record<string, CallRate>>;
  readonly #buckets = new Map<string, { readonly bucket: TokenBucket; usedMs: number }>();

  constructor(options: LimitOptions) {
    this.#rates = callRatesInForce(options);
  }

  /** The rate for calls of an operation; the data plane has none. */
  rateOf(operation: string): CallRate | undefined {
    return this.#rates[operation];
  }

  /** Admits a call of an operation, or tells which rate it exceeds. */
  admit(operation: string, scopes: CallScopes, nowMs: number): CallRate | undefined {
    const rate = this.#rates[operation];
    const scope = rate && scopes[rate.scope];
    if (rate === undefined || scope === undefined) return undefined;
    const key = `${operation} ${scope}`;
    let used = this.#buckets.get(key);
    if (used === undefined) {
      this.#makeRoom(nowMs);
      used = { bucket: new TokenBucket(rate.perSecond), usedMs: nowMs };
      this.#buckets.set(key, used);
    }
    used.usedMs = nowMs;
    return used.bucket.tryTake(1, nowMs) ? undefined : rate;
  }

  #makeRoom(nowMs: number): void {
    if (this.#buckets.size < BUCKETS_MAX) return;
    // A bucket that was not used for a second is full, like a new one.
    for (const [key, { usedMs }] of this.#buckets) if (nowMs - usedMs >= 1_000) this.#buckets.delete(key);
  }
}
