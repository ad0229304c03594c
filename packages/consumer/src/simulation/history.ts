/** One seeded history of an application: workers come, go, crash, pause and lose their store, while the stream is resharded. */
import { isDeepStrictEqual } from "node:util";
import {
  type CallOptions,
  type ClientTransport,
  createDynamoClient,
  inProcessTransport,
} from "@millrace/client";
import { AggregatedRecordWriter } from "@millrace/model";
import {
  type Clock,
  memoryLogger,
  type Random,
  seededRandom,
  type SimulatedClock,
  simulatedClock,
} from "@millrace/runtime";
import { type Consumer, createConsumer } from "../consumer.ts";
import { openDynamoLeaseStore } from "../leases/dynamo-lease-store.ts";
import type { LeaseStore } from "../leases/lease-store.ts";
import { memoryLeaseStore } from "../leases/memory-lease-store.ts";
import type { ReadingClient } from "../reading-client.ts";
import { fanOut } from "../retrieval/fan-out.ts";
import { polling } from "../retrieval/polling.ts";
import type { ConsumerRecord } from "../retrieval/user-records.ts";
import { FakeKinesis } from "./fake-kinesis.ts";
import { Ledger } from "./ledger.ts";
import { lossyTransport, type Passage } from "./lossy-calls.ts";
import { type NetworkChances, SimulatedProcess } from "./simulated-process.ts";

export interface HistoryOutcome {
  readonly problems: readonly string[];
  readonly unfinished: readonly string[];
  readonly recordCount: number;
  readonly deliveryCount: number;
  readonly shardCount: number;
  /** Writes that were refused by their conditions. */
  readonly refusedCount: number;
  readonly handOffCount: number;
  readonly takenCount: number;
  /** What happened, for the reader of a failure. */
  readonly events: readonly string[];
}

const CHAOS_MS = 50_000;
const CALM_MS = 240_000;
const LEASE_DURATION_MS = 6_000;
const DISTURBANCE_MS_MAX = 3 * LEASE_DURATION_MS;
const SETTLING_MS = DISTURBANCE_MS_MAX + LEASE_DURATION_MS;

interface RunningWorker {
  readonly process: SimulatedProcess;
  readonly consumer: Consumer;
  isStopping: boolean;
}

type Service = Parameters<typeof inProcessTransport>[0];

/**
 * @param tablesOn makes the tables that the leases are kept in, behind a network of their own that loses attempts of calls;
 * without it they are in memory.
 */
export async function playHistory(
  seed: number,
  tablesOn?: (clock: SimulatedClock) => Service,
): Promise<HistoryOutcome> {
  const clock = simulatedClock();
  const stores =
    tablesOn === undefined
      ? storesInMemory()
      : await clock.finish(storesInTables(tablesOn(clock), clock, seededRandom(seed)));
  const history = new History(seed, clock, stores);
  return clock.finish(history.play());
}

interface Stores {
  /** A store whose calls never get lost, for those who look on. */
  readonly truth: LeaseStore;
  /** The store of a worker. */
  readonly ofWorker: LeaseStore;
  calm(): void;
}

function storesInMemory(): Stores {
  const store = memoryLeaseStore();
  return { truth: store, ofWorker: store, calm() {} };
}

async function storesInTables(service: Service, clock: Clock, random: Random): Promise<Stores> {
  let isCalm = false;
  const passage = (): Passage => {
    const chance = isCalm ? 1 : random.fraction();
    return chance < 0.1 ? "request lost" : chance < 0.2 ? "answer lost" : "arrives";
  };
  const open = (transport: ClientTransport) =>
    openDynamoLeaseStore({
      client: createDynamoClient({ transport, clock, random }),
      tableName: "app",
      clock,
    });
  return {
    truth: await open(inProcessTransport(service)),
    ofWorker: await open(lossyTransport(service, passage)),
    calm() {
      isCalm = true;
    },
  };
}

class History {
  readonly #clock: SimulatedClock;
  readonly #random: Random;
  readonly #kinesis: FakeKinesis;
  readonly #stores: Stores;
  readonly #ledger: Ledger;
  readonly #events: string[] = [];
  readonly #workers: RunningWorker[] = [];
  readonly #byFanOut: boolean;
  #lastTurn: Promise<unknown> = Promise.resolve();
  #workerCount = 0;
  #recordCount = 0;
  #isCalm = false;

  constructor(seed: number, clock: SimulatedClock, stores: Stores) {
    this.#stores = stores;
    this.#clock = clock;
    this.#random = seededRandom(seed);
    this.#byFanOut = this.#random.below(3) === 0;
    this.#kinesis = new FakeKinesis(clock, 1 + this.#random.below(4));
    this.#ledger = new Ledger(this.#kinesis, stores.truth);
  }

