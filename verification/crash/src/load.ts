/** Clients at work: producers, a reader that follows, and somebody who splits and merges all the time. */
import { ServiceError } from "@millrace/api";
import type { KinesisClient } from "@millrace/client";
import type { Random } from "@millrace/runtime";
import { connect, isUnanswered } from "./connection.ts";
import type { Ledger } from "./ledger.ts";
import { dataOf, keyOf, SIZE_BYTES_MAX, SIZE_BYTES_MIN } from "./payload.ts";
import { listShards, readShard } from "./reading.ts";
import { runtime } from "./settings.ts";

export interface LoadOptions {
  readonly endpoint: string;
  readonly streamName: string;
  readonly ledger: Ledger;
  readonly random: Random;
  readonly producerCount?: number;
  /** Splits and merges go on beside the puts. Default: true. */
  readonly resharding?: boolean;
  /** Whether a reader follows. Default: true. */
  readonly reading?: boolean;
  /** Largest records that are sent now and then. */
  readonly sizeBytesMax?: number;
  /** A service error that is no failure of the test, such as puts that a full disk refuses. */
  readonly expected?: (error: { readonly code: string; readonly message: string }) => boolean;
}

export interface Load {
  /** Lets clients finish what they have begun, and reports what none of them should have met. */
  stop(): Promise<void>;
  /** Requests that were answered by `expected` errors. */
  readonly expectedErrorCount: number;
}

const RESHARD_PAUSE_MS = 120;
const OPEN_SHARDS_MAX = 8;
const RECORDS_PER_REQUEST_MAX = 40;

export function startLoad(options: LoadOptions): Load {
  const work = new LoadAtWork(options);
  return work;
}

