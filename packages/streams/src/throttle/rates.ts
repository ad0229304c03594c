/**
 * Every rate of the service: of shards, and of calls. Where processes share the engine each bucket is kept by one of them
 * ({@link SharedRates}); otherwise all are here, and nothing is waited for.
 */
import type { Peers } from "@millrace/log";
import type { RecordColumns } from "@millrace/model";
import type { Catalog } from "../catalog/catalog.ts";
import type { Shard } from "../catalog/shard.ts";
import type { Stream } from "../catalog/stream.ts";
import type { CallRate, LimitName, LimitOptions, Limits } from "../limits.ts";
import type { CallScopes } from "./call-throttle.ts";
import { CallThrottle } from "./call-throttle.ts";
import { SharedRates, type Verdict, type Verdicts } from "./shared-rates.ts";
import { ShardThrottle } from "./shard-throttle.ts";

/** What there is to wait for only when another process is asked. */
type Soon<Value> = Value | Promise<Value>;

export interface RatesDependencies {
  readonly clock: { nowMs(): number };
  readonly catalog: Catalog;
  readonly peers: Peers | undefined;
  readonly limits: Limits;
  readonly options: LimitOptions;
}

export class Rates {
  readonly #limits: Limits;
  readonly #calls: CallThrottle;
  readonly #shared: SharedRates | undefined;
  /** Without a limit on writes, or on reads, there is nothing to ask. */
  readonly #areWritesLimited: boolean;
  readonly #areReadsLimited: boolean;

  constructor({ clock, catalog, peers, limits, options }: RatesDependencies) {
    this.#limits = limits;
    this.#calls = new CallThrottle(options);
    this.#areWritesLimited = limits.shardWriteBytes < Infinity || limits.shardWriteRecords < Infinity;
    this.#areReadsLimited = limits.shardReadBytes < Infinity || limits.shardReadCalls < Infinity;
    this.#shared =
      peers &&
      new SharedRates(peers, catalog, {
        nowMs: () => clock.nowMs(),
        throttleOf: (shard) => this.throttleOf(shard),
        admitCall: (operation, scopes, nowMs) => this.#calls.admit(operation, scopes, nowMs) === undefined,
      });
  }

  close(): void {
    this.#shared?.close();
  }

  /** The buckets of a shard that are kept here, made at its first use: idle shards cost nothing. */
  throttleOf(shard: Shard): ShardThrottle {
    return (shard.throttle ??= new ShardThrottle(this.#limits));
  }

  /** What others say of records for the shards that are theirs; undefined when no shard is. */
  writesElsewhere(
    stream: Stream,
    byShard: ReadonlyMap<Shard, { readonly indexes: readonly number[] }>,
    columns: RecordColumns,
  ): Promise<ReadonlyMap<Shard, Verdicts>> | undefined {
    return this.#areWritesLimited ? this.#shared?.writes(stream, byShard, columns) : undefined;
  }

  /** {@link writesElsewhere} for one record. Resolves to undefined when the shard's owner does not answer. */
  writeElsewhere(stream: Stream, shard: Shard, sizeBytes: number): Promise<Verdict | undefined> | undefined {
    return this.#areWritesLimited ? this.#shared?.write(stream, shard, sizeBytes) : undefined;
  }

  /** Admits a GetRecords call, or takes nothing and tells which limit it exceeds. */
  exceededByRead(stream: Stream, shard: Shard, nowMs: number): Soon<LimitName | undefined> {
    const here = (): LimitName | undefined => this.throttleOf(shard).exceededByRead(nowMs);
    const elsewhere = this.#areReadsLimited ? this.#shared?.read(stream, shard) : undefined;
    return elsewhere === undefined
      ? here()
      : elsewhere.then((answer) => (answer === undefined ? here() : answer.exceeded));
  }

  /** Charges what a GetRecords call has read. */
  chargeRead(stream: Stream, shard: Shard, sizeBytes: number, nowMs: number): void {
    const isElsewhere = this.#areReadsLimited && this.#shared?.charge(stream, shard, sizeBytes) === true;
    if (!isElsewhere) this.throttleOf(shard).chargeRead(sizeBytes, nowMs);
  }

  admitIterator(stream: Stream, shard: Shard, nowMs: number): Soon<boolean> {
    const here = (): boolean => this.throttleOf(shard).admitIterator(nowMs);
    const isLimited = this.#limits.shardIteratorCalls < Infinity;
    const elsewhere = isLimited ? this.#shared?.iterator(stream, shard) : undefined;
    return elsewhere === undefined ? here() : elsewhere.then((isAdmitted) => isAdmitted ?? here());
  }

  /** Whether {@link admitCall} may ever refuse a call of this operation. */
  limitsCallsOf(operation: string): boolean {
    return this.#calls.rateOf(operation) !== undefined;
  }

  /** Admits a call of an operation, or tells which rate it exceeds. The data plane has no rate of its own. */
  admitCall(operation: string, scopes: CallScopes, nowMs: number): Soon<CallRate | undefined> {
    const rate = this.#calls.rateOf(operation);
    const scope = rate && scopes[rate.scope];
    if (rate === undefined || scope === undefined) return undefined;
    const here = (): CallRate | undefined => this.#calls.admit(operation, scopes, nowMs);
    const elsewhere = this.#shared?.call(operation, scopes, scope);
    if (elsewhere === undefined) return here();
    return elsewhere.then((isAdmitted) =>
      isAdmitted === undefined ? here() : isAdmitted ? undefined : rate,
    );
  }
}
