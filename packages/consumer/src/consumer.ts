import { setMaxListeners } from "node:events";
import type { Logger } from "@millrace/runtime";
import type { ShardMetrics } from "./delivery/shard-meter.ts";
import { ShardSession } from "./delivery/shard-session.ts";
import type { RecordHandler } from "./delivery/record-runner.ts";
import { AT_TIMESTAMP, LATEST, TRIM_HORIZON } from "./leases/extended-sequence-number.ts";
import type { HeldLease } from "./leases/held-lease.ts";
import { type CoordinatorOptions, LeaseCoordinator, type LeaseCounts } from "./leases/lease-coordinator.ts";
import { isLeaseOf, streamIdentity } from "./leases/lease-key.ts";
import { checkNumbers, type ConsumerOptions, type InitialPosition, type RunOptions } from "./options.ts";
import { polling } from "./retrieval/polling.ts";
import { runShard } from "./run-shard.ts";
import { consumerShard, type ConsumerShard } from "./shard-iteration.ts";
import { ShardSync, type SyncedStream } from "./shards/shard-sync.ts";
import { aborted, Bell } from "./waits.ts";

/** How a worker is doing. */
export interface ConsumerMetrics {
  readonly workerId: string;
  /** The shards that it holds the leases of. */
  readonly shards: readonly ShardMetrics[];
  /** How leases have moved since it began. */
  readonly leases: LeaseCounts & { readonly held: number };
  /** How many parts of each stream's ring had no unfinished lease when shards and leases were last compared. */
  readonly hashRangeHoles: ReadonlyMap<string, number>;
}

/**
 * One worker of an application. Workers share the shards of their streams by leases; when one comes, goes or dies, the
 * others find out and share anew. Each record is handled at least once: again after a crash, and when a lease changes hands
 * before the checkpoint.
 */
export interface Consumer {
  readonly workerId: string;

  /**
   * Calls `handler` for every record of the shards that this worker gets, until {@link stop}. Rejects when a stream
   * cannot be described or subscribed to at the beginning.
   */
  run(handler: RecordHandler, options?: RunOptions): Promise<void>;

  /** The shards that this worker gets, until {@link stop}. Iterate over them side by side; each is read only when it is iterated. */
  shards(): AsyncIterable<ConsumerShard>;

  /** Lets handlers finish, stores checkpoints and gives the leases up. Resolves when all of it is done. */
  stop(): Promise<void>;

  /** What it has done since it was made, and what it holds now. */
  metrics(): ConsumerMetrics;
}

/**
 * A worker that reads streams together with all others of the same application name and lease store.
 *
 * @throws {RangeError} when a number is no positive one, or there is no stream.
 */
export function createConsumer(options: ConsumerOptions): Consumer {
  return new Worker(options);
}

const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} };

type ConsumedStream = SyncedStream & { readonly timestampMs: number | undefined };

class Worker implements Consumer {
  readonly workerId: string;
  readonly #options: ConsumerOptions;
  readonly #numbers;
  readonly #log: Logger;
  readonly #sync: ShardSync;
  readonly #sessions = new Map<string, ShardSession>();
  readonly #stopping = new AbortController();
  #coordinator: LeaseCoordinator | undefined;
  #over: Promise<void> | undefined;
  readonly #handOffTimeoutMs: number;

  constructor(options: ConsumerOptions) {
    const { clock, random, leaseDurationMs = 10_000 } = options;
    if (options.streams.length === 0) throw new RangeError("a consumer needs a stream");
    this.#options = options;
    this.#log = options.log ?? SILENT;
    // Every shard listens.
    setMaxListeners(0, this.#stopping.signal);
    this.#handOffTimeoutMs = options.handOffTimeoutMs ?? 30_000;
    this.#numbers = {
      leaseDurationMs,
      takeIntervalMs: options.takeIntervalMs ?? leaseDurationMs,
      storeTimeoutMs: options.storeTimeoutMs ?? leaseDurationMs / 3,
      leaseCountMax: options.leaseCountMax ?? Infinity,
      stealCountMax: options.stealCountMax ?? 1,
      shardSyncIntervalMs: options.shardSyncIntervalMs ?? 60_000,
      workerReportIntervalMs: options.workerReportIntervalMs ?? 30_000,
      parentPollIntervalMs: options.parentPollIntervalMs ?? 2_000,
      recordsInFlightMax: options.recordsInFlightMax ?? 20_000,
    };
    checkNumbers({ ...this.#numbers, handOffTimeoutMs: this.#handOffTimeoutMs });
    this.workerId = options.workerId ?? `worker-${Buffer.from(random.bytes(12)).toString("hex")}`;
    this.#sync = new ShardSync({
      client: options.client,
      store: options.leaseStore,
      clock,
      random,
      log: this.#log,
      shardSyncIntervalMs: this.#numbers.shardSyncIntervalMs,
      storeTimeoutMs: this.#numbers.storeTimeoutMs,
    });
  }

  async run(handler: RecordHandler, options: RunOptions = {}): Promise<void> {
    const { concurrency = 1, onError = "retry", checkpointIntervalMs = 5_000 } = options;
    checkNumbers({ concurrency, checkpointIntervalMs });
    const { clock, random } = this.#options;
    const runOptions = {
      handler,
      onError,
      concurrency,
      checkpointIntervalMs,
      handOffTimeoutMs: this.#handOffTimeoutMs,
      clock,
      random,
      log: this.#log,
    };
    await this.#work((session) => runShard(session, runOptions));
  }

