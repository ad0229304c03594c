import type { Clock, Timer } from "@millrace/runtime";

const EVERY_MS = 500;
const SAMPLES_MAX = 20;

/** Measures how late this thread's timers fire, which is how long others keep it busy. */
export class EventLoopLag {
  readonly #clock: Clock;
  readonly #samplesMs: number[] = [];
  #timer: Timer;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#timer = this.#next();
  }

  /** Over the last 10 seconds. */
  figures(): { readonly mean: number; readonly max: number } {
    const count = Math.max(1, this.#samplesMs.length);
    const sum = this.#samplesMs.reduce((total, lagMs) => total + lagMs, 0);
    return { mean: sum / count, max: Math.max(0, ...this.#samplesMs) };
  }

  stop(): void {
    this.#timer.cancel();
  }

  #next(): Timer {
    const dueMs = this.#clock.monotonicMs() + EVERY_MS;
    return this.#clock.schedule(EVERY_MS, () => {
      this.#samplesMs.push(Math.max(0, this.#clock.monotonicMs() - dueMs));
      if (this.#samplesMs.length > SAMPLES_MAX) this.#samplesMs.shift();
      this.#timer = this.#next();
    });
  }
}
