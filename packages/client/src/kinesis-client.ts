import { type InputOf, kinesis, type OutputOf } from "@millrace/api";
import type { Clock, Random } from "@millrace/runtime";
import type { FormatName } from "@millrace/wire";
import { type CallOptions, type CallWait, Caller } from "./call.ts";
import { type Credentials, requestSigner } from "./request-signer.ts";
import { readSubscription, type SubscriptionEvent } from "./subscription.ts";
import { http1Transport } from "./transport/http1.ts";
import { http2Transport } from "./transport/http2.ts";
import type { ClientTransport, TlsTrust } from "./transport/transport.ts";

type Operations = typeof kinesis.operations;
type OneAnswer = Exclude<keyof Operations, "SubscribeToShard">;

/**
 * Kinesis Data Streams as functions, one per operation, typed from the contracts. It is the same whether
 * the far end is AWS, a Millrace server, or a service in this process.
 *
 * A call rejects with a `ServiceError`; see {@link Caller} for those that are the client's own.
 */
export type KinesisClient = {
  readonly [Name in OneAnswer as Uncapitalize<Name>]: (
    input: InputOf<Operations[Name]>,
    options?: CallOptions,
  ) => Promise<OutputOf<Operations[Name]>>;
} & {
  /**
   * Subscribes when iteration begins and yields events as they arrive, until the service ends the
   * subscription (after 5 minutes, or at the end of the shard), which ends the iteration, or fails it,
   * which throws. Leaving the loop, or aborting `options.signal`, unsubscribes.
   */
  subscribeToShard(
    input: InputOf<Operations["SubscribeToShard"]>,
    options?: CallOptions,
  ): AsyncIterable<SubscriptionEvent>;

  /** Lets go of connections. */
  close(): Promise<void>;
};

export interface KinesisClientOptions {
  /** Where to, e.g. `http://127.0.0.1:4566`. Either this or `transport`. */
  readonly endpoint?: string | URL;
  /** What HTTP to speak to `endpoint`. Default: 1.1, as the AWS CLI does. */
  readonly httpVersion?: "1.1" | "2";
  readonly tls?: TlsTrust;
  readonly transport?: ClientTransport;

  /** Default: `us-east-1`. */
  readonly region?: string;
  /** Without credentials requests are not signed. */
  readonly credentials?: Credentials;
  /** Machine time: signatures, waits, deadlines. */
  readonly clock: Clock;
  readonly random: Random;
  /** Attempts of one call, the first included. Default: 3. */
  readonly attemptCountMax?: number;
  /** Milliseconds without a sign of life before an attempt, or a subscription, is given up. Default: 30,000. */
  readonly attemptTimeoutMs?: number;
  /** Milliseconds for one call, waits and retries included. Default: 120,000. */
  readonly deadlineMs?: number;
  /** Is told each time a call failed and is going to be tried again: for those who watch over a person's patience. */
  readonly onWait?: (wait: CallWait) => void;
  /** Default: `json`. */
  readonly protocol?: FormatName;
}

export function createKinesisClient(options: KinesisClientOptions): KinesisClient {
  const transport = options.transport ?? transportTo(options);
  const caller = new Caller({
    contract: kinesis,
    transport,
    protocol: options.protocol ?? "json",
    sign: requestSigner({
      credentials: options.credentials,
      region: options.region ?? "us-east-1",
      service: kinesis.name,
      clock: options.clock,
    }),
    clock: options.clock,
    random: options.random,
    attemptCountMax: options.attemptCountMax ?? 3,
    attemptTimeoutMs: options.attemptTimeoutMs ?? 30_000,
    deadlineMs: options.deadlineMs ?? 120_000,
    onWait: options.onWait,
  });
  const methods: Record<string, unknown> = {
    subscribeToShard: (input: object, callOptions?: CallOptions) =>
      readSubscription(caller, input, callOptions),
    close: () => transport.close(),
  };
  for (const operation of Object.values(kinesis.operations)) {
    const { name } = operation;
    if (name === "SubscribeToShard") continue;
    methods[`${name.charAt(0).toLowerCase()}${name.slice(1)}`] = (input: object, callOptions?: CallOptions) =>
      caller.call(name, input, callOptions);
  }
  // The table and the type are made from the same contracts: one method per operation.
  return methods as unknown as KinesisClient;
}

function transportTo(options: KinesisClientOptions): ClientTransport {
  if (options.endpoint === undefined) throw new TypeError("a client needs an endpoint or a transport");
  const endpoint = new URL(options.endpoint);
  if (endpoint.protocol !== "http:" && endpoint.protocol !== "https:") {
    throw new TypeError(`an endpoint is an http: or https: URL, not ${endpoint.protocol}`);
  }
  return options.httpVersion === "2"
    ? http2Transport(endpoint, options.tls)
    : http1Transport(endpoint, options.tls);
}
