/**
 * What we want to reach, in one place. A figure that misses is printed as a miss; nothing fails because of it.
 * Budgets that are shares of a ceiling or multiples of a peer are measured side by side by `npm run bench:compare`.
 */
import type { Budget } from "./bench.ts";

const atMost = (value: number): Budget => ({ atMost: value });
const atLeast = (value: number): Budget => ({ atLeast: value });

export const budgets = Object.freeze({
  putRecordP99Ms: atMost(10),
  /** Of lines of 200 bytes. */
  agentMBPerCpuSecond: atLeast(100),
  /** Of the rate with everything in the tail cache. */
  getRecordsWithoutCacheShare: atLeast(0.6),
  /** Records for a second of processor time, in multiples of what the KCL 3 reads. */
  consumerToKcl: atLeast(3),
  putToPollP50Ms: atMost(5),
  putToEventP50Ms: atMost(3),
  putToEventP99Ms: atMost(15),
  /** Processor time with ten consumers, in multiples of that with one. */
  tenConsumersCost: atMost(3),
  startEmptyMs: atMost(250),
  startAfterCleanStopMs: atMost(1_000),
  /** A clean start, and the largest tail that a segment can leave unsealed (256 MiB) at 500 MB/s. */
  startAfterKillMs: atMost(1_000 + (256 * 1_048_576) / 500_000),
  idleMemoryMB: atMost(70),
  hundredThousandShardsMB: atMost(400),
  /** What a rate with many stored records is of the rate with few. */
  flatRate: { atLeast: 0.8, atMost: 1.25 },
  /**
   * What a server has resident under ten times the load that it can do, of its `--memory`: beyond what it has idle, and beyond what
   * operators are told to add to it.
   */
  overloadMemoryShare: atMost(1),
  /** From the end of such a load to a put that takes what puts take without a load. */
  recoveryAfterOverloadMs: atMost(1_000),
  /** Answers that say that there is no room. */
  refusedP99Ms: atMost(1_000),
  /** Answers that throttle, at ten times the rate of a shard. */
  throttledP99Ms: atMost(10),
  /** What memory or start with many stored records is of that with few. */
  flatCost: atMost(1.2),
  /** A rate with two threads, in multiples of that with one, where the load generator needs one of two cores. */
  secondThreadTwoCores: atLeast(1.15),
  secondThreadFreeCores: atLeast(1.7),
  /** User records for a second of processor time, in multiples of the KPL's, and of a PutRecord for each. */
  producerOfKpl: atLeast(3),
  producerOfSdk: atLeast(10),
  /** The service's rate, to 2 %. */
  shardRecordsPerSecond: { atLeast: 980, atMost: 1_020 },
});
