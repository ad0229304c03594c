import type { Decoded, Shard } from "@millrace/api";
import { HASH_KEY_MAX, type HashKeyRange } from "@millrace/model";
import {
  AT_TIMESTAMP,
  type ExtendedSequenceNumber,
  TRIM_HORIZON,
} from "../leases/extended-sequence-number.ts";
import { isFinished, type Lease, type NewLease, newLease } from "../leases/lease.ts";
import { leaseKeyOf, shardIdOf, type StreamIdentity } from "../leases/lease-key.ts";

export type ListedShard = Decoded<typeof Shard>;

/**
 * The leases that are missing, in the order in which they have to be created: a shard's comes after those of its
 * parents, because a shard whose parent has no lease is read at once.
 *
 * Every open shard gets one. A shard without a lease whose ancestor has one was made while the application ran, and is
 * read from its beginning. Otherwise the initial position says where to begin; unless that is LATEST, the closed
 * ancestors that are still listed are read too. Where a lease is found nothing above it is looked at: it was finished,
 * and may be cleaned up already.
 */
export function missingLeases(
  stream: StreamIdentity,
  shards: readonly ListedShard[],
  leases: readonly Lease[],
  initialPosition: ExtendedSequenceNumber,
): Lease[] {
  const byId = new Map(shards.map((shard) => [shard.ShardId, shard]));
  const open = shards.filter((shard) => shard.SequenceNumberRange.EndingSequenceNumber === undefined);
  return leasesFor(open, { stream, byId, leased: new Set(leases.map(shardIdOf)), initialPosition });
}

/**
 * The leases that are missing before the children of a shard may get theirs, and then the children's. A child of two
 * shards waits for both, so the other one must have a lease first.
 */
export function leasesForChildren(
  stream: StreamIdentity,
  children: readonly ListedShard[],
  shards: readonly ListedShard[],
  leases: readonly Lease[],
  initialPosition: ExtendedSequenceNumber,
): Lease[] {
  const byId = new Map([...shards, ...children].map((shard) => [shard.ShardId, shard]));
  return leasesFor(children, { stream, byId, leased: new Set(leases.map(shardIdOf)), initialPosition });
}

interface Family {
  readonly stream: StreamIdentity;
  readonly byId: ReadonlyMap<string, ListedShard>;
  readonly leased: ReadonlySet<string>;
  readonly initialPosition: ExtendedSequenceNumber;
}

function leasesFor(shards: readonly ListedShard[], family: Family): Lease[] {
  const { stream, byId, leased, initialPosition } = family;
  const descends = new Map<string, boolean>();
  const isDescendant = (shard: ListedShard): boolean => {
    const known = descends.get(shard.ShardId);
    if (known !== undefined) return known;
    const found = parentsOf(shard).some((parentId) => {
      if (leased.has(parentId)) return true;
      const parent = byId.get(parentId);
      return parent !== undefined && isDescendant(parent);
    });
    descends.set(shard.ShardId, found);
    return found;
  };
  const missing = new Map<string, NewLease>();
  const cover = (shard: ListedShard): void => {
    const { ShardId } = shard;
    if (leased.has(ShardId) || missing.has(ShardId)) return;
    const fromBeginning = isDescendant(shard);
    const readsAncestors = fromBeginning || initialPosition.sequenceNumber !== "LATEST";
    for (const parentId of readsAncestors ? parentsOf(shard) : []) {
      const parent = byId.get(parentId);
      if (parent !== undefined) cover(parent);
    }
    missing.set(ShardId, {
      leaseKey: leaseKeyOf(stream, ShardId),
      // A point in time may lie in the life of any of them.
      checkpoint:
        fromBeginning && initialPosition.sequenceNumber === "LATEST" ? TRIM_HORIZON : initialPosition,
      parentShardIds: parentsOf(shard),
      hashKeyRange: rangeOf(shard),
      ofStream:
        stream.streamIdentifier === undefined
          ? undefined
          : { streamIdentifier: stream.streamIdentifier, shardId: ShardId },
    });
  };
  for (const shard of shards) cover(shard);
  return [...missing.values()].map(newLease);
}

/**
 * Leases that are not needed any more: of shards that are gone, with whatever was in them; and finished ones whose
 * parents' leases are gone and whose children have been begun.
 */
export function leasesToDelete(shards: readonly ListedShard[], leases: readonly Lease[]): Lease[] {
  const listed = new Set(shards.map((shard) => shard.ShardId));
  // A child that no listing shows yet comes after all that are listed; what is gone came before.
  const lastListed = [...listed].reduce((last, shardId) => (shardId > last ? shardId : last), "");
  const byId = new Map(leases.map((lease) => [shardIdOf(lease), lease]));
  return leases.filter((lease) => {
    if (!listed.has(shardIdOf(lease))) return shardIdOf(lease) < lastListed;
    if (!isFinished(lease) || lease.childShardIds.length === 0) return false;
    if (lease.parentShardIds.some((parentId) => byId.has(parentId))) return false;
    return lease.childShardIds.every((childId) => {
      const child = byId.get(childId)?.checkpoint.sequenceNumber;
      return (
        child !== undefined && child !== TRIM_HORIZON.sequenceNumber && child !== AT_TIMESTAMP.sequenceNumber
      );
    });
  });
}

/**
 * Parts of the ring that no lease will ever read: neither an unfinished one nor a finished one whose children are known.
 * Empty when all is well. Leases without a range, which old versions of the KCL wrote, get it from the listing.
 */
export function hashRangeHoles(shards: readonly ListedShard[], leases: readonly Lease[]): HashKeyRange[] {
  const listed = new Map(shards.map((shard) => [shard.ShardId, rangeOf(shard)]));
  const ranges = leases
    .filter((lease) => !isFinished(lease))
    .map((lease) => lease.hashKeyRange ?? listed.get(shardIdOf(lease)))
    .filter((range) => range !== undefined)
    .sort((one, other) => (one.startingHashKey < other.startingHashKey ? -1 : 1));
  const holes: HashKeyRange[] = [];
  let next = 0n;
  for (const { startingHashKey, endingHashKey } of ranges) {
    if (startingHashKey > next) holes.push({ startingHashKey: next, endingHashKey: startingHashKey - 1n });
    if (endingHashKey >= next) next = endingHashKey + 1n;
  }
  if (next <= HASH_KEY_MAX) holes.push({ startingHashKey: next, endingHashKey: HASH_KEY_MAX });
  return holes;
}

function parentsOf({ ParentShardId, AdjacentParentShardId }: ListedShard): string[] {
  return [ParentShardId, AdjacentParentShardId].filter((parentId) => parentId !== undefined);
}

function rangeOf({ HashKeyRange: range }: ListedShard): HashKeyRange {
  return {
    startingHashKey: BigInt(range.StartingHashKey),
    endingHashKey: BigInt(range.EndingHashKey),
  };
}
