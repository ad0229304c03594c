import type { Clock, Random } from "@millrace/runtime";
import { sleepUnless } from "../waits.ts";

/** Waits between attempts that fail: longer each time, until one works. */
export class Backoff {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #signal: AbortSignal;
  #failureCount = 0;

  constructor(clock: Clock, random: Random, signal: AbortSignal) {
    this.#clock = clock;
    this.#random = random;
    this.#signal = signal;
  }

  get failureCount(): number {
    return this.#failureCount;
  }

  reset(): void {
    this.#failureCount = 0;
  }

  /** At least half of the delay: a shard that throttles is helped by nobody's coming back at once. */
  wait(): Promise<void> {
    const delayMs = Math.min(DELAY_MS_MAX, BASE_DELAY_MS * 2 ** this.#failureCount);
    this.#failureCount += 1;
    return sleepUnless(this.#clock, delayMs * (0.5 + this.#random.fraction() / 2), this.#signal);
  }
}

const BASE_DELAY_MS = 250;
const DELAY_MS_MAX = 10_000;
