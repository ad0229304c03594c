import type { Clock, MemoryBudget } from "@millrace/runtime";

/** What one request holds of the memory budget. Grows in steps and is given back once. */
export class Reservation {
  readonly #memory: MemoryBudget;
  readonly #clock: Clock;
  #bytes = 0;
  #released = false;

  constructor(memory: MemoryBudget, clock: Clock) {
    this.#memory = memory;
    this.#clock = clock;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Holds `bytes` in all if they fit now. A little from the start may pass those who wait for more. */
  tryGrowTo(bytes: number): boolean {
    const more = bytes - this.#bytes;
    if (more <= 0) return true;
    if (this.#released) return false;
    const fits = this.#bytes === 0 ? this.#memory.tryReserveLittle(more) : this.#memory.tryReserve(more);
    if (!fits) return false;
    this.#bytes = bytes;
    return true;
  }

  /** Waits in line for the memory, at most `waitMs`; resolves to whether it was granted. */
  growTo(bytes: number, waitMs: number): Promise<boolean> {
    if (this.tryGrowTo(bytes)) return Promise.resolve(true);
    const more = bytes - this.#bytes;
    return new Promise((resolve) => {
      let waiting = true;
      const timer = this.#clock.schedule(waitMs, () => {
        waiting = false;
        resolve(false);
      });
      void this.#memory.reserve(more).then(() => {
        timer.cancel();
        // The budget knows no way to leave the line, so a grant that comes too late goes straight back.
        if (!waiting || this.#released) {
          this.#memory.release(more);
          resolve(false);
          return;
        }
        this.#bytes += more;
        resolve(true);
      });
    });
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    if (this.#bytes > 0) this.#memory.release(this.#bytes);
    this.#bytes = 0;
  }
}
