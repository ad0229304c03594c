import type { Clock } from "@millrace/runtime";

/** Of what an append takes on the average, the newest one is this share. */
const NEWEST_SHARE = 0.1;

/**
 * Only some appends of a gateway are under way at once, in all groups together, so that those of the others grow meanwhile: the
 * servers work for each append, whatever it holds, and where they are busy all wait the less for it. Nobody waits for longer than an
 * append takes: where they are quick because the servers have little to do, nothing is gained by waiting.
 */
export class AppendSlots {
  readonly #clock: Clock;
  readonly #count: number;
  /** In the order in which they came. */
  readonly #waiting = new Set<() => void>();
  #underWayCount = 0;
  #averageMs: number | undefined;

  constructor(clock: Clock, count: number) {
    this.#clock = clock;
    this.#count = count;
  }

  /** Resolves when an append may be gathered and begin; undefined when that is now. {@link give} says that it is over. */
  take(): Promise<void> | undefined {
    if (this.#underWayCount < this.#count) {
      this.#underWayCount += 1;
      return undefined;
    }
    return new Promise((resolve) => {
      const begin = (): void => {
        patience.cancel();
        this.#waiting.delete(begin);
        this.#underWayCount += 1;
        resolve();
      };
      const patience = this.#clock.schedule(this.#averageMs ?? 0, begin);
      this.#waiting.add(begin);
    });
  }

  /** An append is over that took so long, or was not made after all. */
  give(tookMs: number | undefined): void {
    this.#underWayCount -= 1;
    if (tookMs !== undefined) {
      const averageMs = this.#averageMs ?? tookMs;
      this.#averageMs = averageMs + (tookMs - averageMs) * NEWEST_SHARE;
    }
    const [next] = this.#waiting;
    if (next !== undefined && this.#underWayCount < this.#count) next();
  }
}
