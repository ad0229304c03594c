import type { LogEngine } from "@millrace/log";
import type { Clock, Logger, MovableServiceClock } from "@millrace/runtime";

const STATE_KEY = "server/clock";
/** A data directory may be this far ahead of the machine's clock without anybody being asked. */
const FUTURE_TOLERANCE_MS = 5 * 60_000;

/** The newest record lies in the future: the machine's clock is wrong, or was when the record came. */
export class ClockBehindError extends Error {
  override readonly name = "ClockBehindError";
}

/** The move of the clock could not be made durable, so it was not made. */
export class ClockNotStoredError extends Error {
  override readonly name = "ClockNotStoredError";
}

/** Several servers share the records, and all of them go by one time. */
export class ClockFixedError extends Error {
  override readonly name = "ClockFixedError";

  constructor() {
    super(
      "The clock of a cluster cannot be moved: several servers share its records, and all of them go by one time.",
    );
  }
}

/** Service time as this data directory has it: what moved it is kept with the data. */
export class ServiceTime {
  readonly clock: MovableServiceClock;
  readonly #machine: Clock;
  readonly #engine: LogEngine;
  readonly #isFixed: boolean;
  #lastAdvance: Promise<unknown> = Promise.resolve();

  private constructor(machine: Clock, clock: MovableServiceClock, engine: LogEngine, isFixed: boolean) {
    this.#isFixed = isFixed;
    this.#machine = machine;
    this.clock = clock;
    this.#engine = engine;
  }

  /**
   * Takes up service time where the data directory left it.
   *
   * @throws {ClockBehindError} when the newest record lies more than 5 minutes ahead, unless that is accepted.
   */
  static resume(
    { clock: machine, log }: { readonly clock: Clock; readonly log: Logger },
    clock: MovableServiceClock,
    engine: LogEngine,
    options: {
      readonly acceptClock: boolean;
      /** Where the records are, for messages. */
      readonly place: string;
      /** Whether it cannot be moved. */
      readonly isFixed: boolean;
    },
  ): ServiceTime {
    const kept = engine.state.get(STATE_KEY);
    if (kept !== undefined) clock.restore((JSON.parse(kept.value) as { offsetMs: number }).offsetMs);
    const aheadMs = engine.newestArrivalMs() - clock.nowMs();
    if (aheadMs > FUTURE_TOLERANCE_MS) {
      const ahead = `the newest record in ${options.place} came ${Math.round(aheadMs / 1000)} s in the future of this machine's clock`;
      if (!options.acceptClock) {
        throw new ClockBehindError(
          `${ahead}. Set the clock right; or start with --accept-clock, and records keep that arrival time until the clock has caught up.`,
        );
      }
      log.warn(`${ahead}; accepted`, { aheadMs });
    }
    clock.onJump((jumpMs) => {
      log.warn(
        jumpMs < 0
          ? "the machine's clock was set back; service time stands still until it has caught up"
          : "the machine's clock was set forward, and service time with it",
        { jumpMs: Math.round(jumpMs) },
      );
    });
    return new ServiceTime(machine, clock, engine, options.isFixed);
  }

  /**
   * Moves service time forward. The move is durable before anything falls due by it; resolves when all of that
   * work is done. Moves happen one after the other.
   *
   * @throws {ClockNotStoredError}; {@link ClockFixedError} where it cannot be moved.
   */
  advance(durationMs: number): Promise<void> {
    if (this.#isFixed) return Promise.reject(new ClockFixedError());
    const advanced = this.#lastAdvance.then(() => this.#advance(durationMs));
    this.#lastAdvance = advanced.catch(() => undefined);
    return advanced;
  }

  async #advance(durationMs: number): Promise<void> {
    // Time may stand still because the machine's clock was set back; it moves on from where it stands.
    const startMs = Math.max(this.clock.offsetMs(), this.clock.nowMs() - this.#machine.nowMs());
    const value = JSON.stringify({ offsetMs: Math.ceil(startMs + durationMs) });
    const outcome = await this.#engine.state.commit({ puts: [[STATE_KEY, value]] });
    if (outcome.kind !== "committed") {
      const reason = outcome.kind === "conflict" ? "another change came first" : outcome.reason;
      throw new ClockNotStoredError(`the clock was not moved, because that could not be stored: ${reason}`);
    }
    await this.clock.advance(durationMs);
  }
}
