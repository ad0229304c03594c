/** What is called when a timer fires. */
export type TimerCallback = () => void | Promise<void>;

/**
 * Calls back and gives the promise of the work that goes on; undefined when none does. Functions that return
 * other things pass for `() => void`, so whatever is no promise counts as nothing.
 */
export function startWork(callback: TimerCallback): Promise<void> | undefined {
  const result: unknown = callback();
  return result instanceof Promise ? (result as Promise<void>) : undefined;
}
