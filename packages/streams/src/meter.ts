/** What the service tells about itself as it works. The server implements it; here it is only declared. */
import type { Stream } from "./catalog/stream.ts";
import type { Shard } from "./catalog/shard.ts";
import type { LimitName } from "./limits.ts";

/** The limit by its name, or the rate of an operation's calls. */
export type ThrottledRate = LimitName | "operationCalls";

export interface Meter {
  /** One call was answered. `errorCode` is undefined when it succeeded. Machine milliseconds. */
  operation(call: {
    readonly operation: string;
    readonly stream: string | undefined;
    readonly latencyMs: number;
    readonly errorCode: string | undefined;
  }): void;
  /** Records became durable in a shard. Bytes count data and keys. */
  incoming(stream: Stream, shard: Shard, records: number, bytes: number): void;
  /**
   * Records were read from a shard. `ageMs` is how far the reader is behind the tip. `consumerName` is the
   * fan-out consumer that they were pushed to; undefined for GetRecords.
   */
  outgoing(
    stream: Stream,
    shard: Shard,
    records: number,
    bytes: number,
    ageMs: number,
    consumerName?: string,
  ): void;
  /** Records or a call were refused because a rate was exceeded: one of a shard, or that of an operation's calls. */
  throttled(stream: Stream | undefined, shard: Shard | undefined, rate: ThrottledRate, count: number): void;
}

export const silentMeter: Meter = Object.freeze({
  operation() {},
  incoming() {},
  outgoing() {},
  throttled() {},
});
