/** Waiting that can be cut short. */
import type { Clock } from "@millrace/runtime";

/** Sleeps, but not longer than until `signal` is aborted. */
export function sleepUnless(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const wake = (): void => {
      timer.cancel();
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const timer = clock.schedule(delayMs, wake);
    signal.addEventListener("abort", wake, { once: true });
  });
}

/** What a call gives; rejects when it has given nothing after `timeoutMs`, and then nobody waits for it any more. */
export function within<T>(clock: Clock, timeoutMs: number, call: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.schedule(timeoutMs, () => reject(new Error(`no answer within ${timeoutMs} ms`)));
    call.then(resolve, reject).finally(() => timer.cancel());
  });
}

/** Resolves when `signal` is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/** A door that one waits at, until somebody who changed something rings. */
export class Bell {
  #waiting: (() => void)[] = [];

  ring(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  wait(): Promise<void> {
    return new Promise((resolve) => void this.#waiting.push(resolve));
  }
}
