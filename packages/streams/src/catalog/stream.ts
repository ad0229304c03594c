import { HashKeyColumn, isRetained, streamArn } from "@millrace/model";
import type { ConsumerRow, ShardRow, StreamHeader, StreamName } from "./records.ts";
import { Shard } from "./shard.ts";

const HOUR_MS = 3_600_000;

/**
 * A stream as handlers see it: the durable state of the catalog, kept up to date commit by commit. Only the
 * {@link Catalog} changes it. Whoever holds one across an `await` must expect it to have changed, or to be gone.
 */
export class Stream implements StreamName {
  readonly accountId: string;
  readonly region: string;
  readonly name: string;
  readonly arn: string;
  header: StreamHeader;
  /** Revision of the stored header: what a change of the stream expects. */
  revision: number;
  /** The stream was deleted, or replaced by another under its name. */
  gone = false;
  readonly consumers = new Map<string, ConsumerRow>();
  /** All shards that are stored, by index. */
  readonly #shards = new Map<number, Shard>();
  /** The same in order of index. */
  #inOrder: Shard[] = [];
  /** The open ones in order of the ring. */
  #open: Shard[] = [];
  /** The last hash key of each of them. */
  #openEnds = new HashKeyColumn(0);
  #openIsStale = false;
  #waiters: (() => void)[] = [];
  #turn = -1;

  constructor({ accountId, region, name }: StreamName, header: StreamHeader, revision: number) {
    this.accountId = accountId;
    this.region = region;
    this.name = name;
    this.arn = streamArn(region, accountId, name);
    this.header = header;
    this.revision = revision;
  }

  /** Takes records and can be read: the statuses in which AWS answers the data plane. */
  get isServing(): boolean {
    return this.header.status === "ACTIVE" || this.header.status === "UPDATING";
  }

  get retentionMs(): number {
    return this.header.retentionHours * HOUR_MS;
  }

  /** Records that arrived before this can no longer be read, whether they were trimmed already or not. */
  horizonMs(nowMs: number): number {
    return Math.max(this.header.horizonMs, nowMs - this.retentionMs);
  }

  /**
   * A stored shard. One that closed longer ago than retention is found until the retention pass has removed
   * it, so that its last records are readable exactly as long as all others.
   */
  shard(shardIndex: number): Shard | undefined {
    return this.#shards.get(shardIndex);
  }

  /** Every stored shard, those past retention included, in order of index. */
  storedShards(): readonly Shard[] {
    return this.#inOrder;
  }

  /** Shards with an index above `afterIndex` that are still part of the stream, in order of index. */
  *shardsAfter(afterIndex: number, nowMs: number): IterableIterator<Shard> {
    let low = 0;
    let high = this.#inOrder.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#inOrder[middle]!.shardIndex <= afterIndex) low = middle + 1;
      else high = middle;
    }
    for (let at = low; at < this.#inOrder.length; at += 1) {
      const shard = this.#inOrder[at]!;
      if (this.#isRetained(shard, nowMs)) yield shard;
    }
  }

  /** The open shards in order of the ring, which they tile. */
  openShards(): readonly Shard[] {
    if (this.#openIsStale) {
      this.#open = this.#inOrder.filter((shard) => shard.isOpen);
      this.#open.sort((one, other) => (one.row.startingHashKey < other.row.startingHashKey ? -1 : 1));
      this.#openEnds = new HashKeyColumn(this.#open.length);
      for (const [index, { row }] of this.#open.entries()) this.#openEnds.set(index, row.endingHashKey);
      this.#openIsStale = false;
    }
    return this.#open;
  }

  /** The open shard whose range holds the hash key at `index`; undefined while the stream has no shards. */
  openShardOf(hashKeys: HashKeyColumn, index: number): Shard | undefined {
    const open = this.openShards();
    let low = 0;
    let high = open.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (hashKeys.isAbove(index, this.#openEnds, middle)) low = middle + 1;
      else high = middle;
    }
    return open[low];
  }

  /** Each open shard in its turn, for records whose place is the service's choice; undefined while there are none. */
  nextShardInTurn(): Shard | undefined {
    const open = this.openShards();
    this.#turn = this.#turn + 1 < open.length ? this.#turn + 1 : 0;
    return open[this.#turn];
  }

  /** Resolves when the next commit that concerns this stream has become durable. */
  nextChange(): Promise<void> {
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  // What follows is the catalog's.

  putShard(shardIndex: number, row: ShardRow): void {
    this.#openIsStale = true;
    const known = this.#shards.get(shardIndex);
    if (known !== undefined) {
      known.row = row;
      // Nobody writes to a closed shard, and its readers can start new buckets.
      known.throttle = undefined;
      return;
    }
    const shard = new Shard(shardIndex, row);
    this.#shards.set(shardIndex, shard);
    const last = this.#inOrder.at(-1);
    this.#inOrder.push(shard);
    if (last !== undefined && last.shardIndex > shardIndex) {
      this.#inOrder.sort((one, other) => one.shardIndex - other.shardIndex);
    }
    for (const parent of row.parents) this.#shards.get(parent)?.children.push(shard);
  }

  deleteShards(shardIndexes: ReadonlySet<number>): void {
    for (const shardIndex of shardIndexes) this.#shards.delete(shardIndex);
    this.#inOrder = this.#inOrder.filter((shard) => !shardIndexes.has(shard.shardIndex));
    this.#openIsStale = true;
  }

  wakeWaiters(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  #isRetained(shard: Shard, nowMs: number): boolean {
    return (
      isRetained(shard, nowMs, this.retentionMs) &&
      (shard.closedMs === undefined || shard.closedMs >= this.header.horizonMs)
    );
  }
}
