import { type InputOf, kinesis } from "@millrace/api";
import type { FormatName } from "@millrace/wire";
import type { CallOptions } from "./call.ts";
import { type CallsOf, callsOf, type ClientOptions } from "./service-client.ts";
import { readSubscription, type SubscriptionEvent } from "./subscription.ts";

/**
 * Kinesis Data Streams as functions, one per operation, typed from the contracts. It is the same whether
 * the far end is AWS, a Millrace server, or a service in this process.
 *
 * A call rejects with a `ServiceError`: the service's own, or with status 0 one of the client's: `ConnectionFailed` or
 * `DeadlineExceeded`, after which nobody knows whether the last attempt was carried out.
 */
export type KinesisClient = CallsOf<typeof kinesis, "SubscribeToShard"> & {
  /**
   * Subscribes when iteration begins and yields events as they arrive, until the service ends the
   * subscription (after 5 minutes, or at the end of the shard), which ends the iteration, or fails it,
   * which throws. Leaving the loop, or aborting `options.signal`, unsubscribes.
   */
  subscribeToShard(
    input: InputOf<(typeof kinesis)["operations"]["SubscribeToShard"]>,
    options?: CallOptions,
  ): AsyncIterable<SubscriptionEvent>;

  /** Lets go of connections. */
  close(): Promise<void>;
};

/** What a client of Kinesis is told beside that. */
export interface KinesisClientOptions extends ClientOptions {
  /** Default: `json`. */
  readonly protocol?: FormatName;
}

/**
 * Makes a client of Kinesis Data Streams. Nothing is connected before the first call.
 *
 * @throws {TypeError} when there is neither an endpoint nor a transport, or the endpoint is no http: or https: URL.
 */
export function createKinesisClient(options: KinesisClientOptions): KinesisClient {
  const { calls, caller, close } = callsOf(kinesis, options, options.protocol ?? "json", [
    "SubscribeToShard",
  ]);
  return {
    ...calls,
    subscribeToShard: (input, callOptions) => readSubscription(caller, input, callOptions),
    close,
  };
}
