/**
 * What a history is made of. Every seed leaves some things out and does others more often: bugs that need a
 * calm disk, a full one, or nobody resharding, all get their histories.
 */
import type { Random } from "@millrace/runtime";
import { seededRandom } from "@millrace/runtime";

export interface Profile {
  /** How many times the process dies before the calm end. */
  readonly lives: number;
  /** Share of deaths that are power cuts, the others being kills. */
  readonly powerCutShare: number;
  readonly streams: number;
  readonly producers: number;
  /** Producers slow down after so many records: a history of more takes longer and shows little more. */
  readonly attemptsMany: number;
  readonly readers: number;
  readonly subscribers: number;
  readonly limits: "aws" | "off";
  /** False: a platform without O_DSYNC, where commits are made durable by a sync. */
  readonly durableWrites: boolean;
  readonly resharding: boolean;
  /** Deleting streams and creating them again. */
  readonly deletion: boolean;
  /** Changing retention, and moving service time far enough that it matters. */
  readonly retention: boolean;
  /** Share of lives in which writes or syncs fail. */
  readonly failingDiskShare: number;
  /** Share of lives in which the disk is full or nearly so. */
  readonly fullDiskShare: number;
  /** Flipping bits of sealed records. */
  readonly rot: boolean;
  /** Share of requests, and again of answers, that the network loses. */
  readonly lossShare: number;
  /** Share of records that take several kilobytes. */
  readonly largeRecordShare: number;
  /** Threads that speak with clients before the one that serves them; 0: one thread does everything. */
  readonly protocolThreads: number;
}

export function profileOf(seed: number): Profile {
  // Apart from the chance of the history itself: a forced profile leaves the rest as it was.
  const random = seededRandom(seed + 0.5);
  const often = (share: number): boolean => random.fraction() < share;
  return {
    lives: 2 + random.below(3),
    powerCutShare: pick(random, [0, 0.5, 0.5, 1]),
    streams: 1 + random.below(3),
    attemptsMany: 500,
    producers: 1 + random.below(4),
    readers: 1 + random.below(3),
    subscribers: random.below(3),
    limits: often(0.15) ? "aws" : "off",
    durableWrites: often(0.75),
    resharding: often(0.7),
    deletion: often(0.4),
    retention: often(0.6),
    failingDiskShare: often(0.4) ? 0.5 : 0,
    fullDiskShare: often(0.3) ? 0.5 : 0,
    rot: often(0.15),
    lossShare: pick(random, [0, 0.01, 0.05]),
    largeRecordShare: pick(random, [0, 0.05, 0.3]),
    protocolThreads: pick(random, [0, 0, 1, 3]),
  };
}

export function pick<T>(random: Random, choices: readonly T[]): T {
  return choices[random.below(choices.length)] as T;
}
