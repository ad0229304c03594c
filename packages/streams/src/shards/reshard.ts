/**
 * Splits and merges as one change of the catalog: parents close, children open, all in one commit. While it
 * is being decided more records may enter the parents; the engine's order of commits says which made it.
 */
import type { HashKeyHex } from "@millrace/model";
import { hashKeyHex, tileRing } from "@millrace/model";
import type { Reshard, ShardRow } from "../catalog/records.ts";
import { shardKey } from "../catalog/records.ts";
import type { Stream } from "../catalog/stream.ts";

/** The part of a commit that changes shards. */
export interface ShardsChange {
  readonly puts: readonly (readonly [key: string, value: string])[];
  readonly opens: readonly number[];
  readonly closes: readonly number[];
  readonly nextShardIndex: number;
}

export interface ReshardSurroundings {
  readonly nowMs: number;
  readonly allocateLogId: () => number;
}

/** The shards of a new stream: equal parts of the ring. */
export function firstShards(
  stream: Stream,
  shardCount: number,
  { allocateLogId }: ReshardSurroundings,
): ShardsChange {
  const plan = new ShardsPlan(stream, stream.header.createdMs, allocateLogId);
  for (const { startingHashKey, endingHashKey } of tileRing(shardCount)) {
    plan.open(hashKeyHex(startingHashKey), hashKeyHex(endingHashKey), []);
  }
  return plan.change();
}

/** What a reshard does to the stream's shards as they are now. */
export function reshard(stream: Stream, request: Reshard, surroundings: ReshardSurroundings): ShardsChange {
  return reshardAll(stream, [request], surroundings);
}

/** Several reshards of different shards as one change. */
export function reshardAll(
  stream: Stream,
  requests: readonly Reshard[],
  { nowMs, allocateLogId }: ReshardSurroundings,
): ShardsChange {
  const plan = new ShardsPlan(stream, nowMs, allocateLogId);
  for (const request of requests) {
    switch (request.kind) {
      case "split":
        plan.split(plan.existing(request.shardIndex), request.newStartingHashKey);
        break;
      case "merge":
        plan.merge(plan.existing(request.shardIndex), plan.existing(request.adjacentShardIndex));
        break;
      case "uniform":
        scaleUniformly(stream, plan, request.targetShardCount);
    }
  }
  return plan.change();
}

/**
 * Cuts every open shard at the borders of the target's tiles, then joins the pieces of each tile. Scaling by
 * two needs splits or merges only; otherwise some shards live for no longer than this change, as the
 * service's documentation says of UpdateShardCount.
 */
function scaleUniformly(stream: Stream, plan: ShardsPlan, targetShardCount: number): void {
  const pieces: PlannedShard[] = [];
  const tiles = tileRing(targetShardCount).map((tile) => ({
    startingHashKey: hashKeyHex(tile.startingHashKey),
    endingHashKey: hashKeyHex(tile.endingHashKey),
  }));
  let at = 0;
  for (const { shardIndex } of stream.openShards()) {
    let piece = plan.existing(shardIndex);
    while (tiles[at]!.endingHashKey < piece.row.endingHashKey) {
      at += 1;
      const [lower, upper] = plan.split(piece, tiles[at]!.startingHashKey);
      pieces.push(lower);
      piece = upper;
    }
    if (tiles[at]!.endingHashKey === piece.row.endingHashKey) at += 1;
    pieces.push(piece);
  }
  let next = 0;
  for (const { endingHashKey } of tiles) {
    let joined = pieces[next++]!;
    while (joined.row.endingHashKey < endingHashKey) joined = plan.merge(joined, pieces[next++]!);
  }
}

interface PlannedShard {
  readonly shardIndex: number;
  row: ShardRow;
}

class ShardsPlan {
  readonly #stream: Stream;
  readonly #nowMs: number;
  readonly #allocateLogId: () => number;
  /** Shards that the change opens or closes, in order of index. */
  readonly #touched = new Map<number, PlannedShard>();
  readonly #opens: number[] = [];
  readonly #closes: number[] = [];
  #nextShardIndex: number;

  constructor(stream: Stream, nowMs: number, allocateLogId: () => number) {
    this.#stream = stream;
    this.#nowMs = nowMs;
    this.#allocateLogId = allocateLogId;
    this.#nextShardIndex = stream.header.nextShardIndex;
  }

  existing(shardIndex: number): PlannedShard {
    const shard = this.#stream.shard(shardIndex);
    if (shard === undefined || !shard.isOpen) throw new Error(`shard ${shardIndex} is not open`);
    return { shardIndex, row: shard.row };
  }

  open(
    startingHashKey: HashKeyHex,
    endingHashKey: HashKeyHex,
    parents: readonly PlannedShard[],
  ): PlannedShard {
    const logId = this.#allocateLogId();
    const shard: PlannedShard = {
      shardIndex: this.#nextShardIndex,
      row: {
        startingHashKey,
        endingHashKey,
        // Above every parent's whatever the clock says: children's numbers must exceed their parents'.
        generation: Math.max(
          Math.floor(this.#nowMs / 1_000),
          ...parents.map((parent) => parent.row.generation + 1),
        ),
        parents: parents.map((parent) => parent.shardIndex),
        logId,
        createdMs: this.#nowMs,
      },
    };
    this.#nextShardIndex += 1;
    this.#opens.push(logId);
    this.#touched.set(shard.shardIndex, shard);
    return shard;
  }

  split(parent: PlannedShard, at: HashKeyHex): readonly [lower: PlannedShard, upper: PlannedShard] {
    const { startingHashKey, endingHashKey } = parent.row;
    this.#close(parent);
    const below = hashKeyHex(BigInt(`0x${at}`) - 1n);
    return [this.open(startingHashKey, below, [parent]), this.open(at, endingHashKey, [parent])];
  }

  merge(lower: PlannedShard, upper: PlannedShard): PlannedShard {
    this.#close(lower);
    this.#close(upper);
    return this.open(lower.row.startingHashKey, upper.row.endingHashKey, [lower, upper]);
  }

  change(): ShardsChange {
    const { incarnation } = this.#stream.header;
    return {
      puts: [...this.#touched.values()].map(({ shardIndex, row }) => [
        shardKey(incarnation, shardIndex),
        JSON.stringify(row),
      ]),
      opens: this.#opens,
      closes: this.#closes,
      nextShardIndex: this.#nextShardIndex,
    };
  }

  #close(shard: PlannedShard): void {
    shard.row = { ...shard.row, closedMs: this.#nowMs };
    this.#touched.set(shard.shardIndex, shard);
    this.#closes.push(shard.row.logId);
  }
}
