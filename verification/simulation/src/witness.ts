/**
 * Where clients report what they were answered: every checker looks at it, then the ledger takes note of it,
 * so that later answers are compared with this one.
 */
import { acknowledgedIsDurable } from "./checkers/acknowledged-is-durable.ts";
import { closedIsClosed } from "./checkers/closed-is-closed.ts";
import type {
  Acknowledgement,
  Checker,
  IteratorUse,
  Listing,
  Missing,
  Page,
  Past,
  RefusedStart,
  Unreadable,
} from "./checkers/events.ts";
import { iterators } from "./checkers/iterators.ts";
import { keptUntilRetention } from "./checkers/kept-until-retention.ts";
import { oneTotalOrder } from "./checkers/one-total-order.ts";
import { routing } from "./checkers/routing.ts";
import type { Attempt, Ledger, ShardModel, StreamModel } from "./ledger.ts";
import { shardOf } from "./ledger.ts";
import type { Moment } from "./world/world.ts";

export class Witness {
  readonly #ledger: Ledger;
  readonly #checkers: readonly Checker[];

  constructor(ledger: Ledger, past: Past) {
    this.#ledger = ledger;
    // A record that is lost and whose number is given out again is both; its loss is the cause.
    this.#checkers = [
      acknowledgedIsDurable(past),
      closedIsClosed,
      oneTotalOrder(ledger),
      keptUntilRetention,
      routing(ledger),
      iterators(ledger),
    ];
  }

  acknowledged(event: Acknowledgement): void {
    this.#ledger.acknowledgedCount += 1;
    const { stream, shard, attempt, sequenceNumber, received } = event;
    // A put that was on its way while its stream was deleted and made again may lie in either.
    if (stream.doomedOrder < received.order || !this.#ledger.isCurrent(stream)) return;
    for (const checker of this.#checkers) checker.acknowledged?.(event);
    const record = this.#ledger.know(shard, sequenceNumber, attempt, { sent: attempt.sent, received });
    record.acknowledged ??= received;
    noteOpen(stream, shard, attempt, received);
  }

  read(page: Page): void {
    const { stream, shard, records, sent, received } = page;
    this.#ledger.readCount += records.length;
    for (const checker of this.#checkers) checker.read?.(page);
    for (const { sequenceNumber, arrivalMs, data } of records) {
      const attempt = this.#ledger.attemptOf(data) as Attempt;
      const record = this.#ledger.know(shard, sequenceNumber, attempt, { sent, received });
      record.wasRead = true;
      record.arrivalMs = arrivalMs;
    }
    noteHorizon(page);
    if (!page.ended) return;
    shard.closedKnown = earlier(shard.closedKnown, received);
    if (page.chainFromHorizon !== undefined) shard.endRead ??= received;
    for (const child of page.children) {
      const model = shardOf(stream, child.shardId);
      model.range = { start: child.start, end: child.end };
      model.parents ??= child.parents;
    }
  }

  listed(listing: Listing): void {
    const { stream, shards, sent, received } = listing;
    for (const checker of this.#checkers) checker.listed?.(listing);
    for (const listed of shards) {
      const shard = shardOf(stream, listed.shardId);
      shard.range = { start: listed.start, end: listed.end };
      shard.parents = listed.parents;
      shard.startingSequenceNumber = listed.startingSequenceNumber;
      shard.listed = received;
      if (listed.endingSequenceNumber === undefined) shard.lastOpen = later(shard.lastOpen, sent);
      else {
        shard.endingSequenceNumber = listed.endingSequenceNumber;
        shard.closedKnown = earlier(shard.closedKnown, received);
      }
    }
    const listedIds = new Set(shards.map(({ shardId }) => shardId));
    for (const shard of stream.shards.values()) {
      // One that was listed later than this was made, and is not in it, has only come since.
      const isOld = shard.listed !== undefined && shard.listed.order < sent.order;
      if (!listedIds.has(shard.shardId) && isOld) shard.vanished ??= received;
    }
    for (const shard of stream.shards.values()) {
      for (const parentId of shard.parents ?? []) {
        const parent = stream.shards.get(parentId);
        if (parent !== undefined) parent.closedKnown = earlier(parent.closedKnown, received);
      }
    }
  }

  unreadable(event: Unreadable): void {
    for (const checker of this.#checkers) checker.unreadable?.(event);
  }

  missing(event: Missing): void {
    for (const checker of this.#checkers) checker.missing?.(event);
  }

  iteratorUsed(use: IteratorUse): void {
    for (const checker of this.#checkers) checker.iteratorUsed?.(use);
  }

  refusedToStart(refusal: RefusedStart): void {
    for (const checker of this.#checkers) checker.refusedToStart?.(refusal);
  }
}

/** A shard that took a record was open when the put was sent, or after; its parents were closed by then. */
function noteOpen(stream: StreamModel, shard: ShardModel, attempt: Attempt, received: Moment): void {
  shard.openKnown ??= received;
  shard.lastOpen = later(shard.lastOpen, attempt.sent);
  for (const parentId of shard.parents ?? []) {
    const parent = stream.shards.get(parentId);
    if (parent !== undefined) parent.closedKnown = earlier(parent.closedKnown, received);
  }
}

/** What a reader from the horizon did not see any more is gone for everybody who asks later. */
function noteHorizon({ shard, cursor, records, sent, received, atTip }: Page): void {
  if (cursor.kind !== "horizon") return;
  let below = records[0]?.sequenceNumber ?? "";
  if (below === "" && atTip) {
    // Behind the last one, as no number stands between it and this text.
    for (const { sequenceNumber, known } of shard.sorted)
      if (known.order < sent.order) below = `${sequenceNumber}+`;
  }
  if (below <= shard.goneBelow) return;
  shard.goneBelow = below;
  shard.goneKnown = received;
}

function earlier(one: Moment | undefined, other: Moment): Moment {
  return one !== undefined && one.order <= other.order ? one : other;
}

function later(one: Moment | undefined, other: Moment): Moment {
  return one !== undefined && one.order >= other.order ? one : other;
}
