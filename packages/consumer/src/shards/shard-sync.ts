import type { ChildShard, Decoded } from "@millrace/api";
import type { Clock, Logger, Random } from "@millrace/runtime";
import type { ReadingClient } from "../reading-client.ts";
import { sleepUnless, within } from "../waits.ts";
import type { ExtendedSequenceNumber } from "../leases/extended-sequence-number.ts";
import { isLeaseOf, type StreamIdentity } from "../leases/lease-key.ts";
import type { Lease } from "../leases/lease.ts";
import type { LeaseStore } from "../leases/lease-store.ts";
import {
  hashRangeHoles,
  leasesForChildren,
  leasesToDelete,
  type ListedShard,
  missingLeases,
} from "./shard-sync-plan.ts";

export type ChildShards = readonly Decoded<typeof ChildShard>[];

export interface ShardSyncOptions {
  readonly client: Pick<ReadingClient, "listShards">;
  readonly store: LeaseStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** How often the shards are compared with the leases, in milliseconds. */
  readonly shardSyncIntervalMs: number;
  readonly storeTimeoutMs: number;
}

/** A stream whose shards get leases. */
export interface SyncedStream {
  readonly identity: StreamIdentity;
  readonly initialPosition: ExtendedSequenceNumber;
}

/**
 * Gives every shard a lease. Each worker does so by itself: leases are created only where there are none, so it does
 * not matter how many do, and nobody needs to lead.
 */
export class ShardSync {
  readonly #options: ShardSyncOptions;
  readonly #holeCounts = new Map<string, number>();

  constructor(options: ShardSyncOptions) {
    this.#options = options;
  }

  /** How many parts of the ring of each stream were read by nobody when it was last looked at. */
  get holeCounts(): ReadonlyMap<string, number> {
    return this.#holeCounts;
  }

  /** Creates what is missing, removes what is not needed any more. */
  async sync({ identity, initialPosition }: SyncedStream, signal: AbortSignal): Promise<void> {
    const { store, log } = this.#options;
    // The leases come first: a shard that closes and ends in between is found leased, or not found closed.
    const view = await this.#view(identity, signal);
    const { leases, shards } = view;
    const created = await this.#create(missingLeases(identity, shards, leases, initialPosition), view);
    const all = [...leases, ...created];
    for (const lease of leasesToDelete(shards, all)) {
      if (await this.#answer(store.delete(lease)))
        log.info("a lease was cleaned up", { leaseKey: lease.leaseKey });
    }
    const holes = hashRangeHoles(shards, await this.#leasesOf(identity));
    this.#holeCounts.set(identity.streamName, holes.length);
    // While a shard is split or merged there is a moment without a lease for the children; one that stays is a fault.
    if (holes.length > 0) {
      log.info("a part of the hash keys has no unfinished lease", {
        streamName: identity.streamName,
        holeCount: holes.length,
        startingHashKey: String(holes[0]!.startingHashKey),
        endingHashKey: String(holes[0]!.endingHashKey),
      });
    }
  }

  /** Gives the children of a shard that has ended their leases. Rejects when one of them may have none. */
  async addChildren(
    { identity, initialPosition }: SyncedStream,
    children: ChildShards,
    signal: AbortSignal,
  ): Promise<void> {
    const view = await this.#view(identity, signal);
    const { leases, shards } = view;
    const found = children.map(
      (child) => shards.find(({ ShardId }) => ShardId === child.ShardId) ?? told(child),
    );
    await this.#create(leasesForChildren(identity, found, shards, leases, initialPosition), view);
  }

  /**
   * Syncs, from time to time and sooner after a failure, until `signal` is aborted. Calls `synced` after the first time,
   * whether it worked or not: others may have made the leases.
   */
  async syncInTurns(
    streams: readonly SyncedStream[],
    signal: AbortSignal,
    synced: () => void,
  ): Promise<void> {
    const { clock, random, shardSyncIntervalMs, log } = this.#options;
    for (let turn = 0; !signal.aborted; turn += 1) {
      let failureCount = 0;
      for (const stream of streams) {
        await this.sync(stream, signal).catch((error: unknown) => {
          failureCount += 1;
          const { streamName } = stream.identity;
          log.warn("the shards of a stream could not be synced", { streamName, error: String(error) });
        });
        if (signal.aborted) return;
      }
      if (turn === 0) synced();
      const delayMs =
        failureCount === 0 ? shardSyncIntervalMs : Math.min(RETRY_DELAY_MS, shardSyncIntervalMs);
      await sleepUnless(clock, delayMs * (0.8 + 0.4 * random.fraction()), signal);
    }
  }

  /** In order, and only as far as it works: a child's lease never stands without its parents'. */
  async #create(missing: readonly Lease[], view: View): Promise<Lease[]> {
    const created: Lease[] = [];
    for (const lease of missing) {
      // What was seen long ago may have been read, finished and cleaned up since, and would be read again.
      if (this.#options.clock.monotonicMs() - view.sinceMs > VIEW_LIFE_MS)
        throw new Error("the view is too old");
      if (!(await this.#answer(this.#options.store.create(lease)))) continue;
      created.push(lease);
      const { sequenceNumber: from } = lease.checkpoint;
      this.#options.log.info("a lease was created", { leaseKey: lease.leaseKey, from });
    }
    return created;
  }

  async #view(identity: StreamIdentity, signal: AbortSignal): Promise<View> {
    const sinceMs = this.#options.clock.monotonicMs();
    const leases = await this.#leasesOf(identity);
    return { sinceMs, leases, shards: await this.#listShards(identity, signal) };
  }

  #answer<T>(call: Promise<T>): Promise<T> {
    return within(this.#options.clock, this.#options.storeTimeoutMs, call);
  }

  async #leasesOf(identity: StreamIdentity): Promise<Lease[]> {
    return (await this.#answer(this.#options.store.list())).filter((lease) => isLeaseOf(identity, lease));
  }

  async #listShards({ streamArn }: StreamIdentity, signal: AbortSignal): Promise<ListedShard[]> {
    const shards: ListedShard[] = [];
    let input: Parameters<ReadingClient["listShards"]>[0] = { StreamARN: streamArn };
    for (;;) {
      const { Shards = [], NextToken } = await this.#options.client.listShards(input, { signal });
      shards.push(...Shards);
      if (NextToken === undefined) return shards;
      input = { NextToken };
    }
  }
}

/** What is known of a stream, and since when. */
interface View {
  readonly sinceMs: number;
  readonly leases: readonly Lease[];
  readonly shards: readonly ListedShard[];
}

const VIEW_LIFE_MS = 30_000;
const RETRY_DELAY_MS = 5_000;

/** A child as its parent's last answer tells of it, when no listing shows it yet. */
function told({ ShardId, ParentShards, HashKeyRange }: ChildShards[number]): ListedShard {
  const [parent, adjacent] = ParentShards;
  return {
    ShardId,
    HashKeyRange,
    SequenceNumberRange: { StartingSequenceNumber: "0" },
    ...(parent === undefined ? {} : { ParentShardId: parent }),
    ...(adjacent === undefined ? {} : { AdjacentParentShardId: adjacent }),
  };
}
