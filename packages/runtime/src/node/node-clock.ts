import type { Clock, Timer } from "../clock.ts";
import type { TimerCallback } from "../timer-callback.ts";
import { startWork } from "../timer-callback.ts";

/** The longest delay that Node's timers can hold; they take a longer one for 1 ms. */
const LONGEST_TIMEOUT_MS = 0x7fff_ffff;

/** The machine's time. `crash` gets what callbacks throw or reject with. */
export function nodeClock(crash: (reason: string, cause: unknown) => void): Clock {
  function run(callback: TimerCallback): void {
    try {
      startWork(callback)?.then(undefined, (error: unknown) => crash("a timer's work failed", error));
    } catch (error) {
      crash("a timer's callback failed", error);
    }
  }

  function schedule(delayMs: number, callback: TimerCallback): Timer {
    const dueMs = performance.now() + Math.max(0, delayMs);
    let handle: NodeJS.Timeout;
    const wait = (leftMs: number): void => {
      handle = setTimeout(wake, Math.min(Math.ceil(leftMs), LONGEST_TIMEOUT_MS));
    };
    const wake = (): void => {
      const leftMs = dueMs - performance.now();
      // Node counts from when its loop last looked at the time and may call early; and long waits come in parts.
      if (leftMs > 0) wait(leftMs);
      else run(callback);
    };
    wait(dueMs - performance.now());
    return { cancel: () => clearTimeout(handle) };
  }

  return {
    nowMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    schedule,
    soon: (callback) => void setImmediate(run, callback),
    sleep: (delayMs) => new Promise((resolve) => void schedule(delayMs, resolve)),
  };
}
