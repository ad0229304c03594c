import type { HashKeyRange } from "@millrace/model";
import { type ExtendedSequenceNumber, isShardEnd } from "./extended-sequence-number.ts";

/**
 * Who reads a shard, and how far. The members are the attributes of the Kinesis Client Library 3.5; what it
 * keeps in memory only (when a counter was last seen to move, …) is kept elsewhere here too.
 */
export interface Lease {
  /** The shard's id; with several streams `account:stream:creation second:shard id`. */
  readonly leaseKey: string;
  /** The worker that reads the shard; or, while `checkpointOwner` is there, the one that is going to. */
  readonly leaseOwner: string | undefined;
  /** Moves with every write of the owner; one that stands still says that the owner is gone. */
  readonly leaseCounter: number;
  /** How often the lease changed hands since the last checkpoint. */
  readonly ownerSwitchesSinceCheckpoint: number;
  readonly checkpoint: ExtendedSequenceNumber;
  /** Two-phase checkpoints of the KCL: kept and handed on, never made here. */
  readonly pendingCheckpoint: ExtendedSequenceNumber | undefined;
  readonly pendingCheckpointState: Uint8Array | undefined;
  readonly parentShardIds: readonly string[];
  /** Known when the shard has ended. */
  readonly childShardIds: readonly string[];
  readonly hashKeyRange: HashKeyRange | undefined;
  /** What the shard carried when it was last renewed, in KiB per second. */
  readonly throughputKBps: number | undefined;
  /** During a hand-off: the worker that still reads, and owes a last checkpoint. */
  readonly checkpointOwner: string | undefined;
  /** With several streams: which, as `account:stream:creation second`, and which shard of it. */
  readonly ofStream: { readonly streamIdentifier: string; readonly shardId: string } | undefined;
}

/** The worker whose writes count now. */
export function actualOwner(lease: Lease): string | undefined {
  return lease.checkpointOwner ?? lease.leaseOwner;
}

/** Whether all of its shard was processed. */
export function isFinished(lease: Lease): boolean {
  return isShardEnd(lease.checkpoint);
}

/** What is known of a lease that nobody has had yet. */
export interface NewLease {
  readonly leaseKey: string;
  readonly checkpoint: ExtendedSequenceNumber;
  readonly parentShardIds: readonly string[];
  readonly hashKeyRange: HashKeyRange;
  readonly ofStream?: Lease["ofStream"];
}

/** A lease that nobody has had. */
export function newLease(start: NewLease): Lease {
  return {
    leaseKey: start.leaseKey,
    leaseOwner: undefined,
    leaseCounter: 0,
    ownerSwitchesSinceCheckpoint: 0,
    checkpoint: start.checkpoint,
    pendingCheckpoint: undefined,
    pendingCheckpointState: undefined,
    parentShardIds: start.parentShardIds,
    childShardIds: [],
    hashKeyRange: start.hashKeyRange,
    throughputKBps: undefined,
    checkpointOwner: undefined,
    ofStream: start.ofStream,
  };
}
