import type { KinesisClient } from "@millrace/client";
import type { kinesis, OutputOf } from "@millrace/api";
import type { StartPosition } from "../arguments/start-position.ts";
import type { ShardPosition, ShardSource, StreamRecord } from "./shard-sources.ts";

export type ShardDescription = NonNullable<OutputOf<typeof kinesis.operations.ListShards>["Shards"]>[number];

export interface ReadStreamOptions {
  readonly source: ShardSource;
  readonly shards: readonly ShardDescription[];
  readonly from: StartPosition;
  /** Only these shards, and none of their children; all when empty. */
  readonly shardIds: readonly string[];
  /** Go on when the tip is reached, until `signal` is aborted. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
  /** Called with records of one shard in order; the shard is read on when it resolves. */
  readonly onRecords: (shardId: string, records: readonly StreamRecord[]) => Promise<void>;
}

/**
 * Reads all shards of a stream at once, and after a reshard their children: a child begins when every
 * parent that is read has come to its end, so records of one key stay in order.
 */
export async function readStream(options: ReadStreamOptions): Promise<void> {
  const { shards, shardIds, source, follow, onRecords } = options;
  const stop = new AbortController();
  const stopAll = () => stop.abort();
  if (options.signal.aborted) stopAll();
  options.signal.addEventListener("abort", stopAll, { once: true });

  const known = new Set(shards.map(({ ShardId }) => ShardId));
  const first = firstShards();
  /** Every shard that is read now or will be: what its children wait for. */
  const expected = new Set(first.map(({ ShardId }) => ShardId));
  const begun = new Set<string>();
  const ended = new Set<string>();
  /** Shards that wait for their parents. */
  const waiting = new Map<string, readonly string[]>();
  const work: Promise<void>[] = [];
  let failure: { readonly reason: unknown } | undefined;

  const expectShard = (shardId: string, parents: readonly string[]) => {
    expected.add(shardId);
    if (!begun.has(shardId)) waiting.set(shardId, parents);
  };
  const begin = (shardId: string, position: ShardPosition) => {
    if (begun.has(shardId)) return;
    begun.add(shardId);
    work.push(
      readShard(shardId, position).catch((reason: unknown) => {
        if (!options.signal.aborted) failure ??= { reason };
        stopAll();
      }),
    );
  };
  const beginWhatIsReady = () => {
    for (const [shardId, parents] of waiting) {
      // A parent that nobody reads was before the starting point, or is past retention.
      if (parents.some((parent) => expected.has(parent) && !ended.has(parent))) continue;
      waiting.delete(shardId);
      begin(shardId, childPosition(options.from));
    }
  };
  const readShard = async (shardId: string, position: ShardPosition) => {
    for await (const batch of source(shardId, position, stop.signal)) {
      if (batch.records.length > 0) await onRecords(shardId, batch.records);
      if (batch.children !== undefined) {
        ended.add(shardId);
        if (shardIds.length > 0) return;
        for (const child of batch.children) expectShard(child.ShardId, child.ParentShards);
        for (const child of shards) {
          if (parentsOf(child).includes(shardId)) expectShard(child.ShardId, parentsOf(child));
        }
        beginWhatIsReady();
        return;
      }
      if (!follow && batch.behindMs === 0) return;
    }
  };

  if (shardIds.length === 0) {
    // A shard is listed after its parents, because its number is higher.
    for (const shard of shards) {
      if (parentsOf(shard).some((parent) => expected.has(parent))) expected.add(shard.ShardId);
    }
  }
  for (const shard of first) begin(shard.ShardId, firstPosition(options.from));
  // Promises are added while we wait for those before them.
  for (let at = 0; at < work.length; at += 1) await work[at];
  options.signal.removeEventListener("abort", stopAll);
  if (failure !== undefined) throw failure.reason;

  function firstShards(): readonly ShardDescription[] {
    if (shardIds.length > 0) return shards.filter(({ ShardId }) => shardIds.includes(ShardId));
    if (options.from.kind === "LATEST") return shards.filter(isOpen);
    // The eldest whose data is still kept; their descendants follow from them.
    return shards.filter((shard) => !parentsOf(shard).some((parent) => known.has(parent)));
  }
}

function parentsOf({ ParentShardId, AdjacentParentShardId }: ShardDescription): string[] {
  return [ParentShardId, AdjacentParentShardId].filter((parent) => parent !== undefined);
}

export function isOpen(shard: ShardDescription): boolean {
  return shard.SequenceNumberRange.EndingSequenceNumber === undefined;
}

/** The time may lie in the children's life: then the parents end without a record, and the children begin there. */
function childPosition(from: StartPosition): ShardPosition {
  return from.kind === "AT_TIMESTAMP" ? firstPosition(from) : { Type: "TRIM_HORIZON" };
}

function firstPosition(from: StartPosition): ShardPosition {
  switch (from.kind) {
    case "AT_TIMESTAMP":
      return { Type: from.kind, Timestamp: from.timestampMs };
    case "AT_SEQUENCE_NUMBER":
      return { Type: from.kind, SequenceNumber: from.sequenceNumber };
    default:
      return { Type: from.kind };
  }
}

/** All shards of a stream, page by page. */
export async function listShards(
  client: Pick<KinesisClient, "listShards">,
  streamName: string,
): Promise<ShardDescription[]> {
  const shards: ShardDescription[] = [];
  for (let token: string | undefined; ;) {
    const page = await client.listShards(
      token === undefined ? { StreamName: streamName } : { NextToken: token },
    );
    shards.push(...(page.Shards ?? []));
    token = page.NextToken;
    if (token === undefined) return shards;
  }
}
