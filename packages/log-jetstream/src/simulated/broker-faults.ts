import type { Random } from "@millrace/runtime";

/** Shares, from 0 to 1, of what goes wrong. Default: 0. */
export interface BrokerFaultChances {
  /** Publishes that never reach the leader. */
  readonly lostPublish?: number;
  /** Publishes that are under way for up to eight seconds, past later ones and past their caller's patience. */
  readonly delayedPublish?: number;
  /** Publishes that reach the leader twice, the second time late. */
  readonly duplicatedPublish?: number;
  /** Publishes that are stored, or refused, but whose caller never hears of it. */
  readonly lostAcknowledgement?: number;
  /** Reads and questions without an answer. */
  readonly lostAnswer?: number;
  /**
   * Questions to a leader, and publishes, that reach a server which was deposed and does not know it: it answers from what it
   * has, refuses by it, and what it takes is never stored.
   */
  readonly deposedLeader?: number;
  /** Steps of the history that a follower takes up to three seconds late, and everything after it, too. */
  readonly laggingFollower?: number;
  readonly lostAnnouncement?: number;
  /** What is sent to whoever listens; at 1 no gateway hears of another, and all are rivals. */
  readonly lostNews?: number;
}

export type BrokerFault = keyof BrokerFaultChances;

/** Decides what goes wrong, and counts it: a fault that never happened proves nothing. */
export class BrokerFaults {
  readonly #random: Random;
  readonly #counts = new Map<BrokerFault, number>();
  #chances: BrokerFaultChances = {};

  constructor(random: Random) {
    this.#random = random;
  }

  setChances(chances: BrokerFaultChances): void {
    this.#chances = chances;
  }

  countOf(fault: BrokerFault): number {
    return this.#counts.get(fault) ?? 0;
  }

  happens(fault: BrokerFault): boolean {
    const chance = this.#chances[fault] ?? 0;
    // Chance that is not asked for draws nothing, so that turning it on elsewhere changes no history.
    if (chance <= 0 || this.#random.fraction() >= chance) return false;
    this.#counts.set(fault, this.countOf(fault) + 1);
    return true;
  }

  /** From nearly nothing up to `limitMs`. */
  delayMs(limitMs: number): number {
    return this.#random.fraction() * limitMs;
  }
}
