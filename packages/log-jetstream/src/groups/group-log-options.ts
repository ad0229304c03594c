import type { ShardLogId } from "@millrace/log";
import type { Clock, Logger } from "@millrace/runtime";
import type { AppendSlots } from "./append-slots.ts";
import type { Broker } from "../broker/broker.ts";
import type { Loan } from "./wanted.ts";

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
  /**
   * Asks whoever owns the group for the next append, for a gateway that knows the stream up to a sequence. Undefined when it is better
   * made without asking.
   */
  readonly takeTurn: (knownSequence: number) => Promise<Loan | undefined>;
  /** Those of all groups of this gateway. */
  readonly slots: AppendSlots;
  /** Logs that were dropped while this gateway was there. */
  readonly dropped: ReadonlySet<ShardLogId>;
  /** A log has become longer. */
  readonly onEntry: (logId: ShardLogId) => void;
}
