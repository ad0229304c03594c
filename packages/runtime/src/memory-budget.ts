/** What may pass those who wait for more. */
const LITTLE_BYTES_MAX = 16 * 1024;
/** Of the budget, that may pass one who waits. */
const PASSING_SHARE = 1 / 8;

/**
 * One bound for everything that grows with load: the tail cache, request bodies, pools, subscriptions,
 * held requests. Holders that can shrink (caches) offer to; the others wait or refuse.
 */
export class MemoryBudget {
  readonly limitBytes: number;
  #usedBytes = 0;
  readonly #shrinkers = new Set<(wantedBytes: number) => number>();
  readonly #waiters: { bytes: number; admit: () => void }[] = [];
  /** Granted past the first waiter since it is the first. */
  #passedBytes = 0;
  /** True while somebody is being granted memory past others: what caches release for it is not anybody else's. */
  #admitting = false;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /**
   * Reserves `bytes` if they fit, asking caches to shrink first. A single reservation larger than the
   * whole budget is granted when nothing else is held, so that one huge request can still be served.
   * Nothing is granted past those who wait in {@link reserve}.
   */
  tryReserve(bytes: number): boolean {
    requireCount(bytes);
    return this.#waiters.length === 0 && !this.#admitting && this.#take(bytes);
  }

  /**
   * The same for a little, which is also granted past those who wait: a small request need not stand in line with large
   * ones. While one and the same waiter is first, at most an eighth of the budget passes it, so that it comes to its turn.
   */
  tryReserveLittle(bytes: number): boolean {
    if (this.tryReserve(bytes)) return true;
    const passedBytes = this.#passedBytes + bytes;
    if (bytes > LITTLE_BYTES_MAX || this.#admitting || passedBytes > this.limitBytes * PASSING_SHARE)
      return false;
    // What caches release for it is not for those who wait.
    this.#admitting = true;
    const isGranted = this.#take(bytes);
    this.#admitting = false;
    if (isGranted) this.#passedBytes = passedBytes;
    return isGranted;
  }

  /** Resolves once `bytes` are reserved; waiters are served in order. */
  reserve(bytes: number): Promise<void> {
    requireCount(bytes);
    return new Promise((admit) => {
      this.#waiters.push({ bytes, admit });
      this.#admitWaiters();
    });
  }

  release(bytes: number): void {
    if (!(bytes >= 0 && bytes <= this.#usedBytes)) {
      throw new Error(`${bytes} bytes were released, and ${this.#usedBytes} are reserved`);
    }
    this.#usedBytes -= bytes;
    this.#admitWaiters();
  }

  /**
   * Registers a holder that can give memory back: it calls {@link release} for what it gives up before it
   * returns, and returns how many bytes that was. The answer of this method ends the registration.
   */
  onPressure(shrink: (wantedBytes: number) => number): () => void {
    this.#shrinkers.add(shrink);
    this.#admitWaiters();
    return () => this.#shrinkers.delete(shrink);
  }

  #admitWaiters(): void {
    // A shrinking cache releases while a waiter is being admitted. That waiter must not be admitted twice.
    if (this.#admitting) return;
    this.#admitting = true;
    try {
      for (;;) {
        const next = this.#waiters[0];
        if (next === undefined || !this.#take(next.bytes)) return;
        this.#waiters.shift();
        this.#passedBytes = 0;
        next.admit();
      }
    } finally {
      this.#admitting = false;
    }
  }

  #take(bytes: number): boolean {
    let missing = this.#usedBytes + bytes - this.limitBytes;
    for (const shrink of this.#shrinkers) {
      if (missing <= 0) break;
      shrink(missing);
      missing = this.#usedBytes + bytes - this.limitBytes;
    }
    if (missing > 0 && this.#usedBytes > 0) return false;
    this.#usedBytes += bytes;
    return true;
  }
}

function requireCount(bytes: number): void {
  if (!(bytes >= 0)) throw new RangeError(`${bytes} bytes cannot be reserved`);
}
