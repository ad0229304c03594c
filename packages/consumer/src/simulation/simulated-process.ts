/** A worker's process, for simulations: it crashes, pauses, and is cut off from its lease store. */
import type { Clock, Random, SimulatedClock } from "@millrace/runtime";

export interface NetworkChances {
  /** That a request does not arrive. */
  readonly lostRequest: number;
  /** That what was asked for was done, and the answer is lost. */
  readonly lostAnswer: number;
  /** That a message takes a while, and how long at most, in milliseconds. */
  readonly slow: number;
  readonly slowMs: number;
}

export class SimulatedProcess {
  readonly #world: SimulatedClock;
  readonly #random: Random;
  #isDead = false;
  #isPaused = false;
  /** What happens when the process goes on, in the order in which it came. */
  #held: (() => void)[] = [];
  #isCutOff = false;

  readonly #speed: number;

  /** @param speed how fast the process's clock runs: with a slow one it believes in its leases for too long. */
  constructor(world: SimulatedClock, random: Random, speed: number) {
    this.#world = world;
    this.#random = random;
    this.#speed = speed;
  }

  get isAlive(): boolean {
    return !this.#isDead;
  }

  /** Nothing of the process happens any more. */
  crash(): void {
    this.#isDead = true;
    this.#held = [];
  }

  /** Nothing of the process happens for a while; time goes on. */
  pause(durationMs: number): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#world.schedule(durationMs, () => {
      this.#isPaused = false;
      const held = this.#held;
      this.#held = [];
      for (const happen of held) this.#happen(happen);
    });
  }

  /** The lease store cannot be reached for a while. */
  cutOff(durationMs: number): void {
    if (this.#isCutOff) return;
    this.#isCutOff = true;
    this.#world.schedule(durationMs, () => {
      this.#isCutOff = false;
    });
  }

  /** The world's time, with timers that belong to the process. */
  readonly clock: Clock = {
    nowMs: () => this.#world.nowMs(),
    monotonicMs: () => this.#world.monotonicMs() * this.#speed,
    schedule: (delayMs, callback) => {
      let isCancelled = false;
      const timer = this.#world.schedule(delayMs / this.#speed, () =>
        this.#happen(() => {
          if (!isCancelled) void callback();
        }),
      );
      return {
        cancel: () => {
          isCancelled = true;
          timer.cancel();
        },
      };
    },
    soon: (callback) => void this.clock.schedule(0, callback),
    sleep: (delayMs) => new Promise((resolve) => void this.clock.schedule(delayMs, resolve)),
  };

  /** A call over the network. Its request may be lost, its answer too, and both may come late. */
  async call<T>(carryOut: () => Promise<T>, chances: NetworkChances, toStore: boolean): Promise<T> {
    await this.#slowly(chances);
    if ((toStore && this.#isCutOff) || this.#random.fraction() < chances.lostRequest) {
      // Some networks say so, others say nothing.
      if (this.#random.below(2) === 0) await this.clock.sleep(60_000);
      await this.#resumed();
      throw new Error("the request was lost");
    }
    const outcome = await carryOut().then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    await this.#slowly(chances);
    if ((toStore && this.#isCutOff) || this.#random.fraction() < chances.lostAnswer) {
      await this.#resumed();
      throw new Error("the answer was lost");
    }
    await this.#resumed();
    if ("error" in outcome) throw outcome.error;
    return outcome.value;
  }

  /** Resolves when the process is running; never again when it is dead. */
  #resumed(): Promise<void> {
    if (!this.#isDead && !this.#isPaused) return Promise.resolve();
    return new Promise((resolve) => this.#happen(resolve));
  }

  #happen(what: () => void): void {
    if (this.#isDead) return;
    if (this.#isPaused) this.#held.push(what);
    else what();
  }

  /** On the way the process's own state does not matter. */
  async #slowly({ slow, slowMs }: NetworkChances): Promise<void> {
    if (this.#random.fraction() < slow) await this.#world.sleep(this.#random.below(slowMs));
  }
}
