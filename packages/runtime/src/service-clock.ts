import { AsyncLocalStorage } from "node:async_hooks";
import type { Clock, ServiceClock, Timer } from "./clock.ts";
import type { TimerCallback } from "./timer-callback.ts";
import { startWork } from "./timer-callback.ts";
import { TimerQueue } from "./timer-queue.ts";

/** A {@link ServiceClock} as the server holds it: it can be set up from what a data directory remembers. */
export interface MovableServiceClock extends ServiceClock {
  /**
   * Sets the offset that an earlier run had reached.
   *
   * @throws {RangeError} when it is behind the present offset: service time only goes forward.
   */
  restore(offsetMs: number): void;

  /**
   * Calls back when the machine's clock was set: it moved more than a second against its monotonic time.
   * `jumpMs` is negative when it was set back; service time then stands still until it has caught up.
   * Returns a function that ends the reports.
   */
  onJump(listener: (jumpMs: number) => void): () => void;
}

/**
 * Service time = machine time + offset, never going back. Timers count in service time, so whoever advances
 * the clock fires them.
 *
 * A callback that awaits `sleep` of this clock counts as done until it wakes; one that waits for service time
 * in another way holds `advance` up until machine time has passed.
 */
export function serviceClock(machine: Clock, offsetMs = 0): MovableServiceClock {
  return new MachineDrivenClock(machine, offsetMs);
}

/** A smaller change of wall time against monotonic time is drift or rounding, not somebody setting the clock. */
const JUMP_MS = 1_000;

/** The machine's timers run on monotonic time, so a wall clock that was set forward is noticed this late at most. */
const LONGEST_NAP_MS = 30_000;

/** How far continuations get between two timers that are fired by `advance`. */
const SETTLING_MICROTASKS = 10;

/** Work that `advance` has started and follows to its end. */
interface Call {
  settled: boolean;
  /** How many sleeps of this clock the work is waiting for. */
  sleeps: number;
}

class MachineDrivenClock implements MovableServiceClock {
  readonly #machine: Clock;
  readonly #timers = new TimerQueue();
  readonly #jumpListeners = new Set<(jumpMs: number) => void>();
  #offsetMs: number;
  /** The part of the offset that came from `advance` here; it moves the monotonic time too. */
  #advancedMs = 0;
  #newestMs = -Infinity;
  #machineSkewMs: number;

  /** The machine's timer for the earliest of ours, and the service time it was set for. */
  #wake: { readonly timer: Timer; readonly atMs: number } | undefined;

  #lastAdvance: Promise<void> = Promise.resolve();
  readonly #callOf = new AsyncLocalStorage<Call>();
  #callChanged: (() => void) | undefined;

  constructor(machine: Clock, offsetMs: number) {
    this.#machine = machine;
    this.#offsetMs = offsetMs;
    this.#machineSkewMs = machine.nowMs() - machine.monotonicMs();
  }

