/**
 * Seeded histories: a producer puts through a transport that refuses, breaks, delays and repeats, into a Millrace of
 * this process whose shards are split and merged meanwhile; then everything is read and held against the promises.
 * `HISTORIES=500 npx vitest run packages/producer/src/histories.test.ts` runs more of them.
 */
import { kinesis as contract } from "@millrace/api";
import {
  type ClientTransport,
  createKinesisClient,
  inProcessTransport,
  type KinesisClient,
  TransportError,
  type TransportRequest,
  type TransportResponse,
} from "@millrace/client";
import { memoryEngine } from "@millrace/log";
import { readAggregatedRecord } from "@millrace/model";
import {
  MemoryBudget,
  memoryLogger,
  type Random,
  seededRandom,
  serviceClock,
  type SimulatedClock,
  simulatedClock,
} from "@millrace/runtime";
import { createStreams } from "@millrace/streams";
import { callersFromHeaders, createService } from "@millrace/wire";
import { describe, expect, test } from "vitest";
import { type AcceptedRecord, createProducer, PutFailedError, type ProducerOptions } from "./index.ts";
import { belongsTo } from "./stream-view.ts";

const HISTORIES = Number(process.env["HISTORIES"] ?? 8);
const StreamName = "clicks";
/** How long things go wrong and shards change, in milliseconds. */
const TROUBLE_MS = 20_000;

async function millrace(clock: SimulatedClock, random: Random): Promise<ClientTransport> {
  const service = serviceClock(clock);
  const log = memoryLogger();
  const streams = await createStreams({
    clock: service,
    random,
    secrets: random,
    log,
    engine: memoryEngine({ clock: service }),
    memory: new MemoryBudget(1e9),
  });
  return inProcessTransport(
    createService({
      contract,
      handlers: streams.handlers,
      callers: callersFromHeaders(),
      clock: service,
      random,
      log,
    }),
  );
}

type PutBody = { Records: object[] };
type PutAnswer = { FailedRecordCount: number; Records: object[] };

/** A way to the service on which every kind of thing goes wrong that may, for a while. */
class FaultyTransport implements ClientTransport {
  readonly authority: string;
  readonly faultCounts = new Map<string, number>();
  isFaulty = true;
  readonly #inner: ClientTransport;
  readonly #clock: SimulatedClock;
  readonly #random: Random;

  constructor(inner: ClientTransport, clock: SimulatedClock, random: Random) {
    this.authority = inner.authority;
    this.#inner = inner;
    this.#clock = clock;
    this.#random = random;
  }

  async send(request: TransportRequest): Promise<TransportResponse> {
    await this.#clock.sleep(this.#random.below(60));
    if (!this.isFaulty) return this.#inner.send(request);
    const isPut = request.headers["x-amz-target"]?.endsWith(".PutRecords") === true;
    const chance = this.#random.fraction();
    if (chance < 0.06)
      return this.#fault("refused", () => Promise.reject(new TransportError("refused", undefined)));
    if (!isPut) return this.#inner.send(request);
    if (chance < 0.12) return this.#fault("broken", () => this.#breakAfter(request));
    if (chance < 0.18) return this.#fault("late", () => this.#carryOutLate(request));
    if (chance < 0.36) return this.#fault("partial", () => this.#carryOutInPart(request));
    if (chance < 0.4) return this.#fault("throttled", () => Promise.resolve(throttled()));
    return this.#inner.send(request);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #fault(name: string, act: () => Promise<TransportResponse>): Promise<TransportResponse> {
    this.faultCounts.set(name, (this.faultCounts.get(name) ?? 0) + 1);
    return act();
  }

  async #breakAfter({ signal: _signal, ...request }: TransportRequest): Promise<never> {
    await bodyOf(await this.#inner.send(request));
    throw new TransportError("reset", undefined);
  }

  /** The client hears nothing, and long after it has given up the request arrives. */
  #carryOutLate({ signal, ...request }: TransportRequest): Promise<never> {
    this.#clock.schedule(this.#random.below(6_000), async () => {
      await bodyOf(await this.#inner.send(request));
    });
    return new Promise((_resolve, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }

  async #carryOutInPart(request: TransportRequest): Promise<TransportResponse> {
    const input = JSON.parse(Buffer.from(request.body).toString("utf8")) as PutBody;
    const isRefused = input.Records.map(() => this.#random.fraction() < 0.4);
    const Records = input.Records.filter((_record, index) => isRefused[index] === false);
    const refusal = { ErrorCode: "ProvisionedThroughputExceededException", ErrorMessage: "Rate exceeded" };
    if (Records.length === 0)
      return jsonAnswer(200, { FailedRecordCount: 1, Records: isRefused.map(() => refusal) });
    const response = await this.#inner.send({
      ...request,
      body: Buffer.from(JSON.stringify({ ...input, Records })),
    });
    const body = await bodyOf(response);
    if (response.status !== 200) return { ...response, body: piecesOf(body) };
    const answer = JSON.parse(body.toString("utf8")) as PutAnswer;
    return jsonAnswer(200, {
      FailedRecordCount: answer.FailedRecordCount + isRefused.filter(Boolean).length,
      Records: isRefused.map((refused) => (refused ? refusal : answer.Records.shift())),
    });
  }
}

