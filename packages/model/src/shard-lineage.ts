/**
 * The family tree of a stream's shards: a split gives a shard two children, a merge gives two shards one
 * child. What was open when answers the filters of ListShards.
 */

/** What lineage needs to know of a shard. Times are service milliseconds. */
export interface LineageShard {
  readonly shardIndex: number;
  /** No parent for a shard made with its stream, one after a split, two after a merge. */
  readonly parents: readonly number[];
  readonly createdMs: number;
  /** Undefined while the shard is open. */
  readonly closedMs: number | undefined;
}

export function isOpen(shard: LineageShard): boolean {
  return shard.closedMs === undefined;
}

/** Took records at `timeMs`: created then or before, and closed then or later, or not at all. */
export function wasOpenAt(shard: LineageShard, timeMs: number): boolean {
  return shard.createdMs <= timeMs && (shard.closedMs === undefined || shard.closedMs >= timeMs);
}

/** Can hold records that arrived at `timeMs` or later. */
export function isOpenAtOrAfter(shard: LineageShard, timeMs: number): boolean {
  return shard.closedMs === undefined || shard.closedMs >= timeMs;
}

/**
 * Still part of the stream: open, or closed less than a retention period before `nowMs`. A shard that is
 * not retained holds no readable record and vanishes from listings.
 */
export function isRetained(shard: LineageShard, nowMs: number, retentionMs: number): boolean {
  return shard.closedMs === undefined || shard.closedMs > nowMs - retentionMs;
}

/** Children of each shard, by parent index, in order of creation. */
export function childrenOf<S extends LineageShard>(shards: Iterable<S>): Map<number, S[]> {
  const children = new Map<number, S[]>();
  for (const shard of shards) {
    for (const parent of shard.parents) {
      const known = children.get(parent);
      if (known === undefined) children.set(parent, [shard]);
      else known.push(shard);
    }
  }
  for (const siblings of children.values()) siblings.sort((one, other) => one.shardIndex - other.shardIndex);
  return children;
}

/** All ancestors of a shard that `find` still knows, nearest first, each once. */
export function ancestorsOf<S extends LineageShard>(
  shard: S,
  find: (shardIndex: number) => S | undefined,
): S[] {
  const seen = new Set<number>();
  const ancestors: S[] = [];
  let generation: readonly number[] = shard.parents;
  while (generation.length > 0) {
    const next: number[] = [];
    for (const index of generation) {
      if (seen.has(index)) continue;
      seen.add(index);
      const ancestor = find(index);
      if (ancestor === undefined) continue;
      ancestors.push(ancestor);
      next.push(...ancestor.parents);
    }
    generation = next;
  }
  return ancestors;
}