  nowMs(): number {
    const machineMs = this.#machine.nowMs();
    this.#noticeJump(machineMs);
    const serviceMs = machineMs + this.#offsetMs;
    if (serviceMs > this.#newestMs) this.#newestMs = serviceMs;
    return this.#newestMs;
  }

  monotonicMs(): number {
    return this.#machine.monotonicMs() + this.#advancedMs;
  }

  offsetMs(): number {
    return this.#offsetMs;
  }

  schedule(delayMs: number, callback: TimerCallback): Timer {
    const timer = this.#timers.add(this.nowMs() + Math.max(0, delayMs), callback);
    this.#arm();
    return {
      cancel: () => {
        if (this.#timers.remove(timer) && this.#timers.size === 0) this.#disarm();
      },
    };
  }

  soon(callback: () => void): void {
    this.#machine.soon(callback);
  }

  sleep(delayMs: number): Promise<void> {
    const call = this.#callOf.getStore();
    if (call !== undefined) {
      call.sleeps += 1;
      this.#callChanged?.();
    }
    return new Promise((resolve) => {
      this.schedule(delayMs, () => {
        if (call !== undefined) call.sleeps -= 1;
        resolve();
      });
    });
  }

  restore(offsetMs: number): void {
    if (!(offsetMs >= this.#offsetMs)) {
      throw new RangeError(
        `service time only goes forward: an offset of ${this.#offsetMs} ms cannot become ${offsetMs} ms`,
      );
    }
    this.#offsetMs = offsetMs;
    this.#disarm();
    this.#arm();
  }

  onJump(listener: (jumpMs: number) => void): () => void {
    this.#jumpListeners.add(listener);
    return () => this.#jumpListeners.delete(listener);
  }

  advance(durationMs: number): Promise<void> {
    if (!(durationMs >= 0 && durationMs < Infinity)) {
      return Promise.reject(new RangeError(`service time cannot be advanced by ${durationMs} ms`));
    }
    const advanced = this.#lastAdvance.then(() => this.#advance(durationMs));
    this.#lastAdvance = advanced.catch(() => undefined);
    return advanced;
  }

  async #advance(durationMs: number): Promise<void> {
    // Time that stands still, because the machine's clock was set back, moves on from where it stands.
    const startOffsetMs = Math.max(this.#offsetMs, this.nowMs() - this.#machine.nowMs());
    const endOffsetMs = startOffsetMs + durationMs;
    const calls = new Set<Call>();
    let failure: { readonly cause: unknown } | undefined;

    const start = (callback: TimerCallback): void => {
      const call: Call = { settled: false, sleeps: 0 };
      const settle = (): void => {
        call.settled = true;
        calls.delete(call);
        this.#callChanged?.();
      };
      const work = this.#callOf.run(call, () => attempt(callback));
      if (work === undefined) return;
      calls.add(call);
      work.then(settle, (cause: unknown) => {
        failure ??= { cause };
        settle();
      });
    };

    this.#moveTo(startOffsetMs);
    try {
      for (;;) {
        await this.#settled(calls);
        if (failure !== undefined) break;
        const timer = this.#timers.first();
        const machineMs = this.#machine.nowMs();
        if (timer === undefined || timer.dueMs > machineMs + endOffsetMs) break;
        this.#timers.remove(timer);
        this.#moveTo(timer.dueMs - machineMs);
        start(timer.callback);
      }
      this.#moveTo(endOffsetMs);
    } finally {
      // Following calls costs something for every promise, so it ends with the advance.
      this.#callOf.disable();
      this.#disarm();
      this.#arm();
    }
    if (failure !== undefined) {
      const { cause } = failure;
      // The machine's clock ends the process, as for any other timer.
      this.#machine.schedule(0, () => Promise.reject(cause));
      throw cause;
    }
  }

  #moveTo(offsetMs: number): void {
    if (offsetMs <= this.#offsetMs) return;
    this.#advancedMs += offsetMs - this.#offsetMs;
    this.#offsetMs = offsetMs;
  }

  /** Resolves when each of `calls` is done or asleep, and what they woke has had its turn. */
  async #settled(calls: ReadonlySet<Call>): Promise<void> {
    for (let turn = 0; turn < SETTLING_MICROTASKS; turn += 1) await Promise.resolve();
    for (;;) {
      let awake = false;
      for (const call of calls) if (!call.settled && call.sleeps === 0) awake = true;
      if (!awake) return;
      await new Promise<void>((resolve) => {
        this.#callChanged = resolve;
      });
      this.#callChanged = undefined;
    }
  }

  #arm(): void {
    const first = this.#timers.first();
    if (first === undefined || (this.#wake !== undefined && this.#wake.atMs <= first.dueMs)) return;
    this.#disarm();
    const nowMs = this.nowMs();
    // Counted from the machine's time, not from `nowMs`, which may stand still.
    const serviceMs = this.#machine.nowMs() + this.#offsetMs;
    const delayMs = first.dueMs <= nowMs ? 0 : Math.min(LONGEST_NAP_MS, first.dueMs - serviceMs);
    const timer = this.#machine.schedule(delayMs, () => this.#wakeUp());
    this.#wake = { timer, atMs: Math.min(first.dueMs, serviceMs + delayMs) };
  }

  #disarm(): void {
    this.#wake?.timer.cancel();
    this.#wake = undefined;
  }

  #wakeUp(): Promise<void> | undefined {
    this.#wake = undefined;
    const nowMs = this.nowMs();
    // What the callbacks schedule for at once belongs to the next turn, or they could hold this one forever.
    const lastOrder = this.#timers.nextOrder;
    const works: Promise<void>[] = [];
    for (;;) {
      const timer = this.#timers.first();
      if (timer === undefined || timer.dueMs > nowMs || timer.order >= lastOrder) break;
      this.#timers.remove(timer);
      const work = attempt(timer.callback);
      if (work !== undefined) works.push(work);
    }
    this.#arm();
    return works.length === 0 ? undefined : Promise.all(works).then(() => undefined);
  }

  #noticeJump(machineMs: number): void {
    const skewMs = machineMs - this.#machine.monotonicMs();
    const jumpMs = skewMs - this.#machineSkewMs;
    this.#machineSkewMs = skewMs;
    if (Math.abs(jumpMs) <= JUMP_MS) return;
    for (const listener of this.#jumpListeners) listener(jumpMs);
    // The pending wake-up was reckoned from the old time.
    this.#disarm();
    this.#arm();
  }
}

/** Starts a callback; what it throws becomes a rejection. */
function attempt(callback: TimerCallback): Promise<void> | undefined {
  try {
    return startWork(callback);
  } catch (error) {
    return Promise.reject(error);
  }
}