function throttled(): TransportResponse {
  return jsonAnswer(400, { __type: "ProvisionedThroughputExceededException", message: "Rate exceeded" });
}

function jsonAnswer(status: number, body: object): TransportResponse {
  return {
    status,
    headers: { "content-type": "application/x-amz-json-1.1" },
    body: piecesOf(Buffer.from(JSON.stringify(body))),
  };
}

async function* piecesOf(body: Uint8Array) {
  yield body;
}

async function bodyOf({ body }: TransportResponse): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces);
}

const textOf = (data: Uint8Array) => Buffer.from(data).toString("utf8");

/** Splits and merges at random for as long as trouble lasts. */
async function reshard(client: KinesisClient, clock: SimulatedClock, random: Random): Promise<number> {
  let count = 0;
  while (clock.monotonicMs() < TROUBLE_MS) {
    await clock.sleep(500 + random.below(3_000));
    const { Shards = [] } = await client.listShards({ StreamName, ShardFilter: { Type: "AT_LATEST" } });
    const open = Shards.map(({ ShardId, HashKeyRange }) => ({
      ShardId,
      start: BigInt(HashKeyRange.StartingHashKey),
      end: BigInt(HashKeyRange.EndingHashKey),
    })).toSorted((one, other) => (one.start < other.start ? -1 : 1));
    const at = random.below(open.length);
    const [one, neighbour] = [open[at]!, open[at + 1]];
    if (neighbour !== undefined && (open.length >= 6 || random.below(2) === 0)) {
      await client.mergeShards({
        StreamName,
        ShardToMerge: one.ShardId,
        AdjacentShardToMerge: neighbour.ShardId,
      });
    } else {
      const middle = ((one.start + one.end) / 2n).toString();
      await client.splitShard({ StreamName, ShardToSplit: one.ShardId, NewStartingHashKey: middle });
    }
    count += 1;
  }
  return count;
}

interface Seen {
  readonly shardId: string;
  readonly sequenceNumber: string;
  readonly subSequenceNumber: number | undefined;
  readonly key: string;
  readonly data: string;
  /** All that was packed with it belongs into the shard. The KCL sees nothing else; `@millrace/consumer` does. */
  readonly isAmongItsOwn: boolean;
}

/** Every user record that lies in a shard where it belongs, in the order of sequence numbers. */
async function readAll(client: KinesisClient): Promise<Seen[]> {
  const seen: Seen[] = [];
  const { Shards = [] } = await client.listShards({ StreamName });
  for (const { ShardId: shardId, HashKeyRange } of Shards) {
    const range = {
      startingHashKey: BigInt(HashKeyRange.StartingHashKey),
      endingHashKey: BigInt(HashKeyRange.EndingHashKey),
    };
    const first = await client.getShardIterator({
      StreamName,
      ShardId: shardId,
      ShardIteratorType: "TRIM_HORIZON",
    });
    let iterator: string | undefined = first.ShardIterator;
    while (iterator !== undefined) {
      const answer: Awaited<ReturnType<KinesisClient["getRecords"]>> = await client.getRecords({
        ShardIterator: iterator,
      });
      for (const { SequenceNumber: sequenceNumber, Data, PartitionKey = "" } of answer.Records) {
        const userRecords = readAggregatedRecord(Data);
        if (userRecords === undefined) {
          seen.push({
            shardId,
            sequenceNumber,
            subSequenceNumber: undefined,
            key: PartitionKey,
            data: textOf(Data),
            isAmongItsOwn: true,
          });
        }
        const isAmongItsOwn = userRecords?.every((userRecord) => belongsTo(range, userRecord)) ?? true;
        for (const userRecord of userRecords ?? []) {
          if (!belongsTo(range, userRecord)) continue;
          const { subSequenceNumber, partitionKey: key, data } = userRecord;
          seen.push({ shardId, sequenceNumber, subSequenceNumber, key, data: textOf(data), isAmongItsOwn });
        }
      }
      iterator = answer.MillisBehindLatest === 0 ? undefined : answer.NextShardIterator;
    }
  }
  return seen
    .map((one) => ({
      ...one,
      place: BigInt(one.sequenceNumber) * 1_000_000n + BigInt(one.subSequenceNumber ?? 0),
    }))
    .toSorted((one, other) => (one.place < other.place ? -1 : 1));
}

