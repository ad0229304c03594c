import type { Clock, Logger, Random } from "@millrace/runtime";
import { type ExtendedSequenceNumber, isSamePlace, SHARD_END } from "../leases/extended-sequence-number.ts";
import type { HeldLease } from "../leases/held-lease.ts";
import { isFinished } from "../leases/lease.ts";
import { leaseKeyOf, shardIdOf } from "../leases/lease-key.ts";
import type { LeaseStore } from "../leases/lease-store.ts";
import type { Retrieval, RetrievalSetting } from "../retrieval/shard-source.ts";
import { UserRecordReader } from "../retrieval/user-records.ts";
import type { ShardSync, SyncedStream } from "../shards/shard-sync.ts";
import { sleepUnless, within } from "../waits.ts";
import { type Delivery, ShardFeed } from "./shard-feed.ts";
import { ShardMeter } from "./shard-meter.ts";

export interface SessionOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly store: LeaseStore;
  readonly sync: ShardSync;
  readonly stream: SyncedStream & { readonly timestampMs: number | undefined };
  readonly retrieval: Retrieval;
  readonly retrievalSetting: RetrievalSetting;
  readonly recordsInFlightMax: number;
  readonly parentPollIntervalMs: number;
  readonly storeTimeoutMs: number;
  /** Aborted when the worker stops. */
  readonly stopping: AbortSignal;
}

/**
 * One shard while this worker holds its lease: waits for the parents, reads, stores checkpoints, and at its end
 * gives the children their leases or hands the lease over.
 */
export class ShardSession {
  readonly shardId: string;
  readonly meter: ShardMeter;
  readonly #held: HeldLease;
  readonly #options: SessionOptions;
  /** Aborted when nothing more is to be begun: the lease is lost or asked for, or the worker stops. */
  readonly #ending = new AbortController();
  /** Ends waits and calls of the retrieval. */
  readonly #reading = new AbortController();
  #feed: ShardFeed | undefined;

  constructor(held: HeldLease, options: SessionOptions) {
    this.#held = held;
    this.#options = options;
    this.shardId = shardIdOf(held.lease);
    this.meter = new ShardMeter(options.clock);
    const end = (): void => this.end();
    for (const signal of [held.lost, held.handOffRequested, options.stopping]) {
      if (signal.aborted) end();
      else signal.addEventListener("abort", end, { once: true, signal: this.#reading.signal });
    }
  }

  get streamName(): string {
    return this.#options.stream.identity.streamName;
  }

  /** Aborted when another worker may have the shard already. */
  get lost(): AbortSignal {
    return this.#held.lost;
  }

  get ending(): AbortSignal {
    return this.#ending.signal;
  }

  /** Begins no more: what was handed out is finished, and then the lease is given away. */
  end(): void {
    this.#ending.abort();
    this.#feed?.stop();
  }

  /** Waits until all parents are finished, and begins to read; false when the session came to its end before. */
  async open(): Promise<boolean> {
    const { retrieval, retrievalSetting, stream, recordsInFlightMax } = this.#options;
    if (!(await this.#parentsAreFinished())) return false;
    const { lease } = this.#held;
    this.#feed = new ShardFeed({
      source: retrieval.open(retrievalSetting, {
        stream: stream.identity,
        shardId: this.shardId,
        from: lease.checkpoint,
        timestampMs: stream.timestampMs,
        signal: this.#reading.signal,
      }),
      reader: new UserRecordReader(lease.hashKeyRange, lease.checkpoint),
      meter: this.meter,
      recordsInFlightMax,
    });
    return true;
  }

  /** The next records, as {@link ShardFeed.next} has them; undefined at the end of the shard, or of the session. */
  next(enoughCount?: number): Promise<Delivery | undefined> {
    return this.#feed === undefined ? Promise.resolve(undefined) : this.#feed.next(enoughCount);
  }

  giveBack(recordCount: number): void {
    this.#feed?.giveBack(recordCount);
  }

  /** Whether everything in the shard was handed out, and it is closed. */
  get hasEnded(): boolean {
    return this.#feed?.children !== undefined;
  }

  /** Stores that everything up to and with `place` was processed; false when the lease is lost. */
  async checkpoint(place: ExtendedSequenceNumber): Promise<boolean> {
    if (isSamePlace(place, this.#held.lease.checkpoint)) return this.#held.isHeld();
    return this.#held.checkpoint(place);
  }

  /**
   * Ends the session. All that was handed out must have been processed, or not be covered by the last checkpoint.
   *
   * @param isComplete whether the shard has ended and all of it was processed.
   */
  async close(isComplete: boolean): Promise<void> {
    const children = isComplete ? this.#feed?.children : undefined;
    try {
      if (children !== undefined && this.#held.isHeld()) {
        const { sync, stream } = this.#options;
        // The children first: a shard that is finished and has no children's leases would be their end too.
        if (await this.#untilItWorks(() => sync.addChildren(stream, children, this.#ending.signal))) {
          const childShardIds = children.map((child) => child.ShardId);
          if (await this.#held.checkpoint(SHARD_END, childShardIds)) return;
        }
      }
      await this.#held.release();
    } finally {
      this.#ending.abort();
      this.#reading.abort();
      await this.#feed?.close();
    }
  }

  async #parentsAreFinished(): Promise<boolean> {
    const { clock, log, store, stream, parentPollIntervalMs, storeTimeoutMs } = this.#options;
    for (const parentShardId of this.#held.lease.parentShardIds) {
      const parentKey = leaseKeyOf(stream.identity, parentShardId);
      for (;;) {
        if (this.#ending.signal.aborted) return false;
        try {
          const parent = await within(clock, storeTimeoutMs, store.get(parentKey));
          // Without a lease it was cleaned up after its end, or is older than what the application reads.
          if (parent === undefined || isFinished(parent)) break;
        } catch (error) {
          log.warn("a parent's lease could not be read", { leaseKey: parentKey, error: String(error) });
        }
        await sleepUnless(clock, parentPollIntervalMs, this.#ending.signal);
      }
    }
    return !this.#ending.signal.aborted;
  }

  /** Tries until the session is to end; false when it did not work until then, and the next owner has to. */
  async #untilItWorks(work: () => Promise<void>): Promise<boolean> {
    const { clock, random, log } = this.#options;
    const ending = this.#ending.signal;
    while (!ending.aborted && this.#held.isHeld()) {
      try {
        await work();
        return true;
      } catch (error) {
        log.warn("the children of a shard got no leases", { shardId: this.shardId, error: String(error) });
      }
      await sleepUnless(clock, CHILDREN_RETRY_DELAY_MS * (0.5 + random.fraction()), ending);
    }
    return false;
  }
}

const CHILDREN_RETRY_DELAY_MS = 1_000;
