/**
 * Time as a value. Machine time (sockets, logs, latencies) is a {@link Clock}; service time (arrival,
 * retention, iterators, states, limits) is a {@link ServiceClock} that stands on one and can be moved.
 */

/** A pending callback. Cancelling one that has fired, or twice, does nothing. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since the Unix epoch. May jump when somebody sets the machine's clock. */
  nowMs(): number;

  /** Milliseconds from an arbitrary start. Never goes back; only differences mean anything. */
  monotonicMs(): number;

  /** Calls `callback` once, `delayMs` from now. A rejected promise from it is a bug and ends the process. */
  schedule(delayMs: number, callback: () => void | Promise<void>): Timer;

  /** Calls `callback` after everything that is already waiting for this turn: how a batch is gathered. */
  soon(callback: () => void): void;

  sleep(delayMs: number): Promise<void>;
}

/** A clock that can be moved forward. */
export interface ServiceClock extends Clock {
  /** How far service time is ahead of machine time, in milliseconds. */
  offsetMs(): number;

  /**
   * Moves service time forward by `durationMs`, firing what falls due in order of time. Resolves when
   * all of that work, including what its callbacks returned promises for, is done.
   */
  advance(durationMs: number): Promise<void>;
}
