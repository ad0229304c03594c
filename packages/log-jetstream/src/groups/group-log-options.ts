import type { ShardLogId } from "@millrace/log";
import type { Clock, Logger } from "@millrace/runtime";
import type { Broker } from "../broker/broker.ts";

export interface GroupLogOptions {
  readonly broker: Broker;
  /** Machine time: waits. */
  readonly clock: Clock;
  /** Service time: arrivals. */
  readonly serviceClock: { nowMs(): number };
  readonly log: Logger;
  readonly crash: (reason: string, cause?: unknown) => never;
  readonly prefix: string;
  readonly replicas: number;
  readonly session: string;
  readonly cacheBytes: number;
  /** How long appends are held while the group cannot be written, in milliseconds. */
  readonly holdMs: number;
  /** How long the group is followed after somebody read in it here, in milliseconds. */
  readonly quietMs: number;
  /** Logs that were dropped while this gateway was there. */
  readonly dropped: ReadonlySet<ShardLogId>;
  /** A log has become longer. */
  readonly onEntry: (logId: ShardLogId) => void;
}