async function history(seed: number, given: Partial<ProducerOptions>) {
  const clock = simulatedClock();
  const random = seededRandom(seed);
  const direct = await millrace(clock, random);
  const operator = createKinesisClient({ transport: direct, clock, random, attemptCountMax: 20 });
  const faulty = new FaultyTransport(direct, clock, random);
  const producer = createProducer({
    client: createKinesisClient({ transport: faulty, clock, random }),
    stream: StreamName,
    clock,
    random,
    lingerMs: random.below(100),
    requestTimeoutMs: 1_500,
    requestCountMax: 1 + random.below(6),
    requestRecordCountMax: 1 + random.below(20),
    aggregateSizeBytesMax: 200 + random.below(1_000),
    queuedRecordCountMax: 20 + random.below(300),
    recordTtlMs: random.below(3) === 0 ? 4_000 : Infinity,
    retryDelayMsMax: 1_000,
    shardRateShare: 1.5,
    ...given,
  });

  const accepted: { key: string; number: number; record: AcceptedRecord }[] = [];
  const put = async () => {
    for (let number = 0; clock.monotonicMs() < TROUBLE_MS; number += 1) {
      const key = `key ${random.below(25)}`;
      const record = await producer.put({
        partitionKey: key,
        data: `${number} ${"x".repeat(random.below(60))}`,
      });
      accepted.push({ key, number, record });
      if (random.below(8) === 0) await clock.sleep(random.below(80));
    }
  };
  const run = async () => {
    await operator.createStream({ StreamName, ShardCount: 2 });
    const [reshardCount] = await Promise.all([reshard(operator, clock, random), put()]);
    faulty.isFaulty = false;
    await producer.close();
    await clock.sleep(10_000);
    const outcomes = await Promise.all(
      accepted.map(({ record }) => record.result.catch((failure: unknown) => failure as PutFailedError)),
    );
    return { reshardCount, outcomes, seen: await readAll(operator) };
  };
  const result = await clock.finish(run());
  return { ...result, accepted, producer, faultCounts: faulty.faultCounts };
}

const variants: Record<string, Partial<ProducerOptions>> = {
  "with aggregation, in order": {},
  "without aggregation, in order": { aggregation: false },
  "with aggregation, without order": { order: "none" },
  "without aggregation, without order": { aggregation: false, order: "none" },
};

describe.each(Object.keys(variants))("under faults and reshards, %s,", (name) => {
  const options = variants[name]!;
  test.each(Array.from({ length: HISTORIES }, (_, seed) => seed))(
    "a history keeps its promises (seed %i)",
    async (seed) => {
      const { accepted, outcomes, seen, producer, reshardCount, faultCounts } = await history(seed, options);
      expect(accepted.length).toBeGreaterThan(100);
      expect(reshardCount).toBeGreaterThan(3);
      expect([...faultCounts.keys()].toSorted()).toEqual([
        "broken",
        "late",
        "partial",
        "refused",
        "throttled",
      ]);

      const seenByKcl = seen.filter(({ isAmongItsOwn }) => isAmongItsOwn);
      const byPlace = new Map(
        seenByKcl.map((one) => [`${one.shardId} ${one.sequenceNumber} ${one.subSequenceNumber}`, one]),
      );
      const storedNumbers = new Set<number>();
      for (const [index, outcome] of outcomes.entries()) {
        const { key, number } = accepted[index]!;
        if (outcome instanceof PutFailedError) {
          expect(outcome.code).toBe("RecordExpired");
          continue;
        }
        // What is said to be stored is where it is said to be, and the KCL sees it there.
        const found = byPlace.get(
          `${outcome.shardId} ${outcome.sequenceNumber} ${outcome.subSequenceNumber}`,
        );
        expect(found?.key).toBe(key);
        expect(found?.data.split(" ")[0]).toBe(String(number));
        storedNumbers.add(number);
      }

      const metrics = producer.metrics();
      expect(metrics.acceptedCount).toBe(accepted.length);
      expect(metrics.storedCount).toBe(storedNumbers.size);
      expect(metrics.storedCount + metrics.failedCount).toBe(metrics.acceptedCount);
      expect(metrics).toMatchObject({ queuedRecordCount: 0, queuedBytes: 0, requestsInFlight: 0 });

      if (options.order === "none") return;
      // Copies may follow, but what is seen of a key for the first time comes in the order of the puts.
      for (const view of [seenByKcl, seen]) {
        const lastNumbers = new Map<string, number>();
        const met = new Set<number>();
        for (const { key, data } of view) {
          const number = Number(data.split(" ")[0]);
          if (met.has(number) || !storedNumbers.has(number)) continue;
          met.add(number);
          expect(number).toBeGreaterThan(lastNumbers.get(key) ?? -1);
          lastNumbers.set(key, number);
        }
        expect(met.size).toBe(storedNumbers.size);
      }
    },
  );
});

test("a seed is a history", async () => {
  const [one, again] = [await history(3, {}), await history(3, {})];
  expect(again.seen).toEqual(one.seen);
  expect(again.producer.metrics()).toEqual(one.producer.metrics());
});
