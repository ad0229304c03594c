/**
 * The catalog as it lies in a data directory that no service runs on: what the keyed state says about streams,
 * and which shard a log belongs to, so that damage can be told in the words of whoever put the records.
 */
import { formatSequenceNumber, formatShardId } from "@millrace/model";
import { parseKey } from "./records.ts";
import type { ShardRow, StreamHeader } from "./records.ts";

export interface StoredShard {
  readonly accountId: string;
  readonly region: string;
  readonly streamName: string;
  readonly shardId: string;
  readonly shardIndex: number;
  readonly generation: number;
  /** The log that holds its records. */
  readonly logId: number;
  readonly isClosed: boolean;
}

export interface StoredStream {
  readonly accountId: string;
  readonly region: string;
  readonly streamName: string;
  readonly status: string;
  readonly retentionHours: number;
  /** In order of index. */
  readonly shards: readonly StoredShard[];
}

/** Streams in order of account, region and name. `state` is what the engine's keyed state holds, as key and value. */
export function storedStreams(state: Iterable<readonly [key: string, value: string]>): StoredStream[] {
  const headers: { accountId: string; region: string; streamName: string; header: StreamHeader }[] = [];
  const rows = new Map<string, [shardIndex: number, row: ShardRow][]>();
  for (const [key, value] of state) {
    const parsed = parseKey(key);
    if (parsed?.kind === "stream") {
      const { accountId, region, name } = parsed;
      headers.push({ accountId, region, streamName: name, header: JSON.parse(value) as StreamHeader });
    } else if (parsed?.kind === "shard") {
      const ofStream = rows.get(parsed.incarnation) ?? [];
      ofStream.push([parsed.shardIndex, JSON.parse(value) as ShardRow]);
      rows.set(parsed.incarnation, ofStream);
    }
  }
  return headers
    .map(({ header, ...name }) => ({
      ...name,
      status: header.status,
      retentionHours: header.retentionHours,
      shards: (rows.get(header.incarnation) ?? [])
        .sort(([one], [other]) => one - other)
        .map(([shardIndex, { logId, generation, closedMs }]) => ({
          ...name,
          shardId: formatShardId(shardIndex),
          shardIndex,
          generation,
          logId,
          isClosed: closedMs !== undefined,
        })),
    }))
    .sort(
      (one, other) =>
        compare(one.accountId, other.accountId) ||
        compare(one.region, other.region) ||
        compare(one.streamName, other.streamName),
    );
}

/** The shard that a log belongs to, by log id. Logs of streams that are gone have none. */
export function shardsByLog(streams: readonly StoredStream[]): ReadonlyMap<number, StoredShard> {
  return new Map(streams.flatMap(({ shards }) => shards.map((shard) => [shard.logId, shard] as const)));
}

/** The number of the first record of an entry of a shard's log. */
export function sequenceNumberOfEntry({ generation, shardIndex }: StoredShard, entryIndex: number): string {
  return formatSequenceNumber({ generation, shardIndex, entryIndex, recordIndex: 0 });
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
