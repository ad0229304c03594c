/** What a history of a cluster is made of. As with one server, every seed leaves some things out and does others more often. */
import type { BrokerFaultChances } from "@millrace/log-jetstream";
import { seededRandom } from "@millrace/runtime";
import { pick } from "../profile.ts";

export interface ClusterProfile {
  /** How many there are from the beginning to the end: for each that crashes another one joins. */
  readonly gateways: number;
  readonly writers: number;
  readonly readers: number;
  /** Shard logs at first. */
  readonly logs: number;
  /** Each log has one writer; otherwise everybody writes to all. */
  readonly ownLogs: boolean;
  /** How long things go wrong, in milliseconds. */
  readonly troubleMs: number;
  /** The longest pause of a writer between two puts, in milliseconds; shorter: more of them meet. */
  readonly putPauseMs: number;
  /** Likewise of a reader between two rounds. */
  readonly readPauseMs: number;
  /** The longest pause between two splits or merges. */
  readonly reshardPauseMs: number;
  /** The longest pause between two misfortunes; 0: there are none. */
  readonly misfortunePauseMs: number;
  /** Which of them there are. */
  readonly misfortunes: readonly Misfortune[];
  /** Shares of messages that fare ill. */
  readonly faults: BrokerFaultChances;
  /** Trimming logs, and dropping those that are closed. */
  readonly retention: boolean;
  /** Of each group, in each gateway; 0: nearly everything is read from replicas. */
  readonly cacheBytes: number;
  /** How long a gateway holds a put that it cannot store. */
  readonly holdMs: number;
  /** How long a gateway follows a group that nobody reads there any more. */
  readonly quietMs: number;
  /** From how many bytes on a gateway appends in turn with the owner of a group what it would send to it. */
  readonly turnBytesMin: number;
  /** Appends of a gateway that are under way at once before others wait. */
  readonly appendCount: number;
  /** Share of entries that take two messages. */
  readonly largeEntryShare: number;
}

export const MISFORTUNES = [
  "server killed",
  "server frozen",
  "leaders step down",
  "leader cut off",
  "gateway cut off",
  "gateway crashes",
  "gateway stopped",
  "replica held",
] as const;

export type Misfortune = (typeof MISFORTUNES)[number];

export function clusterProfileOf(seed: number): ClusterProfile {
  // Apart from the chance of the history itself: a forced profile leaves the rest as it was.
  const random = seededRandom(seed + 0.25);
  const often = (share: number): boolean => random.fraction() < share;
  const share = (): number => (often(0.5) ? random.fraction() * 0.1 : 0);
  // A long one sees what no one can read any more being given back, which gateways do every ten minutes or so.
  const isLong = often(0.02);
  const pace = isLong ? 60 : 1;
  return {
    gateways: 2 + random.below(2),
    writers: 2 + random.below(4),
    readers: 1 + random.below(2),
    logs: 1 + random.below(4),
    ownLogs: often(0.3),
    troubleMs: isLong ? 600_000 : pick(random, [6_000, 10_000, 16_000]),
    putPauseMs: pace * pick(random, [60, 150, 400]),
    readPauseMs: pace * pick(random, [150, 400]),
    reshardPauseMs: pace * pick(random, [500, 2_000, 6_000]),
    misfortunePauseMs: pace * pick(random, [600, 1_500, 4_000]),
    misfortunes: MISFORTUNES.filter(() => often(0.7)),
    faults: {
      lostPublish: share(),
      delayedPublish: share(),
      duplicatedPublish: share(),
      lostAcknowledgement: share(),
      lostAnswer: share(),
      deposedLeader: share(),
      laggingFollower: share(),
      lostAnnouncement: share(),
      // Those that hear of each other write for each other; those that do not are rivals.
      lostNews: pick(random, [0, 0.3, 1, 1]),
    },
    retention: isLong || often(0.5),
    cacheBytes: pick(random, [0, 400, 8 << 20]),
    holdMs: pick(random, [2_000, 10_000, 30_000]),
    largeEntryShare: often(0.05) ? 0.02 : 0,
    quietMs: pick(random, [0, 300, 5_000]),
    turnBytesMin: pick(random, [1, 200, 128 << 10]),
    appendCount: pick(random, [1, 16]),
  };
}
