import type { Clock } from "@millrace/runtime";

/** Leave for an append to begin. One of the two is called when that is over. */
export interface AppendSlot {
  /** The append has its outcome. */
  over(): void;
  /** There was nothing to append. */
  unused(): void;
}

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

  /** Resolves when an append may be gathered and begin; no promise when that is now. */
  take(): AppendSlot | Promise<AppendSlot> {
    if (this.#underWayCount < this.#count) return this.#begin();
    return new Promise((resolve) => {
      const begin = (): void => {
        patience.cancel();
        this.#waiting.delete(begin);
        resolve(this.#begin());
      };
      const patience = this.#clock.schedule(this.#averageMs ?? 0, begin);
      this.#waiting.add(begin);
    });
  }

  #begin(): AppendSlot {
    this.#underWayCount += 1;
    const sinceMs = this.#clock.monotonicMs();
    return {
      over: () => {
        const tookMs = this.#clock.monotonicMs() - sinceMs;
        const averageMs = this.#averageMs ?? tookMs;
        this.#averageMs = averageMs + (tookMs - averageMs) * NEWEST_SHARE;
        this.#end();
      },
      unused: () => this.#end(),
    };
  }

  #end(): void {
    this.#underWayCount -= 1;
    const [next] = this.#waiting;
    if (next !== undefined && this.#underWayCount < this.#count) next();
  }
}