  async play(): Promise<HistoryOutcome> {
    const clock = this.#clock;
    for (let count = 1 + this.#random.below(3); count > 0; count -= 1) this.#startWorker();
    const endMs = clock.monotonicMs() + CHAOS_MS;
    while (clock.monotonicMs() < endMs) {
      await clock.sleep(200 + this.#random.below(1_500));
      this.#put();
      if (this.#random.below(3) === 0) this.#disturb();
    }
    this.#note("calm");
    this.#isCalm = true;
    this.#stores.calm();
    this.#put();
    if (!this.#workers.some(({ process, isStopping }) => process.isAlive && !isStopping)) this.#startWorker();
    const lastMs = clock.monotonicMs() + CALM_MS;
    // The last disturbances of the chaos go on for a while.
    await clock.sleep(SETTLING_MS);
    const lostCount = this.#lostCount();
    let unfinished = await this.#ledger.unfinished();
    while (unfinished.length > 0 && clock.monotonicMs() < lastMs) {
      await clock.sleep(5_000);
      unfinished = await this.#ledger.unfinished();
    }
    await clock.sleep(2 * LEASE_DURATION_MS);
    if (this.#lostCount() > lostCount)
      this.#ledger.problems.push("calm: a lease was lost that nobody disturbed");
    for (const { process } of this.#workers) process.crash();
    const { problems, deliveryCount, refusedCount, handOffCount, takenCount } = this.#ledger;
    return {
      problems,
      unfinished,
      recordCount: this.#recordCount,
      deliveryCount,
      shardCount: this.#kinesis.shards.length,
      refusedCount,
      handOffCount,
      takenCount,
      events: this.#events,
    };
  }

  #lostCount(): number {
    return this.#workers.reduce(
      (sum, { process, consumer }) => sum + (process.isAlive ? consumer.metrics().leases.lost : 0),
      0,
    );
  }

  #put(): void {
    for (let count = this.#random.below(5); count >= 0; count -= 1) {
      const partitionKey = `key-${this.#random.below(6)}`;
      // Some larger than a worker has in flight.
      const packedCount = this.#random.below(6) === 0 ? 1 + this.#random.below(24) : 0;
      const writer = new AggregatedRecordWriter();
      for (let packed = 0; packed < packedCount; packed += 1) {
        const partitionKeyBytes = partitionKey.length;
        writer.tryAdd(
          { partitionKey, partitionKeyBytes, explicitHashKey: undefined, data: this.#nextData() },
          Infinity,
        );
      }
      if (packedCount > 0) this.#kinesis.put(partitionKey, writer.finish(), packedCount);
      else this.#kinesis.put(partitionKey, this.#nextData(), 1);
    }
  }

  #nextData(): Buffer {
    this.#recordCount += 1;
    return Buffer.from(String(this.#recordCount));
  }

  #disturb(): void {
    const alive = this.#workers.filter(({ process }) => process.isAlive);
    const worker = alive[this.#random.below(Math.max(alive.length, 1))];
    const open = this.#kinesis.openShards;
    const shard = open[this.#random.below(open.length)]!;
    const durationMs = 500 + this.#random.below(DISTURBANCE_MS_MAX);
    const kind = this.#random.below(7);
    if (kind === 0 && this.#kinesis.shards.length < 12) {
      this.#note(`split ${shard.shardId}`);
      this.#kinesis.split(shard);
    } else if (kind === 1 && this.#kinesis.shards.length < 12) {
      if (this.#kinesis.merge(shard)) this.#note(`merge ${shard.shardId}`);
    } else if (worker === undefined || (kind === 2 && alive.length < 4)) {
      this.#startWorker();
    } else if (kind === 3) {
      this.#note(`${worker.consumer.workerId} crashes`);
      worker.process.crash();
    } else if (kind === 4) {
      this.#note(`${worker.consumer.workerId} pauses for ${durationMs} ms`);
      worker.process.pause(durationMs);
    } else if (kind === 5) {
      this.#note(`${worker.consumer.workerId} is cut off for ${durationMs} ms`);
      worker.process.cutOff(durationMs);
    } else if (kind === 6 && !worker.isStopping) {
      this.#note(`${worker.consumer.workerId} stops`);
      worker.isStopping = true;
      void worker.consumer.stop().then(() => {
        this.#note(`${worker.consumer.workerId} has stopped`);
        worker.process.crash();
      });
    }
  }

  #startWorker(): void {
    this.#workerCount += 1;
    const workerId = `worker-${this.#workerCount}`;
    this.#note(`${workerId} starts`);
    const random = seededRandom(this.#random.below(0x1_0000_0000));
    const process = new SimulatedProcess(this.#clock, random, random.below(3) === 0 ? 0.5 : 1);
    const consumer = createConsumer({
      client: this.#clientOf(process),
      applicationName: "app",
      streams: ["orders"],
      leaseStore: this.#storeOf(process, workerId),
      clock: process.clock,
      random,
      log: memoryLogger(),
      workerId,
      retrieval: this.#byFanOut ? fanOut() : polling({ idleMs: 2_000 }),
      leaseDurationMs: LEASE_DURATION_MS,
      handOffTimeoutMs: 4_000,
      shardSyncIntervalMs: 10_000,
      parentPollIntervalMs: 1_500,
      recordsInFlightMax: 20,
    });
    const isSync = random.below(2) === 0;
    const handle = (record: ConsumerRecord, shardId: string): Promise<void> | undefined => {
      if (!process.isAlive) return new Promise(() => {});
      void this.#ledger.begin(workerId, shardId, record);
      if (isSync) {
        this.#ledger.end(workerId, shardId, record);
        return undefined;
      }
      return process.clock.sleep(random.below(120)).then(() => this.#ledger.end(workerId, shardId, record));
    };
    const run = consumer.run((record, { shardId }) => handle(record, shardId), {
      concurrency: 1 + random.below(4),
      checkpointIntervalMs: 1_000 + random.below(3_000),
    });
    const worker = { process, consumer, isStopping: false };
    this.#workers.push(worker);
    run.catch(() => {
      // It could not begin: its calls were lost. A supervisor starts another one.
      process.crash();
      if (!worker.isStopping) this.#clock.schedule(1_000, () => this.#startWorker());
    });
  }

  #chances(): NetworkChances {
    if (this.#isCalm) return { lostRequest: 0, lostAnswer: 0, slow: 0, slowMs: 1 };
    return { lostRequest: 0.03, lostAnswer: 0.03, slow: 0.15, slowMs: 1_500 };
  }

  #clientOf(process: SimulatedProcess): ReadingClient {
    const { client } = this.#kinesis;
    const far = <Input, Output>(call: (input: Input) => Promise<Output>) => {
      return (input: Input, { signal }: CallOptions = {}) =>
        unlessAborted(
          process.call(() => call(input), this.#chances(), false),
          signal,
        );
    };
    const events: ReadingClient["subscribeToShard"] = (input, options) =>
      this.#pushed(process, input, options?.signal);
    return {
      describeStreamSummary: far(client.describeStreamSummary),
      describeStreamConsumer: far(client.describeStreamConsumer),
      registerStreamConsumer: far(client.registerStreamConsumer),
      listShards: far(client.listShards),
      getShardIterator: far(client.getShardIterator),
      getRecords: far(client.getRecords),
      subscribeToShard: events,
    };
  }

  async *#pushed(
    process: SimulatedProcess,
    input: Parameters<ReadingClient["subscribeToShard"]>[0],
    signal: AbortSignal | undefined,
  ) {
    const events = this.#kinesis.client.subscribeToShard(input)[Symbol.asyncIterator]();
    for (;;) {
      const next = await unlessAborted(
        process.call(() => events.next(), this.#chances(), false),
        signal,
      );
      if (next.done === true) return;
      yield next.value;
    }
  }

  #storeOf(process: SimulatedProcess, workerId: string): LeaseStore {
    const { ofWorker: store, truth } = this.#stores;
    const far = <T>(call: () => Promise<T>) => process.call(call, this.#chances(), true);
    return {
      create: (lease) => far(() => store.create(lease)),
      list: () => far(() => store.list()),
      get: (leaseKey) => far(() => store.get(leaseKey)),
      delete: (lease) => far(() => store.delete(lease)),
      write: (write) =>
        far(() =>
          // One after the other, so that what is found after a write is of that write, whatever its writer hears.
          this.#inTurn(async () => {
            const before = await truth.get(write.leaseKey);
            const outcome = await store.write(write).catch((error: unknown) => ({ error }));
            const after = await truth.get(write.leaseKey);
            if (after !== undefined && !isDeepStrictEqual(after, before)) {
              this.#ledger.written(workerId, write, before!, after);
            } else {
              this.#ledger.refusedCount += 1;
            }
            if ("error" in outcome) throw outcome.error;
            return outcome;
          }),
        ),
    };
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#lastTurn.then(work);
    this.#lastTurn = turn.catch(() => undefined);
    return turn;
  }

  #note(what: string): void {
    this.#events.push(`${(this.#clock.monotonicMs() / 1_000).toFixed(1)} s: ${what}`);
  }
}

/** As the client does: a caller that gives up does not wait. */
function unlessAborted<T>(call: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return call;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    call.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
