import type { InputOf, OutputOf, Service } from "@millrace/api";
import type { Clock, Random } from "@millrace/runtime";
import type { FormatName } from "@millrace/wire";
import { type CallOptions, type CallWait, Caller } from "./call.ts";
import { type Credentials, requestSigner } from "./request-signer.ts";
import { http1Transport } from "./transport/http1.ts";
import { http2Transport } from "./transport/http2.ts";
import type { ClientTransport, TlsTrust } from "./transport/transport.ts";

/** What clients of all services have to be told. */
export interface ClientOptions {
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
}

/** One function per operation of a contract, but for those that do not answer with one value. */
export type CallsOf<S extends Service, Streaming extends string = never> = {
  readonly [Name in Exclude<keyof S["operations"] & string, Streaming> as Uncapitalize<Name>]: (
    input: InputOf<S["operations"][Name]>,
    options?: CallOptions,
  ) => Promise<OutputOf<S["operations"][Name]>>;
};

/**
 * Makes what a client of any service is made of: the functions of its operations, which are data, and the caller
 * behind them. Operations named in `streaming` are left out.
 */
export function callsOf<S extends Service, Streaming extends string = never>(
  contract: S,
  options: ClientOptions,
  protocol: FormatName,
  streaming: readonly Streaming[] = [],
): { readonly calls: CallsOf<S, Streaming>; readonly caller: Caller; close(): Promise<void> } {
  const transport = options.transport ?? transportTo(options);
  const caller = new Caller({
    contract,
    transport,
    protocol,
    sign: requestSigner({
      credentials: options.credentials,
      region: options.region ?? "us-east-1",
      service: contract.name,
      clock: options.clock,
    }),
    clock: options.clock,
    random: options.random,
    attemptCountMax: options.attemptCountMax ?? 3,
    attemptTimeoutMs: options.attemptTimeoutMs ?? 30_000,
    deadlineMs: options.deadlineMs ?? 120_000,
    onWait: options.onWait,
  });
  const calls: Record<string, unknown> = {};
  for (const name of Object.keys(contract.operations)) {
    if ((streaming as readonly string[]).includes(name)) continue;
    calls[`${name.charAt(0).toLowerCase()}${name.slice(1)}`] = (input: object, callOptions?: CallOptions) =>
      caller.call(name, input, callOptions);
  }
  // The table and the type are made from the same contract: one function per operation.
  return { calls: calls as CallsOf<S, Streaming>, caller, close: () => transport.close() };
}

function transportTo(options: ClientOptions): ClientTransport {
  if (options.endpoint === undefined) throw new TypeError("a client needs an endpoint or a transport");
  const endpoint = new URL(options.endpoint);
  if (endpoint.protocol !== "http:" && endpoint.protocol !== "https:") {
    throw new TypeError(`an endpoint is an http: or https: URL, not ${endpoint.protocol}`);
  }
  return options.httpVersion === "2"
    ? http2Transport(endpoint, options.tls)
    : http1Transport(endpoint, options.tls);
}