class LoadAtWork implements Load {
  readonly #options: LoadOptions;
  readonly #clients: KinesisClient[] = [];
  readonly #workers: Promise<void>[] = [];
  #stopped = false;
  #failure: unknown;
  expectedErrorCount = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    const { producerCount = 4, resharding = true, reading = true, random } = options;
    for (let at = 0; at < producerCount; at += 1) {
      const client = this.#connect({
        protocol: random.below(2) === 0 ? "json" : "cbor",
        httpVersion: random.below(2) === 0 ? "1.1" : "2",
      });
      this.#run(() => this.#produce(client));
    }
    if (reading) {
      const client = this.#connect({ protocol: "cbor" });
      this.#run(() => this.#follow(client));
    }
    if (resharding) {
      const client = this.#connect();
      this.#run(() => this.#reshard(client));
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#workers);
    await Promise.all(this.#clients.map((client) => client.close()));
    if (this.#failure !== undefined) throw this.#failure;
  }

  #connect(options: Parameters<typeof connect>[1] = {}): KinesisClient {
    const client = connect(this.#options.endpoint, options);
    this.#clients.push(client);
    return client;
  }

  /** A call without an answer ends its worker: the server is gone. Every other failure is one of the run. */
  #run(work: () => Promise<void>): void {
    this.#workers.push(
      work().catch((error: unknown) => {
        if (!isUnanswered(error)) this.#failure ??= error;
      }),
    );
  }

  #isExpected(error: unknown): boolean {
    if (!(error instanceof ServiceError) || this.#options.expected?.(error) !== true) return false;
    this.expectedErrorCount += 1;
    return true;
  }

  async #produce(client: KinesisClient): Promise<void> {
    const { ledger, random } = this.#options;
    const producer = ledger.newProducer();
    while (!this.#stopped) {
      if (random.below(8) === 0) await this.#putOne(client, producer);
      else await this.#putMany(client, producer);
      // A server that refuses answers at once; leave it some time.
      if (this.expectedErrorCount > 0) await runtime.clock.sleep(5);
    }
  }

  async #putOne(client: KinesisClient, producer: number): Promise<void> {
    const { ledger, streamName } = this.#options;
    const sizeBytes = this.#drawSize();
    const [name] = ledger.send(producer, [sizeBytes]);
    const sentAtMs = runtime.clock.monotonicMs();
    try {
      const answer = await client.putRecord({
        StreamName: streamName,
        PartitionKey: keyOf(name!),
        Data: dataOf(name!, sizeBytes),
      });
      ledger.acknowledge(name!, answer.ShardId, answer.SequenceNumber, sentAtMs);
    } catch (error) {
      if (!this.#isExpected(error)) throw error;
      ledger.refuse(name!);
    }
  }

  async #putMany(client: KinesisClient, producer: number): Promise<void> {
    const { ledger, random, streamName } = this.#options;
    const sizes = Array.from({ length: 1 + random.below(RECORDS_PER_REQUEST_MAX) }, () => this.#drawSize());
    const names = ledger.send(producer, sizes);
    const sentAtMs = runtime.clock.monotonicMs();
    try {
      const answer = await client.putRecords({
        StreamName: streamName,
        Records: names.map((name, at) => ({ PartitionKey: keyOf(name), Data: dataOf(name, sizes[at]!) })),
      });
      for (const [at, record] of answer.Records.entries()) {
        const name = names[at]!;
        if (record.SequenceNumber !== undefined && record.ShardId !== undefined) {
          ledger.acknowledge(name, record.ShardId, record.SequenceNumber, sentAtMs);
        } else {
          const error = new ServiceError(record.ErrorCode ?? "none", record.ErrorMessage ?? "");
          if (!this.#isExpected(error)) throw error;
          ledger.refuse(name);
        }
      }
    } catch (error) {
      if (!this.#isExpected(error)) throw error;
      for (const name of names) ledger.refuse(name);
    }
  }

  /** Mostly small, now and then large: blocks of one page and of many. */
  #drawSize(): number {
    const { random, sizeBytesMax = SIZE_BYTES_MAX } = this.#options;
    const bound =
      random.below(200) === 0
        ? sizeBytesMax
        : Math.min(sizeBytesMax, random.below(10) === 0 ? 20_000 : 2_000);
    return SIZE_BYTES_MIN + random.below(Math.max(1, bound - SIZE_BYTES_MIN));
  }

  /** Reads each shard from where the last reading of it ended. */
  async #follow(client: KinesisClient): Promise<void> {
    const { ledger, streamName } = this.#options;
    const ended = new Set<string>();
    while (!this.#stopped) {
      for (const { ShardId } of await listShards(client, streamName)) {
        if (ended.has(ShardId) || this.#stopped) continue;
        const seen = ledger.seen.get(ShardId) ?? [];
        const more = await readShard(client, streamName, ShardId, seen.at(-1)?.sequenceNumber);
        ledger.seen.set(ShardId, [...seen, ...more.records]);
        if (more.ended) ended.add(ShardId);
      }
      await runtime.clock.sleep(20);
    }
  }

  async #reshard(client: KinesisClient): Promise<void> {
    const { ledger, random, streamName } = this.#options;
    while (!this.#stopped) {
      await runtime.clock.sleep(random.below(RESHARD_PAUSE_MS));
      const shards = await listShards(client, streamName);
      const seenAtMs = runtime.clock.monotonicMs();
      for (const { ShardId, SequenceNumberRange } of shards) {
        const { EndingSequenceNumber } = SequenceNumberRange;
        if (EndingSequenceNumber !== undefined) ledger.close(ShardId, EndingSequenceNumber, seenAtMs);
      }
      const open = shards.filter(
        ({ SequenceNumberRange }) => SequenceNumberRange.EndingSequenceNumber === undefined,
      );
      const rangeOf = (shard: (typeof open)[number]) => ({
        start: BigInt(shard.HashKeyRange.StartingHashKey),
        end: BigInt(shard.HashKeyRange.EndingHashKey),
      });
      open.sort((one, other) => (rangeOf(one).start < rangeOf(other).start ? -1 : 1));
      try {
        if (open.length > 1 && (open.length >= OPEN_SHARDS_MAX || random.below(2) === 0)) {
          const at = random.below(open.length - 1);
          await client.mergeShards({
            StreamName: streamName,
            ShardToMerge: open[at]!.ShardId,
            AdjacentShardToMerge: open[at + 1]!.ShardId,
          });
        } else {
          const shard = open[random.below(open.length)]!;
          const { start, end } = rangeOf(shard);
          await client.splitShard({
            StreamName: streamName,
            ShardToSplit: shard.ShardId,
            NewStartingHashKey: String((start + end) / 2n + 1n),
          });
        }
      } catch (error) {
        // While the last one is going on the stream takes no other, and it may have ended since the listing.
        const raced =
          error instanceof ServiceError &&
          (error.code === "ResourceInUseException" || /has already been merged or split/.test(error.message));
        if (!raced && !this.#isExpected(error)) throw error;
      }
    }
  }
}
