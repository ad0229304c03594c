import { ServiceError } from "@millrace/api";
import type { SubscriptionEvent } from "@millrace/client";
import type { StreamIdentity } from "../leases/lease-key.ts";
import { sleepUnless } from "../waits.ts";
import { Backoff } from "./backoff.ts";
import type { Fetched, Retrieval, RetrievalSetting, ShardSource, ShardToRead } from "./shard-source.ts";
import { startingPlace } from "./starting-position.ts";

/** Settings of {@link fanOut}. */
export interface FanOutOptions {
  /**
   * Under which name the application registers with each stream. Default: the application's. All its workers share the
   * registration; another application needs one of its own.
   */
  readonly consumerName?: string;
}

/** Has records pushed with SubscribeToShard: 2 MiB per second and shard for this application alone. */
export function fanOut({ consumerName }: FanOutOptions = {}): Retrieval {
  const consumerArns = new Map<string, string>();
  return {
    async prepare(setting, stream) {
      const name = consumerName ?? setting.applicationName;
      consumerArns.set(stream.streamArn, await registered(setting, stream, name));
    },
    open(setting, shard) {
      const consumerArn = consumerArns.get(shard.stream.streamArn);
      if (consumerArn === undefined)
        throw new Error(`${shard.stream.streamArn} was not prepared for fan-out`);
      return new SubscribedShard(setting, shard, consumerArn);
    },
  };
}

const REGISTRATION_WAIT_MS = 500;
const REGISTRATION_ATTEMPTS_MAX = 120;

/** The ARN of the application's registration, made now or by another worker, when it can be subscribed to. */
async function registered(
  { client, clock, log, stopping: signal }: RetrievalSetting,
  { streamArn }: StreamIdentity,
  consumerName: string,
): Promise<string> {
  const name = { StreamARN: streamArn, ConsumerName: consumerName };
  for (let attempt = 1; ; attempt += 1) {
    try {
      const { ConsumerDescription: found } = await client.describeStreamConsumer(name, { signal });
      if (found.ConsumerStatus === "ACTIVE") return found.ConsumerARN;
    } catch (error) {
      if (!(error instanceof ServiceError) || error.code !== "ResourceNotFoundException") throw error;
      log.info("registering for fan-out", { streamArn, consumerName });
      await client.registerStreamConsumer(name, { signal }).catch((failure: unknown) => {
        // Another worker was faster.
        if (!(failure instanceof ServiceError) || failure.code !== "ResourceInUseException") throw failure;
      });
    }
    if (attempt >= REGISTRATION_ATTEMPTS_MAX)
      throw new Error(`${consumerName} at ${streamArn} is not ACTIVE`);
    await sleepUnless(clock, REGISTRATION_WAIT_MS, signal);
  }
}

class SubscribedShard implements ShardSource {
  readonly #setting: RetrievalSetting;
  readonly #shard: ShardToRead;
  readonly #consumerArn: string;
  readonly #backoff: Backoff;
  #events: AsyncIterator<SubscriptionEvent> | undefined;
  /** Whether nothing has come from the subscription; one that ends like this is not made again at once. */
  #isSilent = true;
  /** Where the last event said to go on. */
  #continuation: string | undefined;
  /** The wall clock when the first subscription was made. */
  #begunMs: number | undefined;

  constructor(setting: RetrievalSetting, shard: ShardToRead, consumerArn: string) {
    this.#setting = setting;
    this.#shard = shard;
    this.#consumerArn = consumerArn;
    this.#backoff = new Backoff(setting.clock, setting.random, shard.signal);
  }

  async next(): Promise<Fetched | undefined> {
    const { log } = this.#setting;
    const { stream, shardId, signal } = this.#shard;
    for (;;) {
      if (signal.aborted) return undefined;
      try {
        this.#events ??= this.#subscribe();
        const next = await this.#events.next();
        if (next.done === true) {
          // The service ends every subscription after five minutes.
          this.#events = undefined;
          if (this.#isSilent) await this.#backoff.wait();
          continue;
        }
        this.#isSilent = false;
        const { Records, ContinuationSequenceNumber, MillisBehindLatest, ChildShards = [] } = next.value;
        this.#backoff.reset();
        const isEnd = ChildShards.length > 0;
        if (isEnd) await this.close();
        else this.#continuation = ContinuationSequenceNumber;
        return {
          records: Records,
          millisBehindLatest: MillisBehindLatest,
          childShards: isEnd ? ChildShards : undefined,
        };
      } catch (error) {
        this.#events = undefined;
        if (signal.aborted) return undefined;
        // ResourceInUse: the subscription of the worker before this one, or one within the last five seconds.
        log.warn("a shard could not be subscribed to", {
          streamName: stream.streamName,
          shardId,
          error: String(error),
        });
        await this.#backoff.wait();
      }
    }
  }

  #subscribe(): AsyncIterator<SubscriptionEvent> {
    const { shardId, from, timestampMs, signal } = this.#shard;
    const { client, clock } = this.#setting;
    this.#isSilent = true;
    const place = startingPlace({ from, timestampMs, after: this.#continuation, begunMs: this.#begunMs });
    const events = client.subscribeToShard(
      {
        ConsumerARN: this.#consumerArn,
        ShardId: shardId,
        StartingPosition: {
          Type: place.type,
          ...("sequenceNumber" in place ? { SequenceNumber: place.sequenceNumber } : {}),
          ...("timestampMs" in place ? { Timestamp: place.timestampMs } : {}),
        },
      },
      { signal },
    );
    this.#begunMs ??= clock.nowMs();
    return events[Symbol.asyncIterator]();
  }

  async close(): Promise<void> {
    const events = this.#events;
    this.#events = undefined;
    await events?.return?.();
  }
}
