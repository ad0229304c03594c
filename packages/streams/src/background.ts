import type { Logger, ServiceClock, Timer } from "@millrace/runtime";

/** How soon work that failed is tried again, in service milliseconds. */
const RETRY_MS = 1_000;

/**
 * Work that no request waits for: transitions of streams, retention. Each piece has a key, runs once at a time
 * on a timer of service time, and is tried again when it fails; `advance` of the clock waits for it.
 */
export class Background {
  readonly #clock: ServiceClock;
  readonly #log: Logger;
  readonly #timers = new Map<string, Timer>();
  readonly #running = new Set<Promise<void>>();
  #closed = false;

  constructor(clock: ServiceClock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Runs `work` at `dueMs`, or at once when that has passed. A later call with the same key replaces it. */
  schedule(key: string, dueMs: number, work: () => Promise<void>): void {
    if (this.#closed) return;
    this.#timers.get(key)?.cancel();
    const timer = this.#clock.schedule(Math.max(0, dueMs - this.#clock.nowMs()), () => {
      if (this.#timers.get(key) === timer) this.#timers.delete(key);
      return this.#run(key, work);
    });
    this.#timers.set(key, timer);
  }

  /** Resolves when nothing is running. What is scheduled for later does not count. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** Drops what is scheduled and waits for what is running. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    await this.idle();
  }

  #run(key: string, work: () => Promise<void>): Promise<void> {
    const run = work()
      .catch((error: unknown) => {
        this.#log.warn("background work failed and will be tried again", {
          work: key,
          reason: String(error),
        });
        this.schedule(key, this.#clock.nowMs() + RETRY_MS, work);
      })
      .finally(() => this.#running.delete(run));
    this.#running.add(run);
    return run;
  }
}
