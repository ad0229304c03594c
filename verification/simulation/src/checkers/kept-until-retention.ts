/**
 * Promise 4: records stay until their retention ends and are gone after it, for ever. That they stay is part
 * of `acknowledged-is-durable`, which knows why a record is missing; this one sees what is there and should
 * not be, and shards that go too early or come back.
 */
import { BrokenPromise } from "../broken-promise.ts";
import { retentionBetween, shardMayBeGone } from "../ledger.ts";
import type { Checker } from "./events.ts";

export const keptUntilRetention: Checker = {
  name: "kept-until-retention-and-gone-after",

  read({ stream, shard, records, sent, received }) {
    const first = records[0];
    if (first === undefined) return;
    const place = `${first.sequenceNumber} of ${stream.name}/${shard.shardId}, which arrived at ${first.arrivalMs},`;
    if (
      first.sequenceNumber < shard.goneBelow &&
      shard.goneKnown !== undefined &&
      shard.goneKnown.order < sent.order
    ) {
      throw broken(`${place} came back: everything below ${shard.goneBelow} was gone`);
    }
    const { mostMs } = retentionBetween(stream, sent, received);
    if (first.arrivalMs < sent.leastMs - mostMs) {
      throw broken(
        `${place} was read at ${sent.leastMs}, ${sent.leastMs - mostMs - first.arrivalMs} ms past retention`,
      );
    }
    const { horizonKnown } = stream;
    if (
      horizonKnown !== undefined &&
      horizonKnown.order < sent.order &&
      first.arrivalMs < stream.horizonLeastMs
    ) {
      throw broken(
        `${place} came back: retention had ended at ${stream.horizonLeastMs} before it was raised`,
      );
    }
  },

  listed({ stream, shards, sent, received }) {
    const listed = new Set(shards.map(({ shardId }) => shardId));
    for (const shard of stream.shards.values()) {
      const place = `${stream.name}/${shard.shardId}`;
      if (listed.has(shard.shardId)) {
        if (shard.vanished !== undefined && shard.vanished.order < sent.order)
          throw broken(`${place} was past retention and came back`);
        continue;
      }
      if (shard.vanished !== undefined || shard.lastOpen === undefined) continue;
      // It may have come into being after this listing was made.
      if (shard.listed === undefined || shard.listed.order > sent.order) continue;
      if (!shardMayBeGone(stream, shard, sent, received)) {
        throw broken(`${place} was open at ${shard.lastOpen.leastMs} and is not listed at ${sent.leastMs}`);
      }
    }
  },
};

function broken(detail: string): BrokenPromise {
  return new BrokenPromise("kept-until-retention-and-gone-after", detail);
}
