import type { Clock, Logger, Random } from "@millrace/runtime";
import type { Broker } from "./broker/broker.ts";

export interface JetStreamEngineOptions {
  /** Is closed with the engine. */
  readonly broker: Broker;
  /** Machine time: waits. */
  readonly clock: Clock;
  /** Service time: arrivals. */
  readonly serviceClock: { nowMs(): number };
  readonly random: Random;
  readonly log: Logger;
  readonly crash: (reason: string, cause?: unknown) => never;
  /** What this gateway is called where people see it. Default: `gateway`. */
  readonly name?: string;
  /** Of the program, for people. Default: `unknown`. */
  readonly version?: string;
  /** Before all names of streams and subjects: several services may share a cluster. Default: `millrace`. */
  readonly prefix?: string;
  /** Of each stream. Default: 3. */
  readonly replicas?: number;
  /** Newest entries kept in memory for readers, of each group, in bytes. Default: 8 MiB. */
  readonly cacheBytes?: number;
  /** How long appends are held while the cluster has no leader, in milliseconds. Default: 30,000. */
  readonly holdMs?: number;
  /**
   * How long a group is followed after somebody read in it through this gateway, in milliseconds. Whoever reads again later has the
   * leader asked first. Default: 5,000.
   */
  readonly quietMs?: number;
  /**
   * From so many bytes on, entries that wait for a group of another gateway are appended in turn with it instead of being sent to it. Default:
   * 128 KiB.
   */
  readonly turnBytesMin?: number;
  /**
   * So many appends are under way at once, in all groups together, before others wait for one of them to end, which is for no longer
   * than an append takes. Default: 16.
   */
  readonly appendCount?: number;
}
