import { ServiceError } from "@millrace/api";
import { sleepUnless } from "../waits.ts";
import { Backoff } from "./backoff.ts";
import type { Fetched, Retrieval, RetrievalSetting, ShardSource, ShardToRead } from "./shard-source.ts";
import { startingPlace } from "./starting-position.ts";

/** Settings of {@link polling}. */
export interface PollingOptions {
  /** Most records that one call asks for. Default: 10,000, which is what the service gives at most. */
  readonly recordCountMax?: number;
  /** Milliseconds between two calls when the reader has caught up. Default: 1,000. */
  readonly idleMs?: number;
  /**
   * Calls in a second to one shard. Default: 5, the service's limit, which all applications that poll a shard share.
   * `Infinity` where there is no limit.
   */
  readonly callsPerSecondMax?: number;
  /**
   * What one shard gives, in bytes per second. Default: 2 MiB, the service's limit: after an answer of 10 MiB it refuses
   * for 5 s. `Infinity` where there is no limit.
   */
  readonly bytesPerSecondMax?: number;
}

/** Reads with GetRecords. All polling applications share a shard's five calls and 2 MiB per second. */
export function polling(options: PollingOptions = {}): Retrieval {
  const { recordCountMax = 10_000, idleMs = 1_000 } = options;
  const { callsPerSecondMax = 5, bytesPerSecondMax = 2 << 20 } = options;
  const pace = {
    recordCountMax,
    idleMs,
    callMs: 1_000 / callsPerSecondMax,
    bytesPerMs: bytesPerSecondMax / 1_000,
  };
  return {
    prepare: () => Promise.resolve(),
    open: (setting, shard) => new PolledShard(setting, shard, pace),
  };
}

interface Pace {
  readonly recordCountMax: number;
  readonly idleMs: number;
  readonly callMs: number;
  readonly bytesPerMs: number;
}

class PolledShard implements ShardSource {
  readonly #setting: RetrievalSetting;
  readonly #shard: ShardToRead;
  readonly #pace: Pace;
  readonly #backoff: Backoff;
  #iterator: string | undefined;
  /** The last record that was read; undefined before the first. */
  #last: string | undefined;
  /** The wall clock when reading at LATEST began. */
  #begunMs: number | undefined;
  #nextCallMs = 0;

  constructor(setting: RetrievalSetting, shard: ShardToRead, pace: Pace) {
    this.#setting = setting;
    this.#shard = shard;
    this.#pace = pace;
    this.#backoff = new Backoff(setting.clock, setting.random, shard.signal);
  }

  async next(): Promise<Fetched | undefined> {
    const { clock, client, log } = this.#setting;
    const { signal, shardId, stream } = this.#shard;
    for (;;) {
      const waitMs = this.#nextCallMs - clock.monotonicMs();
      if (waitMs > 0) await sleepUnless(clock, waitMs, signal);
      if (signal.aborted) return undefined;
      try {
        const iterator = (this.#iterator ??= await this.#findIterator());
        const calledMs = clock.monotonicMs();
        const {
          Records,
          NextShardIterator,
          MillisBehindLatest = 0,
          ChildShards = [],
        } = await client.getRecords(
          { ShardIterator: iterator, Limit: this.#pace.recordCountMax, StreamARN: stream.streamArn },
          { signal },
        );
        if (NextShardIterator === undefined && ChildShards.length === 0) {
          // A shard that ends has children. Without them they would never be read, so this is not its end.
          throw new Error("the service gave neither a next iterator nor child shards");
        }
        this.#iterator = NextShardIterator;
        this.#last = Records.at(-1)?.SequenceNumber ?? this.#last;
        this.#backoff.reset();
        this.#setPace(calledMs, bytesOf(Records), MillisBehindLatest);
        return {
          records: Records,
          millisBehindLatest: MillisBehindLatest,
          childShards: NextShardIterator === undefined ? ChildShards : undefined,
        };
      } catch (error) {
        if (signal.aborted) return undefined;
        const code = error instanceof ServiceError ? error.code : undefined;
        // A new iterator costs a call, so the old one is kept for what the next moment mends.
        if (code !== "ProvisionedThroughputExceededException") this.#iterator = undefined;
        if (code === "ExpiredIteratorException" && this.#backoff.failureCount === 0) {
          log.debug("an iterator expired", { streamName: stream.streamName, shardId });
        } else {
          log.warn("a shard could not be read", {
            streamName: stream.streamName,
            shardId,
            error: String(error),
          });
        }
        await this.#backoff.wait();
      }
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #setPace(calledMs: number, sizeBytes: number, millisBehindLatest: number): void {
    const { callMs, bytesPerMs, idleMs } = this.#pace;
    const fullMs = Math.max(callMs, sizeBytes / bytesPerMs);
    this.#nextCallMs = calledMs + (millisBehindLatest > 0 ? fullMs : Math.max(fullMs, idleMs));
  }

  async #findIterator(): Promise<string> {
    const { client, clock } = this.#setting;
    const { stream, shardId, from, timestampMs, signal } = this.#shard;
    const nowMs = clock.nowMs();
    const place = startingPlace({ from, timestampMs, after: this.#last, begunMs: this.#begunMs });
    const { ShardIterator } = await client.getShardIterator(
      {
        StreamARN: stream.streamArn,
        ShardId: shardId,
        ShardIteratorType: place.type,
        ...("sequenceNumber" in place ? { StartingSequenceNumber: place.sequenceNumber } : {}),
        ...("timestampMs" in place ? { Timestamp: place.timestampMs } : {}),
      },
      { signal },
    );
    if (ShardIterator === undefined) throw new Error("the service gave no iterator");
    this.#begunMs ??= nowMs;
    return ShardIterator;
  }
}

function bytesOf(records: Fetched["records"]): number {
  let sizeBytes = 0;
  for (const { Data } of records) sizeBytes += Data.byteLength;
  return sizeBytes;
}
