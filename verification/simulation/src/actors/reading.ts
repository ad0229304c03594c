/** Reading one shard through a chain of iterators, with every page reported. */
import type { InputOf, OutputOf } from "@millrace/api";
import type { GetRecords, GetShardIterator } from "@millrace/api";
import type { Cursor, Page, ReadRecord, ToldChild } from "../checkers/events.ts";
import type { ShardModel, StreamModel } from "../ledger.ts";
import { shardMayBeGone } from "../ledger.ts";
import type { Client, Outcome } from "../world/client.ts";
import type { Moment } from "../world/world.ts";
import type { Cast, Refusal } from "./cast.ts";
import { expectRefusal, reportUnreadable } from "./cast.ts";

/** Where a reader asks to begin. */
export type Start =
  | { readonly type: "TRIM_HORIZON" | "LATEST" }
  | { readonly type: "AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER"; readonly sequenceNumber: string }
  | { readonly type: "AT_TIMESTAMP"; readonly timestampMs: number };

/** An iterator, and the moments between which it was made. */
export interface HeldIterator {
  readonly stream: StreamModel;
  readonly token: string;
  readonly madeAfter: Moment;
  readonly madeBefore: Moment;
}

/** Why reading stopped. */
export type ReadingEnd = "tip" | "shard end" | "enough" | "refused" | "lost";

/** How long a reader waits that was throttled, virtual milliseconds. */
const THROTTLED_MS = 300;
/** Answers that may be lost one after the other before a reader gives up. */
const LOST_MAX = 3;

export class ShardReader {
  readonly #cast: Cast;
  readonly #client: Client;
  readonly #stream: StreamModel;
  readonly #shard: ShardModel;
  #iterator: HeldIterator | undefined;
  #cursor: Cursor = { kind: "horizon" };
  #fromHorizon: Moment | undefined;
  children: readonly ToldChild[] = [];

  constructor(cast: Cast, client: Client, stream: StreamModel, shard: ShardModel) {
    this.#cast = cast;
    this.#client = client;
    this.#stream = stream;
    this.#shard = shard;
  }

  get iterator(): HeldIterator | undefined {
    return this.#iterator;
  }

  /** Asks for an iterator. Undefined when it got one; otherwise why not. */
  async open(start: Start): Promise<ReadingEnd | undefined> {
    const outcome = await this.#persist(() =>
      this.#client.call("GetShardIterator", iteratorInput(this.#stream.name, this.#shard.shardId, start)),
    );
    if (outcome.kind === "lost") return "lost";
    if (outcome.kind === "refused") {
      this.#expect("GetShardIterator", outcome);
      return "refused";
    }
    const { sent, received } = outcome;
    // It may be another incarnation's that was asked.
    if (received.order > this.#stream.doomedOrder) return "refused";
    this.#cursor = cursorOf(start, sent, received);
    this.#fromHorizon = start.type === "TRIM_HORIZON" ? sent : undefined;
    const token = outcome.output.ShardIterator as string;
    this.#iterator = { stream: this.#stream, token, madeAfter: sent, madeBefore: received };
    return undefined;
  }

  /** Reads until the tip, the end of the shard or `pagesMax` pages, whichever comes first. */
  async read(pagesMax: number, limit: number): Promise<ReadingEnd> {
    for (let pages = 0; pages < pagesMax; pages += 1) {
      const end = await this.#readPage(limit);
      if (end !== undefined) return end;
    }
    return "enough";
  }

