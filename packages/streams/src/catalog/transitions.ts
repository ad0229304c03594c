/**
 * What ends CREATING, UPDATING and DELETING. The pending operation is in the stream's header, so it is
 * resumed after a restart; each ends in one commit.
 */
import type { StreamsContext } from "../context.ts";
import { firstShards, reshard } from "../shards/reshard.ts";
import type { StreamChange } from "./catalog.ts";
import type { PendingOperation, StreamHeader } from "./records.ts";
import { consumerKey, shardKey } from "./records.ts";
import type { Stream } from "./stream.ts";

/** Follows the catalog and finishes what is pending in it when it falls due. Returns a function that stops. */
export function startTransitions(context: StreamsContext): () => void {
  for (const stream of context.catalog.all()) schedule(context, stream);
  return context.catalog.onChange((stream) => schedule(context, stream));
}

function schedule(context: StreamsContext, stream: Stream): void {
  const { pending, incarnation } = stream.header;
  if (pending === undefined || stream.gone) return;
  const key = `${pending.kind} stream ${stream.arn} ${incarnation}`;
  context.background.schedule(key, pending.dueMs, () => finish(context, stream, pending));
}

function finish(context: StreamsContext, stream: Stream, due: PendingOperation): Promise<void> {
  return context.catalog.change(stream, (current) => {
    if (current !== stream) return undefined;
    const { pending } = stream.header;
    // Another transition may have taken the place of the one that was scheduled.
    if (pending?.kind !== due.kind || pending.dueMs !== due.dueMs) return undefined;
    return outcomeOf(context, stream, pending, context.clock.nowMs());
  });
}

function outcomeOf(
  context: StreamsContext,
  stream: Stream,
  pending: PendingOperation,
  nowMs: number,
): StreamChange {
  const surroundings = { nowMs, allocateLogId: () => context.engine.allocateLogId() };
  switch (pending.kind) {
    case "create": {
      const { nextShardIndex, ...shards } = firstShards(stream, pending.shardCount, surroundings);
      return { ...shards, header: settled({ ...stream.header, nextShardIndex }) };
    }
    case "reshard": {
      const { nextShardIndex, ...shards } = reshard(stream, pending.reshard, surroundings);
      return { ...shards, header: settled({ ...stream.header, nextShardIndex }) };
    }
    case "settle":
      return { header: settled(stream.header) };
    case "delete":
      return removal(stream);
  }
}

/** The header without its pending operation. */
function settled(header: StreamHeader): StreamHeader {
  const { pending: _pending, ...rest } = header;
  return { ...rest, status: "ACTIVE" };
}

/** Everything that is stored of a stream, gone. */
function removal(stream: Stream): StreamChange {
  const { incarnation } = stream.header;
  const shards = stream.storedShards();
  return {
    header: null,
    deletes: [
      ...shards.map(({ shardIndex }) => shardKey(incarnation, shardIndex)),
      ...[...stream.consumers.keys()].map((name) => consumerKey(incarnation, name)),
    ],
    drops: shards.map(({ logId }) => logId),
  };
}