  async *shards(): AsyncGenerator<ConsumerShard> {
    const waiting: ConsumerShard[] = [];
    const bell = new Bell();
    let failure: { readonly error: unknown } | undefined;
    let isOver = false;
    const working = this.#work(async (session) => {
      if (!(await session.open())) return session.close(false);
      let wasPicked = false;
      await new Promise<void>((resolve, reject) => {
        const shard = consumerShard(session, resolve);
        waiting.push({
          ...shard,
          [Symbol.asyncIterator]() {
            wasPicked = true;
            return shard[Symbol.asyncIterator]();
          },
        });
        bell.ring();
        // A shard that nobody iterates over must not hold up who asks for it.
        void aborted(session.ending).then(() => {
          if (!wasPicked) session.close(false).then(resolve, reject);
        });
      });
    }).then(
      () => {},
      (error: unknown) => {
        failure = { error };
      },
    );
    void working.then(() => {
      isOver = true;
      bell.ring();
    });
    try {
      for (;;) {
        const shard = waiting.shift();
        if (shard !== undefined) yield shard;
        else if (isOver) break;
        else await bell.wait();
      }
    } finally {
      // Whoever leaves the loop gets no more shards; those that are being iterated over go on until they are left.
      this.#coordinator?.stopTaking();
    }
    if (failure !== undefined) throw failure.error;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#over;
  }

  metrics(): ConsumerMetrics {
    const counts = this.#coordinator?.counts ?? { taken: 0, received: 0, asked: 0, lost: 0 };
    return {
      workerId: this.workerId,
      shards: [...this.#sessions.values()].map((session) =>
        session.meter.metrics(session.streamName, session.shardId),
      ),
      leases: { ...counts, held: this.#sessions.size },
      hashRangeHoles: this.#sync.holeCounts,
    };
  }

  async #work(onSession: (session: ShardSession) => Promise<void>): Promise<void> {
    if (this.#over !== undefined) throw new Error("this consumer has been started before");
    const work = this.#lead(onSession);
    this.#over = work.catch(() => undefined);
    await work;
  }

  async #lead(onSession: (session: ShardSession) => Promise<void>): Promise<void> {
    const { clock, random, client, applicationName, leaseStore, retrieval = polling() } = this.#options;
    const stopping = this.#stopping.signal;
    const setting = { client, clock, random, log: this.#log, applicationName, stopping };
    const streams: ConsumedStream[] = [];
    try {
      for (const stream of this.#options.streams) streams.push(await this.#describe(stream));
      for (const { identity } of streams) await retrieval.prepare(setting, identity);
    } catch (error) {
      // Stopping ends calls that are under way.
      if (stopping.aborted) return;
      throw error;
    }
    const sessionOf = (held: HeldLease): ShardSession => {
      const stream = streams.find(({ identity }) => isLeaseOf(identity, held.lease))!;
      return new ShardSession(held, {
        ...this.#numbers,
        clock,
        random,
        log: this.#log,
        store: leaseStore,
        sync: this.#sync,
        stream,
        retrieval,
        retrievalSetting: setting,
        stopping,
      });
    };
    const options: CoordinatorOptions = {
      ...this.#numbers,
      store: leaseStore,
      workerId: this.workerId,
      clock,
      random,
      log: this.#log,
      handOffTimeoutMs: this.#handOffTimeoutMs,
      processorLoad: this.#options.processorLoad,
      isOurs: (lease) => streams.some(({ identity }) => isLeaseOf(identity, lease)),
      throughputKBpsOf: (leaseKey) => this.#sessions.get(leaseKey)?.meter.throughputKBps(),
      work: async (held) => {
        const { leaseKey } = held.lease;
        const session = sessionOf(held);
        this.#sessions.set(leaseKey, session);
        await onSession(session).finally(() => this.#sessions.delete(leaseKey));
      },
    };
    if (stopping.aborted) return;
    const coordinator = new LeaseCoordinator(options);
    this.#coordinator = coordinator;
    const syncing = this.#sync.syncInTurns(streams, stopping, () => coordinator.start());
    await aborted(stopping);
    await syncing;
    await coordinator.stop();
  }

  async #describe(stream: ConsumerOptions["streams"][number]): Promise<ConsumedStream> {
    const { client, streams, isMultiStream = streams.length > 1 } = this.#options;
    const { stream: nameOrArn, initialPosition = this.#options.initialPosition ?? "TRIM_HORIZON" } =
      typeof stream === "string" ? { stream } : stream;
    const { StreamDescriptionSummary: found } = await client.describeStreamSummary(
      nameOrArn.startsWith("arn:") ? { StreamARN: nameOrArn } : { StreamName: nameOrArn },
      { signal: this.#stopping.signal },
    );
    return {
      identity: streamIdentity(found.StreamARN, found.StreamCreationTimestamp, isMultiStream),
      initialPosition: placeOf(initialPosition),
      timestampMs: typeof initialPosition === "string" ? undefined : initialPosition.timestamp.getTime(),
    };
  }
}

function placeOf(position: InitialPosition) {
  if (typeof position !== "string") return AT_TIMESTAMP;
  return position === "LATEST" ? LATEST : TRIM_HORIZON;
}