  async #readPage(limit: number): Promise<ReadingEnd | undefined> {
    const iterator = this.#iterator;
    if (iterator === undefined) throw new Error("there is no iterator to read with");
    const outcome = await this.#persist(() =>
      this.#client.call("GetRecords", { ShardIterator: iterator.token, Limit: limit }),
    );
    if (outcome.kind === "lost") return "lost";
    const { sent, received } = outcome;
    const use = { ...iterator, forged: false, sent, received };
    if (outcome.kind === "refused") {
      this.#cast.witness.iteratorUsed({ ...use, answer: outcome });
      this.#expect("GetRecords", outcome);
      return "refused";
    }
    this.#cast.witness.iteratorUsed({ ...use, answer: { kind: "answered" } });
    const page = this.#pageOf(outcome.output, limit, sent, received);
    this.#cast.witness.read(page);
    const last = page.records.at(-1);
    if (last !== undefined) this.#cursor = { kind: "after", sequenceNumber: last.sequenceNumber };
    this.children = page.children;
    const token = outcome.output.NextShardIterator;
    if (token === undefined) return "shard end";
    this.#iterator = { stream: this.#stream, token, madeAfter: sent, madeBefore: received };
    return page.atTip ? "tip" : undefined;
  }

  #pageOf(output: OutputOf<typeof GetRecords>, limit: number, sent: Moment, received: Moment): Page {
    const ended = output.NextShardIterator === undefined;
    return {
      stream: this.#stream,
      shard: this.#shard,
      cursor: this.#cursor,
      chainFromHorizon: this.#fromHorizon,
      records: output.Records.map(readRecord),
      upTo: undefined,
      atTip: ended || (output.Records.length < limit && output.MillisBehindLatest === 0),
      ended,
      children: (output.ChildShards ?? []).map(toldChild),
      sent,
      received,
    };
  }

  /** Asks again when no answer comes or a rate is exceeded, a few times. */
  async #persist<Name extends "GetRecords" | "GetShardIterator">(
    call: () => Promise<Outcome<Name>>,
  ): Promise<Outcome<Name>> {
    const { world } = this.#cast;
    const { life } = world;
    for (let lost = 0; ;) {
      const outcome = await call();
      if (outcome.kind === "lost") {
        lost += 1;
        if (lost > LOST_MAX || world.life !== life || world.server === undefined) return outcome;
      } else if (outcome.kind === "refused" && outcome.code === "ProvisionedThroughputExceededException") {
        await world.clock.sleep(THROTTLED_MS);
      } else return outcome;
    }
  }

  #expect(operation: "GetRecords" | "GetShardIterator", refusal: Refusal): void {
    reportUnreadable(this.#cast, refusal, this.#stream, this.#shard);
    const mayHaveGone = shardMayBeGone(this.#stream, this.#shard, refusal.received, refusal.received);
    if (
      refusal.code === "ResourceNotFoundException" &&
      !mayHaveGone &&
      this.#stream.doomedOrder > refusal.received.order
    ) {
      const what = `${this.#stream.name}/${this.#shard.shardId} took records and is not there any more`;
      const { lastOpen = refusal.sent } = this.#shard;
      this.#cast.witness.missing({ what, proven: lastOpen, received: refusal.received });
    }
    if (
      operation === "GetShardIterator" &&
      refusal.code === "InvalidArgumentException" &&
      this.#stream.doomedOrder > refusal.received.order
    ) {
      // A number that a shard gave out is not known to it: another shard has its id now.
      const what = `${this.#stream.name}/${this.#shard.shardId} is not the shard that it was: ${refusal.message}`;
      const { lastOpen = refusal.sent } = this.#shard;
      this.#cast.witness.missing({ what, proven: lastOpen, received: refusal.received });
    }
    expectRefusal(this.#cast, operation, refusal, this.#stream, [
      "ExpiredIteratorException",
      ...(mayHaveGone ? ["ResourceNotFoundException"] : []),
    ]);
  }
}

function iteratorInput(StreamName: string, ShardId: string, start: Start): InputOf<typeof GetShardIterator> {
  const common = { StreamName, ShardId, ShardIteratorType: start.type };
  if (start.type === "AT_TIMESTAMP") return { ...common, Timestamp: start.timestampMs };
  return "sequenceNumber" in start ? { ...common, StartingSequenceNumber: start.sequenceNumber } : common;
}

type Records = OutputOf<typeof GetRecords>["Records"];
type Children = NonNullable<OutputOf<typeof GetRecords>["ChildShards"]>;

export function readRecord(record: Records[number]): ReadRecord {
  return {
    sequenceNumber: record.SequenceNumber,
    arrivalMs: record.ApproximateArrivalTimestamp ?? Number.NaN,
    data: record.Data,
    partitionKey: record.PartitionKey,
  };
}

export function toldChild({ ShardId, ParentShards, HashKeyRange }: Children[number]): ToldChild {
  return {
    shardId: ShardId,
    parents: ParentShards,
    start: BigInt(HashKeyRange.StartingHashKey),
    end: BigInt(HashKeyRange.EndingHashKey),
  };
}

export function cursorOf(start: Start, sent: Moment, received: Moment): Cursor {
  switch (start.type) {
    case "TRIM_HORIZON":
      return { kind: "horizon" };
    case "LATEST":
      return { kind: "latest", sent, received };
    case "AT_SEQUENCE_NUMBER":
      return { kind: "at", sequenceNumber: start.sequenceNumber };
    case "AFTER_SEQUENCE_NUMBER":
      return { kind: "after", sequenceNumber: start.sequenceNumber };
    case "AT_TIMESTAMP":
      return { kind: "time", timestampMs: start.timestampMs, sent };
  }
}
