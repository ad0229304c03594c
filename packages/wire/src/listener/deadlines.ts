import { Roster } from "@millrace/runtime";
import type { Clock, Enrolled, Timer } from "@millrace/runtime";

export interface Deadline {
  /** Starts the time anew. */
  restart(afterMs: number): void;
  clear(): void;
}

/**
 * Many deadlines, few timers: every request has several, nearly all are cleared within a millisecond. They are kept in a roster
 * that one timer sweeps while it is not empty, and count sweeps instead of asking the clock for the time at every start. So a
 * deadline is met up to twice `sweepMs` late, and never early.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #sweepMs: number;
  readonly #pending = new Roster<PendingDeadline>();
  #sweepCount = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, sweepMs: number) {
    this.#clock = clock;
    this.#sweepMs = sweepMs;
  }

  start(afterMs: number, expired: () => void): Deadline {
    const deadline = new PendingDeadline(this, this.sweepAfter(afterMs), expired);
    this.#pending.add(deadline);
    this.#timer ??= this.#clock.schedule(this.#sweepMs, () => this.#sweep());
    return deadline;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#pending.clear();
  }

  /** Which sweep is the first that cannot come too early: one more than the time takes, as the next may come at once. */
  sweepAfter(afterMs: number): number {
    return this.#sweepCount + 1 + Math.ceil(afterMs / this.#sweepMs);
  }

  forget(deadline: Deadline): void {
    this.#pending.delete(deadline as PendingDeadline);
  }

  #sweep(): void {
    this.#sweepCount += 1;
    const isDue = ({ dueSweep }: PendingDeadline) => dueSweep <= this.#sweepCount;
    for (const deadline of this.#pending.filter(isDue)) {
      // One that expired before it may have cleared or restarted it.
      if (isDue(deadline) && this.#pending.delete(deadline)) deadline.expired();
    }
    this.#timer =
      this.#pending.size === 0 ? undefined : this.#clock.schedule(this.#sweepMs, () => this.#sweep());
  }
}

class PendingDeadline implements Deadline, Enrolled {
  place = -1;
  readonly expired: () => void;
  readonly #deadlines: Deadlines;
  dueSweep: number;

  constructor(deadlines: Deadlines, dueSweep: number, expired: () => void) {
    this.#deadlines = deadlines;
    this.dueSweep = dueSweep;
    this.expired = expired;
  }

  restart(afterMs: number): void {
    this.dueSweep = this.#deadlines.sweepAfter(afterMs);
  }

  clear(): void {
    this.#deadlines.forget(this);
  }
}
