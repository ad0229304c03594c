import type { Clock, Timer } from "@millrace/runtime";

export interface Deadline {
  /** Starts the time anew. */
  restart(afterMs: number): void;
  clear(): void;
}

/**
 * Many deadlines, few timers: every request has several, nearly all are cleared within a millisecond. They
 * are kept in a set that one timer sweeps while it is not empty, so a deadline is met up to `sweepMs` late.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #sweepMs: number;
  readonly #pending = new Set<PendingDeadline>();
  #timer: Timer | undefined;

  constructor(clock: Clock, sweepMs: number) {
    this.#clock = clock;
    this.#sweepMs = sweepMs;
  }

  start(afterMs: number, expired: () => void): Deadline {
    const deadline = new PendingDeadline(this.#clock, this.#pending, afterMs, expired);
    this.#timer ??= this.#clock.schedule(this.#sweepMs, () => this.#sweep());
    return deadline;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#pending.clear();
  }

  #sweep(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const deadline of this.#pending) {
      if (deadline.dueMs <= nowMs) {
        this.#pending.delete(deadline);
        deadline.expired();
      }
    }
    this.#timer =
      this.#pending.size === 0 ? undefined : this.#clock.schedule(this.#sweepMs, () => this.#sweep());
  }
}

class PendingDeadline implements Deadline {
  readonly expired: () => void;
  readonly #clock: Clock;
  readonly #pending: Set<PendingDeadline>;
  dueMs: number;

  constructor(clock: Clock, pending: Set<PendingDeadline>, afterMs: number, expired: () => void) {
    this.#clock = clock;
    this.#pending = pending;
    this.expired = expired;
    this.dueMs = clock.monotonicMs() + afterMs;
    pending.add(this);
  }

  restart(afterMs: number): void {
    if (this.#pending.has(this)) this.dueMs = this.#clock.monotonicMs() + afterMs;
  }

  clear(): void {
    this.#pending.delete(this);
  }
}
