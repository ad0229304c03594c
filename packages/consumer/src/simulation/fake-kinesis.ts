/**
 * A stream in memory, for simulations: shards that split and merge, iterators that expire, reads that are throttled,
 * subscriptions that end. What it answers follows the service's contracts; what goes wrong on the way is decided elsewhere.
 */
import { type Decoded, ServiceError, type Shard } from "@millrace/api";
import type { SubscriptionEvent } from "@millrace/client";
import { formatShardId, hashKeyHexOf, mergeRanges, splitRange, tileRing } from "@millrace/model";
import type { HashKeyRange } from "@millrace/model";
import type { Clock } from "@millrace/runtime";
import type { ReadingClient } from "../reading-client.ts";

export interface FakeRecord {
  readonly sequenceNumber: string;
  readonly partitionKey: string;
  readonly data: Uint8Array;
  /** How many were packed into it; 1 when none were. */
  readonly userRecordCount: number;
  readonly arrivalMs: number;
}

export interface FakeShard {
  readonly shardId: string;
  readonly parents: readonly string[];
  readonly range: HashKeyRange;
  readonly records: FakeRecord[];
  children: FakeShard[];
}

const STREAM_ARN = "arn:aws:kinesis:us-east-1:123456789012:stream/orders";
const ITERATOR_LIFE_MS = 300_000;
const SUBSCRIPTION_LIFE_MS = 300_000;
const READS_PER_SECOND = 5;

export class FakeKinesis {
  readonly #clock: Clock;
  readonly #createdMs: number;
  readonly shards: FakeShard[] = [];
  readonly #reads = new Map<string, number[]>();
  readonly #subscriptions = new Map<string, symbol>();
  #isRegistered = false;
  #recordCount = 0;

  constructor(clock: Clock, shardCount: number) {
    this.#clock = clock;
    this.#createdMs = clock.nowMs();
    for (const range of tileRing(shardCount)) this.#addShard([], range);
  }

  get openShards(): FakeShard[] {
    return this.shards.filter((shard) => shard.children.length === 0);
  }

  shard(shardId: string): FakeShard {
    const shard = this.shards.find((one) => one.shardId === shardId);
    if (shard === undefined) throw failure("ResourceNotFoundException", `${shardId} does not exist`);
    return shard;
  }

