/**
 * Promise 3: nothing is acknowledged after a shard's close, children take records only after it, their numbers
 * are above their parents', and every record of the parent can be read before SHARD_END.
 */
import { BrokenPromise } from "../broken-promise.ts";
import type { ShardModel, StreamModel } from "../ledger.ts";
import { mayBeGone } from "../ledger.ts";
import type { Moment } from "../world/world.ts";
import type { Checker, ListedShard } from "./events.ts";

export const closedIsClosed: Checker = {
  name: "closed-is-closed",

  acknowledged({ stream, shard, attempt, sequenceNumber, received }) {
    const place = `record ${attempt.id} was acknowledged as ${sequenceNumber} of ${stream.name}/${shard.shardId}`;
    if (shard.closedKnown !== undefined && attempt.sent.order > shard.closedKnown.order) {
      throw broken(`${place}, and was put after it was known that the shard is closed`);
    }
    refuseBeyondEnd(shard, sequenceNumber, place);
    refuseBelowParents(stream, shard, sequenceNumber, place);
    refuseAboveChildren(stream, shard, sequenceNumber, place);
    const known = shard.records.get(sequenceNumber);
    if (shard.endRead !== undefined && known?.wasRead !== true) {
      const record = {
        sequenceNumber,
        attempt,
        acknowledged: received,
        wasRead: false,
        arrivalMs: undefined,
        known: received,
        proven: received,
      };
      if (!stream.rotten && !mayBeGone(stream, record, attempt.sent, received)) {
        throw broken(`${place}, but was not among its records when they were read to SHARD_END`);
      }
    }
  },

  read(page) {
    const { stream, shard, records, ended, children } = page;
    const first = records[0];
    const last = records.at(-1);
    const place = `a page of ${stream.name}/${shard.shardId}`;
    if (first !== undefined) refuseBelowParents(stream, shard, first.sequenceNumber, place);
    if (last !== undefined) {
      refuseBeyondEnd(shard, last.sequenceNumber, place);
      refuseAboveChildren(stream, shard, last.sequenceNumber, place);
    }
    if (!ended) {
      if (children.length > 0) throw broken(`${place} names children before SHARD_END`);
      return;
    }
    if (children.length === 0) throw broken(`${place} ended without children`);
    for (const child of children) {
      if (!child.parents.includes(shard.shardId)) {
        throw broken(`${place} names ${child.shardId}, whose parents are ${child.parents.join(" and ")}`);
      }
    }
  },

  listed({ stream, shards, sent }) {
    for (const listed of shards) {
      const shard = stream.shards.get(listed.shardId);
      if (shard === undefined) continue;
      checkListed(stream, shard, listed, sent);
    }
  },
};

function checkListed(stream: StreamModel, shard: ShardModel, listed: ListedShard, sent: Moment): void {
  const place = `${stream.name}/${shard.shardId}`;
  const { endingSequenceNumber, startingSequenceNumber } = listed;
  const end = shard.endingSequenceNumber;
  if (endingSequenceNumber === undefined) {
    if (shard.closedKnown !== undefined && shard.closedKnown.order < sent.order) {
      throw broken(`${place} was closed and is listed as open`);
    }
  } else if (end !== undefined && endingSequenceNumber !== end) {
    throw broken(`${place} ended with ${end} and now with ${endingSequenceNumber}`);
  }
  const last = shard.sorted.at(-1);
  if (
    endingSequenceNumber !== undefined &&
    last !== undefined &&
    last.sequenceNumber > endingSequenceNumber
  ) {
    throw broken(`${place} ends with ${endingSequenceNumber}, below its record ${last.sequenceNumber}`);
  }
  const first = shard.sorted[0];
  if (first !== undefined && first.sequenceNumber < startingSequenceNumber) {
    throw broken(`${place} starts with ${startingSequenceNumber}, above its record ${first.sequenceNumber}`);
  }
  for (const parentId of listed.parents) {
    const parent = stream.shards.get(parentId);
    if (parent === undefined) continue;
    const end = parent.endingSequenceNumber ?? parent.sorted.at(-1)?.sequenceNumber ?? "";
    if (startingSequenceNumber <= end) {
      throw broken(
        `${place} starts with ${startingSequenceNumber}, not above ${end} of its parent ${parentId}`,
      );
    }
    if (shard.openKnown !== undefined) refusePutsAfter(stream, parent, shard.openKnown);
  }
}

/** A child took records at `open`: no put that began later can have gone to its parent. */
function refusePutsAfter(stream: StreamModel, parent: ShardModel, open: Moment): void {
  for (const { attempt, acknowledged, sequenceNumber } of parent.sorted) {
    if (acknowledged !== undefined && attempt.sent.order > open.order) {
      throw broken(
        `${sequenceNumber} of ${stream.name}/${parent.shardId} was put and acknowledged after a child had taken records`,
      );
    }
  }
}

function refuseBeyondEnd({ endingSequenceNumber }: ShardModel, sequenceNumber: string, place: string): void {
  if (endingSequenceNumber !== undefined && sequenceNumber > endingSequenceNumber) {
    throw broken(`${place} with ${sequenceNumber}, but the shard ended with ${endingSequenceNumber}`);
  }
}

function refuseBelowParents(
  stream: StreamModel,
  shard: ShardModel,
  sequenceNumber: string,
  place: string,
): void {
  for (const parentId of shard.parents ?? []) {
    const parent = stream.shards.get(parentId);
    const end = parent?.endingSequenceNumber ?? parent?.sorted.at(-1)?.sequenceNumber;
    if (end !== undefined && sequenceNumber <= end) {
      throw broken(`${place} with ${sequenceNumber}, not above ${end} of the parent ${parentId}`);
    }
  }
}

function refuseAboveChildren(
  stream: StreamModel,
  shard: ShardModel,
  sequenceNumber: string,
  place: string,
): void {
  for (const child of stream.shards.values()) {
    if (child.parents?.includes(shard.shardId) !== true) continue;
    const start = child.startingSequenceNumber ?? child.sorted[0]?.sequenceNumber;
    if (start !== undefined && sequenceNumber >= start) {
      throw broken(`${place} with ${sequenceNumber}, not below ${start} of the child ${child.shardId}`);
    }
  }
}

function broken(detail: string): BrokenPromise {
  return new BrokenPromise("closed-is-closed", detail);
}
