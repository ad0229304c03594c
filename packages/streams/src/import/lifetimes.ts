import type { ShardRow } from "../catalog/records.ts";
import type { Shard } from "../catalog/shard.ts";
import type { Stream } from "../catalog/stream.ts";
import type { StreamsContext } from "../context.ts";
import { entryAt, leadingFieldOf } from "./imported-numbers.ts";

/**
 * When the shards of a copied stream were made and closed. No API tells it, so it is read from what there is: the leading field of
 * a shard's numbers is the second in which it was made (or a little later, after several reshards within a second), records
 * arrived between its making and its closing, and children are made as their parents close.
 *
 * `closed` are the shards, by index, that are not open any more.
 */
export async function lifetimes(
  context: StreamsContext,
  stream: Stream,
  closed: ReadonlySet<number>,
): Promise<ReadonlyMap<number, Pick<ShardRow, "createdMs" | "closedMs">>> {
  const nowMs = context.clock.nowMs();
  const { createdMs: streamCreatedMs } = stream.header;
  const shards = stream.storedShards();
  const madeMs = new Map<number, number>();
  for (const shard of shards)
    madeMs.set(shard.shardIndex, await madeAt(context, shard, streamCreatedMs, nowMs));
  const lives = new Map<number, Pick<ShardRow, "createdMs" | "closedMs">>();
  for (const { shardIndex, parents, logId } of shards) {
    const parentsClosedMs = parents.flatMap((parent) => lives.get(parent)?.closedMs ?? []);
    const createdMs = parentsClosedMs.length > 0 ? Math.max(...parentsClosedMs) : madeMs.get(shardIndex)!;
    if (!closed.has(shardIndex)) {
      lives.set(shardIndex, { createdMs });
      continue;
    }
    const childrenMadeMs = shards
      .filter((shard) => shard.parents.includes(shardIndex))
      .map((child) => madeMs.get(child.shardIndex)!);
    const lastArrivalMs = context.engine.describe(logId)?.lastArrivalMs ?? 0;
    const closedMs = childrenMadeMs.length > 0 ? Math.min(...childrenMadeMs) : createdMs;
    lives.set(shardIndex, { createdMs, closedMs: Math.max(closedMs, lastArrivalMs, createdMs) });
  }
  return lives;
}

async function madeAt(
  { engine }: StreamsContext,
  { logId, startingSequenceNumber, row }: Shard,
  streamCreatedMs: number,
  nowMs: number,
): Promise<number> {
  // The number of a shard that was renumbered tells when it was copied.
  const told = row.renumbered?.startingSequenceNumber ?? startingSequenceNumber;
  const toldMs = (leadingFieldOf(told) ?? 0) * 1_000;
  await engine.refresh?.(logId, "newest");
  const bounds = engine.describe(logId);
  const first = bounds === undefined ? undefined : await entryAt(engine, logId, bounds.trimIndex);
  const firstArrivalMs = typeof first === "object" ? first.arrivalMs : Infinity;
  return Math.min(Math.max(toldMs, streamCreatedMs), nowMs, firstArrivalMs);
}