  /** @param userRecordCount how many records of the key are packed in the data. */
  put(
    partitionKey: string,
    data: Uint8Array,
    userRecordCount: number,
  ): { readonly shard: FakeShard; readonly record: FakeRecord } {
    const hashKey = BigInt(`0x${hashKeyHexOf(partitionKey)}`);
    const shard = this.openShards.find(
      ({ range }) => range.startingHashKey <= hashKey && hashKey <= range.endingHashKey,
    )!;
    this.#recordCount += 1;
    const record = {
      sequenceNumber: String(49n * 10n ** 20n + BigInt(this.#recordCount)),
      partitionKey,
      data,
      userRecordCount,
      arrivalMs: this.#clock.nowMs(),
    };
    shard.records.push(record);
    return { shard, record };
  }

  split(shard: FakeShard): void {
    const { startingHashKey, endingHashKey } = shard.range;
    const halves = splitRange(shard.range, (startingHashKey + endingHashKey) / 2n + 1n);
    if (halves === undefined) return;
    shard.children = halves.map((range) => this.#addShard([shard.shardId], range));
  }

  /** Merges an open shard with its open neighbour above; false when it has none. */
  merge(shard: FakeShard): boolean {
    const after = shard.range.endingHashKey + 1n;
    const neighbour = this.openShards.find(({ range }) => range.startingHashKey === after);
    if (neighbour === undefined) return false;
    const child = this.#addShard(
      [shard.shardId, neighbour.shardId],
      mergeRanges(shard.range, neighbour.range)!,
    );
    shard.children = [child];
    neighbour.children = [child];
    return true;
  }

  #addShard(parents: readonly string[], range: HashKeyRange): FakeShard {
    const shard = { shardId: formatShardId(this.shards.length), parents, range, records: [], children: [] };
    this.shards.push(shard);
    return shard;
  }

  /** Calls without a network between. */
  readonly client: ReadingClient = {
    describeStreamSummary: async () => ({
      StreamDescriptionSummary: {
        StreamName: "orders",
        StreamARN: STREAM_ARN,
        StreamStatus: "ACTIVE",
        RetentionPeriodHours: 24,
        StreamCreationTimestamp: this.#createdMs,
        EnhancedMonitoring: [],
        OpenShardCount: this.openShards.length,
      },
    }),

    listShards: async ({ NextToken }) => {
      // Small pages, so that a listing is not of one moment.
      const from = Number(NextToken ?? 0);
      const to = from + 5;
      return {
        Shards: this.shards.slice(from, to).map(describe),
        ...(to < this.shards.length ? { NextToken: String(to) } : {}),
      };
    },

    getShardIterator: async (input) => {
      const { records, shardId } = this.shard(input.ShardId);
      const number = input.StartingSequenceNumber ?? "";
      const index = this.#indexOf(records, input.ShardIteratorType, number, input.Timestamp ?? 0);
      return { ShardIterator: `${shardId}|${index}|${this.#clock.nowMs() + ITERATOR_LIFE_MS}` };
    },

    getRecords: async ({ ShardIterator, Limit = 10_000 }) => {
      const [shardId = "", index, expiresMs] = ShardIterator.split("|");
      const shard = this.shard(shardId);
      const nowMs = this.#clock.nowMs();
      if (nowMs > Number(expiresMs)) throw failure("ExpiredIteratorException", "Iterator expired.");
      const reads = (this.#reads.get(shardId) ?? []).filter((readMs) => readMs > nowMs - 1_000);
      if (reads.length >= READS_PER_SECOND) {
        throw failure("ProvisionedThroughputExceededException", "Rate exceeded for shard.");
      }
      this.#reads.set(shardId, [...reads, nowMs]);
      const from = Number(index);
      const records = shard.records.slice(from, from + Limit);
      const to = from + records.length;
      const isEnd = to === shard.records.length && shard.children.length > 0;
      return {
        Records: records.map(answer),
        MillisBehindLatest: to === shard.records.length ? 0 : 1,
        ...(isEnd
          ? { ChildShards: shard.children.map(describeChild) }
          : { NextShardIterator: `${shardId}|${to}|${nowMs + ITERATOR_LIFE_MS}` }),
      };
    },

    describeStreamConsumer: async () => {
      if (!this.#isRegistered) throw failure("ResourceNotFoundException", "no such consumer");
      const ConsumerARN = `${STREAM_ARN}/consumer/app:1`;
      return {
        ConsumerDescription: {
          ConsumerName: "app",
          ConsumerARN,
          ConsumerStatus: "ACTIVE",
          ConsumerCreationTimestamp: this.#createdMs,
          StreamARN: STREAM_ARN,
        },
      };
    },

    registerStreamConsumer: async () => {
      if (this.#isRegistered) throw failure("ResourceInUseException", "there is such a consumer");
      this.#isRegistered = true;
      return {
        Consumer: {
          ConsumerName: "app",
          ConsumerARN: `${STREAM_ARN}/consumer/app:1`,
          ConsumerStatus: "CREATING",
          ConsumerCreationTimestamp: this.#createdMs,
        },
      };
    },

    subscribeToShard: (input) => this.#events(input),
  };

  async *#events({
    ShardId,
    StartingPosition: position,
  }: Parameters<ReadingClient["subscribeToShard"]>[0]): AsyncGenerator<SubscriptionEvent> {
    const shard = this.shard(ShardId);
    // A new subscription ends the one before it, as with the service after five seconds.
    const self = Symbol(ShardId);
    this.#subscriptions.set(ShardId, self);
    const number = position.SequenceNumber ?? "";
    let index = this.#indexOf(shard.records, position.Type, number, position.Timestamp ?? 0);
    const endMs = this.#clock.nowMs() + SUBSCRIPTION_LIFE_MS;
    let last = shard.records[index - 1]?.sequenceNumber ?? number;
    while (this.#clock.nowMs() < endMs) {
      if (this.#subscriptions.get(ShardId) !== self)
        throw failure("ResourceInUseException", "subscribed anew");
      const records = shard.records.slice(index, index + 50);
      index += records.length;
      last = records.at(-1)?.sequenceNumber ?? last;
      const isEnd = index === shard.records.length && shard.children.length > 0;
      yield {
        Records: records.map(answer),
        MillisBehindLatest: index === shard.records.length ? 0 : 1,
        ContinuationSequenceNumber: last === "" ? "1" : last,
        ...(isEnd ? { ChildShards: shard.children.map(describeChild) } : {}),
      };
      if (isEnd) return;
      if (index === shard.records.length) await this.#clock.sleep(2_000);
    }
  }

  #indexOf(records: readonly FakeRecord[], type: string, number: string, timestampMs: number): number {
    const found = (matches: (record: FakeRecord) => boolean): number => {
      const index = records.findIndex(matches);
      return index === -1 ? records.length : index;
    };
    switch (type) {
      case "TRIM_HORIZON":
        return 0;
      case "LATEST":
        return records.length;
      case "AT_TIMESTAMP":
        return found((record) => record.arrivalMs >= timestampMs);
      case "AT_SEQUENCE_NUMBER":
        return found((record) => BigInt(record.sequenceNumber) >= BigInt(number));
      default:
        return found((record) => BigInt(record.sequenceNumber) > BigInt(number));
    }
  }
}

function describe({ shardId, parents, range, children }: FakeShard): Decoded<typeof Shard> {
  const [parent, adjacent] = parents;
  return {
    ShardId: shardId,
    HashKeyRange: described(range),
    SequenceNumberRange: {
      StartingSequenceNumber: "1",
      ...(children.length > 0 ? { EndingSequenceNumber: "2" } : {}),
    },
    ...(parent === undefined ? {} : { ParentShardId: parent }),
    ...(adjacent === undefined ? {} : { AdjacentParentShardId: adjacent }),
  };
}

function describeChild({ shardId, parents, range }: FakeShard) {
  return { ShardId: shardId, ParentShards: [...parents], HashKeyRange: described(range) };
}

function described({ startingHashKey, endingHashKey }: HashKeyRange) {
  return { StartingHashKey: String(startingHashKey), EndingHashKey: String(endingHashKey) };
}

function answer({ sequenceNumber, partitionKey, data, arrivalMs }: FakeRecord) {
  return {
    SequenceNumber: sequenceNumber,
    PartitionKey: partitionKey,
    Data: data,
    ApproximateArrivalTimestamp: arrivalMs,
  };
}

function failure(code: string, message: string): ServiceError {
  return new ServiceError(code, message, { status: 400 });
}
