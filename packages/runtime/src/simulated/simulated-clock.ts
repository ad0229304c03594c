import type { Clock, Timer } from "../clock.ts";
import type { TimerCallback } from "../timer-callback.ts";
import { startWork } from "../timer-callback.ts";
import { TimerQueue } from "../timer-queue.ts";

/**
 * Virtual time: it stands still until somebody runs it, and then goes from event to event. Between two events
 * every promise that can settle does. Events of one instant come in the order in which they were scheduled, so
 * the same calls give the same history.
 */
export interface SimulatedClock extends Clock {
  /**
   * Runs everything that is due until the clock has come to `untilMs` (milliseconds since the epoch, not
   * counting {@link jump}s). Rejects with what a callback threw or rejected with.
   */
  run(untilMs: number): Promise<void>;

  /** Like {@link run}, for `durationMs` from now. */
  runFor(durationMs: number): Promise<void>;

  /**
   * Runs until nothing is scheduled any more.
   *
   * @throws {Error} when events are still coming after `limitMs` of virtual time (default: an hour).
   */
  runUntilIdle(limitMs?: number): Promise<void>;

  /**
   * Runs until `promise` has settled, and gives its result.
   *
   * @throws {Error} when nothing is left to happen that could settle it.
   */
  finish<Result>(promise: Promise<Result>): Promise<Result>;

  /** How many callbacks are waiting. */
  readonly pendingCount: number;

  /** Somebody sets the wall clock: `nowMs` moves by `jumpMs`, timers and monotonic time do not. */
  jump(jumpMs: number): void;

  /** Makes the present or the next run reject with `error`. */
  fail(error: unknown): void;

  /** This clock as one process sees it. When the process ends, none of its callbacks is called any more. */
  forProcess(crash: (reason: string, cause: unknown) => void): ProcessClock;
}

export interface ProcessClock extends Clock {
  end(): void;
}

/** `startMs`: what the clock shows at first. Default: the first millisecond of 2026. */
export function simulatedClock({
  startMs = Date.UTC(2026, 0, 1),
}: { startMs?: number } = {}): SimulatedClock {
  return new VirtualClock(startMs);
}

const IDLE_LIMIT_MS = 3_600_000;

class VirtualClock implements SimulatedClock {
  readonly #events = new TimerQueue();
  readonly #startMs: number;
  #elapsedMs = 0;
  #jumpedMs = 0;
  #running = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  get pendingCount(): number {
    return this.#events.size;
  }

  nowMs(): number {
    // A machine's clock counts whole milliseconds; its monotonic one is finer.
    return Math.floor(this.#startMs + this.#elapsedMs + this.#jumpedMs);
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  schedule(delayMs: number, callback: TimerCallback): Timer {
    const event = this.#events.add(this.#elapsedMs + Math.max(0, delayMs), callback);
    return { cancel: () => void this.#events.remove(event) };
  }

  soon(callback: () => void): void {
    this.schedule(0, callback);
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.schedule(delayMs, resolve));
  }

  jump(jumpMs: number): void {
    this.#jumpedMs += jumpMs;
  }

  fail(error: unknown): void {
    this.#failure ??= { error };
  }

  forProcess(crash: (reason: string, cause: unknown) => void): ProcessClock {
    return processClock(this, crash);
  }

  async run(untilMs: number): Promise<void> {
    const untilElapsedMs = untilMs - this.#startMs;
    await this.#drive((dueMs) => dueMs <= untilElapsedMs);
    this.#elapsedMs = Math.max(this.#elapsedMs, untilElapsedMs);
  }

  runFor(durationMs: number): Promise<void> {
    return this.run(this.#startMs + this.#elapsedMs + durationMs);
  }

  async runUntilIdle(limitMs = IDLE_LIMIT_MS): Promise<void> {
    const lastMs = this.#elapsedMs + limitMs;
    await this.#drive((dueMs) => {
      if (dueMs > lastMs) throw new Error(`the simulation was not idle after ${limitMs} ms`);
      return true;
    });
  }

  async finish<Result>(promise: Promise<Result>): Promise<Result> {
    let settled = false;
    const settle = (): void => {
      settled = true;
    };
    promise.then(settle, settle);
    await this.#drive(() => !settled);
    if (!settled)
      throw new Error("nothing is left to happen in the simulation that could settle the promise");
    return promise;
  }

  async #drive(goOn: (dueMs: number) => boolean): Promise<void> {
    if (this.#running) throw new Error("the simulation is running already");
    this.#running = true;
    try {
      await drainMicrotasks();
      this.#throwFailure();
      for (;;) {
        const event = this.#events.first();
        if (event === undefined || !goOn(event.dueMs)) return;
        this.#events.remove(event);
        this.#elapsedMs = Math.max(this.#elapsedMs, event.dueMs);
        try {
          startWork(event.callback)?.then(undefined, (error: unknown) => this.fail(error));
        } catch (error) {
          this.fail(error);
        }
        await drainMicrotasks();
        this.#throwFailure();
      }
    } finally {
      this.#running = false;
    }
  }

  #throwFailure(): void {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure.error;
  }
}

/** A turn of Node's real loop begins only when no promise is left that could go on. */
function drainMicrotasks(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

function processClock(world: SimulatedClock, crash: (reason: string, cause: unknown) => void): ProcessClock {
  const timers = new Set<Timer>();
  let ended = false;

  function report(reason: string, error: unknown): void {
    if (ended) return;
    try {
      crash(reason, error);
    } catch {
      // `crash` throws to stop its caller; here nobody is left above it.
    }
  }

  function schedule(delayMs: number, callback: TimerCallback): Timer {
    if (ended) return { cancel: () => undefined };
    const timer = world.schedule(delayMs, () => {
      timers.delete(timer);
      try {
        startWork(callback)?.then(undefined, (error: unknown) => report("a timer's work failed", error));
      } catch (error) {
        report("a timer's callback failed", error);
      }
    });
    timers.add(timer);
    return {
      cancel: () => {
        timers.delete(timer);
        timer.cancel();
      },
    };
  }

  return {
    nowMs: () => world.nowMs(),
    monotonicMs: () => world.monotonicMs(),
    schedule,
    soon: (callback) => void schedule(0, callback),
    sleep: (delayMs) => new Promise((resolve) => void schedule(delayMs, resolve)),
    end() {
      ended = true;
      for (const timer of timers) timer.cancel();
      timers.clear();
    },
  };
}
