import type { Clock } from "../clock.ts";
import type { Port } from "../port.ts";
import type { Random } from "../random.ts";

export interface SimulatedPortsOptions {
  /** Of the process that both threads belong to: when it ends, nothing arrives any more. */
  readonly clock: Clock;
  /** How long each message is under way. */
  readonly random: Random;
}

/** A thread that is not being run for a while, virtual milliseconds. */
const LONGEST_PAUSE_MS = 20;

/**
 * The two ends of a channel between threads that a seed schedules: a message arrives at once, after a moment, or after the
 * receiving thread was not run for a while, but never before one that was posted earlier.
 */
export function simulatedPorts({ clock, random }: SimulatedPortsOptions): [Port, Port] {
  const [one, other] = [new End(clock, random), new End(clock, random)];
  one.peer = other;
  other.peer = one;
  return [one, other];
}

class End implements Port {
  readonly #clock: Clock;
  readonly #random: Random;
  peer: End | undefined;
  #listener: ((message: unknown) => void) | undefined;
  #isClosed = false;
  #lastDueMs = 0;
  readonly #underWay: unknown[] = [];

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  post(message: unknown, handedOver: readonly ArrayBuffer[] = []): void {
    if (this.#isClosed) return;
    const copy: unknown = structuredClone(message, { transfer: [...handedOver] });
    const nowMs = this.#clock.monotonicMs();
    this.#lastDueMs = Math.max(this.#lastDueMs, nowMs + this.#delayMs());
    this.#underWay.push(copy);
    // Whichever timer it is, the oldest message is delivered: differences of times may be rounded.
    this.#clock.schedule(this.#lastDueMs - nowMs, () => this.peer?.arrived(this.#underWay.shift()));
  }

  #delayMs(): number {
    const kind = this.#random.below(20);
    if (kind === 0) return this.#random.fraction() * LONGEST_PAUSE_MS;
    return kind < 10 ? 0 : this.#random.fraction() * 0.2;
  }

  arrived(message: unknown): void {
    if (!this.#isClosed) this.#listener?.(message);
  }

  receive(listener: (message: unknown) => void): void {
    this.#listener = listener;
  }

  close(): void {
    this.#isClosed = true;
  }
}
