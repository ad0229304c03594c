/**
 * Gives back what is past retention. Readers never see such records, pass or no pass (`shards/read.ts`); the
 * pass makes their end durable: it trims the logs, and removes closed shards whose records are all gone.
 */
import type { StreamChange } from "../catalog/catalog.ts";
import { shardKey } from "../catalog/records.ts";
import type { Shard } from "../catalog/shard.ts";
import type { Stream } from "../catalog/stream.ts";
import type { StreamsContext } from "../context.ts";

/** How often the pass runs, in service milliseconds. */
const PERIOD_MS = 60_000;

/** Shards that one commit trims: bounds the size of a commit. */
const SHARDS_PER_COMMIT_MAX = 1_000;

export function startRetention(context: StreamsContext): void {
  const { background, clock } = context;
  const run = async (): Promise<void> => {
    // Next first: a pass that fails must not be the last.
    background.schedule("retention", clock.nowMs() + PERIOD_MS, run);
    await retentionPass(context);
  };
  background.schedule("retention", clock.nowMs() + PERIOD_MS, run);
}

/** One pass over all streams. */
export async function retentionPass(context: StreamsContext): Promise<void> {
  for (const stream of context.catalog.all()) {
    // What is still being copied is told apart by its last entry, so that stays.
    const isCopied = stream.header.import?.isFinished === false;
    if (!stream.gone && !isCopied && stream.header.status !== "DELETING") await passOver(context, stream);
  }
}

async function passOver(context: StreamsContext, stream: Stream): Promise<void> {
  const nowMs = context.clock.nowMs();
  const horizonMs = stream.horizonMs(nowMs);
  // Records arrive after their stream was created, so nothing in a young one is past retention.
  if (horizonMs <= stream.header.createdMs) return;
  const trims = await trimsBelow(context, stream, horizonMs);
  for (let at = 0; at < trims.length; at += SHARDS_PER_COMMIT_MAX) {
    const outcome = await context.engine.state.commit({ trims: trims.slice(at, at + SHARDS_PER_COMMIT_MAX) });
    if (outcome.kind !== "committed") return;
  }
  const isExpired = (shard: Shard): boolean => {
    if (shard.closedMs === undefined || shard.closedMs >= horizonMs) return false;
    const bounds = context.engine.describe(shard.logId);
    return bounds === undefined || bounds.trimIndex >= bounds.nextIndex;
  };
  if (!stream.storedShards().some(isExpired)) return;
  await context.catalog.change(stream, (current) =>
    current === stream && !stream.gone
      ? removalOf(stream, stream.storedShards().filter(isExpired))
      : undefined,
  );
}

/**
 * For each log that holds entries which arrived before `horizonMs`, the index of the first that did not.
 * Raising the retention period commits these too, so that nothing comes back.
 */
export async function trimsBelow(
  context: StreamsContext,
  stream: Stream,
  horizonMs: number,
): Promise<(readonly [logId: number, index: number])[]> {
  const { engine } = context;
  const trims: (readonly [number, number])[] = [];
  const logIds = stream
    .storedShards()
    .flatMap(({ logId, createdMs }) => (createdMs < horizonMs ? [logId] : []));
  // While something that is known here is young enough, what else there may be is too. Those that are asked about together lie together.
  const isAllOld = (logId: number): boolean => (engine.describe(logId)?.lastArrivalMs ?? 0) < horizonMs;
  await Promise.all(logIds.filter(isAllOld).map(async (logId) => await engine.refresh?.(logId, "newest")));
  for (const logId of logIds) {
    const bounds = engine.describe(logId);
    if (bounds === undefined || bounds.trimIndex >= bounds.nextIndex) continue;
    const index = bounds.lastArrivalMs < horizonMs ? bounds.nextIndex : await engine.seek(logId, horizonMs);
    if (index > bounds.trimIndex) trims.push([logId, index]);
  }
  return trims;
}

function removalOf(stream: Stream, shards: readonly Shard[]): StreamChange | undefined {
  if (shards.length === 0) return undefined;
  const { incarnation } = stream.header;
  return {
    header: stream.header,
    deletes: shards.map(({ shardIndex }) => shardKey(incarnation, shardIndex)),
    drops: shards.map(({ logId }) => logId),
  };
}
