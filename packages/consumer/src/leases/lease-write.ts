/**
 * Every write of a lease is conditional. A write is a value, made here from the lease as its writer knows it,
 * so that all stores carry out the same conditions. They are those of the Kinesis Client Library 3.5
 * (DynamoDBLeaseRefresher), whose workers may share the leases.
 */
import type { ExtendedSequenceNumber } from "./extended-sequence-number.ts";
import type { Lease } from "./lease.ts";

/** A conditional change of one lease. */
export interface LeaseWrite {
  readonly leaseKey: string;
  /** What has to be so for the write to take place. `null`: the attribute must be absent. */
  readonly expected: {
    /** The lease must exist; where the other conditions do not already say so. */
    readonly exists?: true;
    readonly leaseCounter?: number;
    readonly leaseOwner?: string | null;
    readonly checkpointOwner?: string | null;
  };
  /** What the write changes. `null`: the attribute is removed. */
  readonly changes: {
    /** Set to a number that the condition has pinned, or moved on from whatever it is. */
    readonly leaseCounter?: number | "increment";
    readonly leaseOwner?: string | null;
    readonly checkpointOwner?: string | null;
    readonly ownerSwitchesSinceCheckpoint?: number | "increment";
    readonly throughputKBps?: number;
    readonly checkpoint?: ExtendedSequenceNumber;
    readonly pendingCheckpoint?: null;
    readonly childShardIds?: readonly string[];
    readonly hashKeyRange?: NonNullable<Lease["hashKeyRange"]>;
    readonly ofStream?: NonNullable<Lease["ofStream"]>;
  };
}

/**
 * A sign of life. Fails when somebody else wrote; and, so that the owner hears of it, when a hand-off was asked
 * for that `lease` does not know of yet.
 */
export function renewal(lease: Lease, throughputKBps?: number): LeaseWrite {
  return {
    leaseKey: lease.leaseKey,
    expected: {
      leaseCounter: lease.leaseCounter,
      ...(lease.checkpointOwner === undefined ? { checkpointOwner: null } : {}),
    },
    changes: {
      leaseCounter: lease.leaseCounter + 1,
      ...(throughputKBps === undefined ? {} : { throughputKBps }),
    },
  };
}

/** Takes a lease whose counter stood still, and whoever had it loses it. */
export function taking(lease: Lease, owner: string): LeaseWrite {
  const { leaseOwner, checkpointOwner } = lease;
  const switches = (leaseOwner !== undefined && leaseOwner !== owner) || checkpointOwner === owner;
  return {
    leaseKey: lease.leaseKey,
    expected: { leaseCounter: lease.leaseCounter },
    changes: {
      leaseCounter: lease.leaseCounter + 1,
      leaseOwner: owner,
      checkpointOwner: null,
      ...(switches ? { ownerSwitchesSinceCheckpoint: "increment" } : {}),
    },
  };
}

/** Stores how far the shard was processed; at its end also what comes after it. */
export function checkpointing(
  lease: Lease,
  checkpoint: ExtendedSequenceNumber,
  childShardIds: readonly string[] = lease.childShardIds,
): LeaseWrite {
  return {
    leaseKey: lease.leaseKey,
    expected: { leaseCounter: lease.leaseCounter },
    changes: {
      leaseCounter: lease.leaseCounter + 1,
      checkpoint,
      ownerSwitchesSinceCheckpoint: 0,
      pendingCheckpoint: null,
      ...(childShardIds.length === 0 ? {} : { childShardIds }),
      ...(lease.hashKeyRange === undefined ? {} : { hashKeyRange: lease.hashKeyRange }),
      ...(lease.ofStream === undefined ? {} : { ofStream: lease.ofStream }),
    },
  };
}

/**
 * Asks the owner to hand the lease to `newOwner` when it has stored its last checkpoint. The counter does not
 * move, so the owner goes on renewing.
 */
export function handOffRequest(lease: Lease, newOwner: string): LeaseWrite {
  if (lease.leaseOwner === undefined)
    throw new Error(`nobody has ${lease.leaseKey}, so nobody can hand it off`);
  return {
    leaseKey: lease.leaseKey,
    expected: { exists: true, leaseOwner: lease.leaseOwner, checkpointOwner: null },
    changes: { leaseOwner: newOwner, checkpointOwner: lease.leaseOwner },
  };
}

/**
 * Makes `newOwner` the owner now: the last step of a hand-off, or its end by force when the old owner took too
 * long. Fails when the owners are no longer those of `lease`, whatever its counter.
 */
export function assignment(lease: Lease, newOwner: string): LeaseWrite {
  const write = taking(lease, newOwner);
  return { ...write, expected: ownersOf(lease), changes: { ...write.changes, leaseCounter: "increment" } };
}

/** Gives a lease up: to the one who asked for it, or to whoever comes. */
export function eviction(lease: Lease): LeaseWrite {
  return {
    leaseKey: lease.leaseKey,
    expected: ownersOf(lease),
    changes: {
      leaseCounter: "increment",
      checkpointOwner: null,
      ...(lease.checkpointOwner === undefined ? { leaseOwner: null } : {}),
    },
  };
}

function ownersOf(lease: Lease): LeaseWrite["expected"] {
  return {
    exists: true,
    leaseOwner: lease.leaseOwner ?? null,
    checkpointOwner: lease.checkpointOwner ?? null,
  };
}

/** The lease after the write; undefined when a condition does not hold. */
export function applyWrite(lease: Lease | undefined, write: LeaseWrite): Lease | undefined {
  const { expected, changes } = write;
  if (lease === undefined) return undefined;
  if (expected.leaseCounter !== undefined && lease.leaseCounter !== expected.leaseCounter) return undefined;
  if (expected.leaseOwner !== undefined && (lease.leaseOwner ?? null) !== expected.leaseOwner)
    return undefined;
  if (
    expected.checkpointOwner !== undefined &&
    (lease.checkpointOwner ?? null) !== expected.checkpointOwner
  ) {
    return undefined;
  }
  const clearsPending = changes.pendingCheckpoint === null;
  return {
    ...lease,
    leaseCounter: moved(lease.leaseCounter, changes.leaseCounter),
    leaseOwner: changed(lease.leaseOwner, changes.leaseOwner),
    checkpointOwner: changed(lease.checkpointOwner, changes.checkpointOwner),
    ownerSwitchesSinceCheckpoint: moved(
      lease.ownerSwitchesSinceCheckpoint,
      changes.ownerSwitchesSinceCheckpoint,
    ),
    throughputKBps: changes.throughputKBps ?? lease.throughputKBps,
    checkpoint: changes.checkpoint ?? lease.checkpoint,
    pendingCheckpoint: clearsPending ? undefined : lease.pendingCheckpoint,
    pendingCheckpointState: clearsPending ? undefined : lease.pendingCheckpointState,
    childShardIds: changes.childShardIds ?? lease.childShardIds,
    hashKeyRange: changes.hashKeyRange ?? lease.hashKeyRange,
    ofStream: changes.ofStream ?? lease.ofStream,
  };
}

function moved(number: number, change: number | "increment" | undefined): number {
  return change === "increment" ? number + 1 : (change ?? number);
}

function changed(text: string | undefined, change: string | null | undefined): string | undefined {
  return change === undefined ? text : (change ?? undefined);
}
