/** A record lies in the shard whose range holds its hash key, and open shards tile the ring. */
import { HASH_KEY_MAX } from "@millrace/model";
import { BrokenPromise } from "../broken-promise.ts";
import type { Attempt, Ledger, ShardModel, StreamModel } from "../ledger.ts";
import type { Checker } from "./events.ts";

export function routing(ledger: Ledger): Checker {
  return {
    name: "routing",

    acknowledged: ({ stream, shard, attempt }) => refuseMisplaced(stream, shard, attempt),

    read({ stream, shard, records, ended, children }) {
      for (const { data } of records) {
        const attempt = ledger.attemptOf(data);
        if (attempt !== undefined) refuseMisplaced(stream, shard, attempt);
      }
      if (!ended || shard.range === undefined) return;
      const { start, end } = shard.range;
      const inside = children.filter((child) => child.end >= start && child.start <= end);
      if (inside.length !== children.length || !tiles(inside, start, end)) {
        throw broken(`the children of ${stream.name}/${shard.shardId} do not take over its range`);
      }
    },

    listed({ stream, shards }) {
      const open = shards.filter(({ endingSequenceNumber }) => endingSequenceNumber === undefined);
      if (!tiles(open, 0n, HASH_KEY_MAX)) {
        throw broken(
          `the open shards of ${stream.name} do not tile the ring: ${open.map(({ shardId }) => shardId).join(", ")}`,
        );
      }
      for (const { shardId, start, end } of shards) {
        const shard = stream.shards.get(shardId);
        if (shard?.range === undefined) {
          for (const { attempt } of shard?.sorted ?? [])
            refuseMisplaced(stream, { shardId, range: { start, end } }, attempt);
        } else if (shard.range.start !== start || shard.range.end !== end) {
          throw broken(`the range of ${stream.name}/${shardId} changed`);
        }
      }
    },
  };
}

/** Ranges cover everything from `start` to `end`, and overlap nowhere in between. */
function tiles(
  ranges: readonly { readonly start: bigint; readonly end: bigint }[],
  start: bigint,
  end: bigint,
): boolean {
  const inOrder = [...ranges].sort((one, other) => (one.start < other.start ? -1 : 1));
  let next: bigint | undefined;
  for (const range of inOrder) {
    if (next === undefined ? range.start > start : range.start !== next) return false;
    next = range.end + 1n;
  }
  return next !== undefined && next > end;
}

function refuseMisplaced(
  stream: StreamModel,
  { shardId, range }: Pick<ShardModel, "shardId" | "range">,
  { id, hashKey }: Attempt,
): void {
  if (range === undefined || (hashKey >= range.start && hashKey <= range.end)) return;
  throw broken(
    `record ${id} with hash key ${hashKey} lies in ${stream.name}/${shardId}, whose range is ${range.start} to ${range.end}`,
  );
}

function broken(detail: string): BrokenPromise {
  return new BrokenPromise("routing", detail);
}
