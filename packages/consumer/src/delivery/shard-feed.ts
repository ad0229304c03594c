import type { ExtendedSequenceNumber } from "../leases/extended-sequence-number.ts";
import type { ShardSource } from "../retrieval/shard-source.ts";
import type { ConsumerRecord, UserRecordReader } from "../retrieval/user-records.ts";
import type { ChildShards } from "../shards/shard-sync.ts";
import { Bell } from "../waits.ts";
import type { ShardMeter } from "./shard-meter.ts";

/** Records in order, and the place that everything up to and with them reaches. */
export interface Delivery {
  readonly records: readonly ConsumerRecord[];
  readonly end: ExtendedSequenceNumber;
  readonly millisBehindLatest: number;
}

export interface FeedOptions {
  readonly source: ShardSource;
  readonly reader: UserRecordReader;
  readonly meter: ShardMeter;
  /** With so many records handed out or fetched, and not given back, nothing more is fetched. */
  readonly recordsInFlightMax: number;
}

/** Fetches ahead of whoever handles the records, within a bound. */
export class ShardFeed {
  readonly #options: FeedOptions;
  readonly #fetched: Delivery[] = [];
  readonly #bell = new Bell();
  #recordsInFlight = 0;
  #children: ChildShards | undefined;
  #isStopped = false;
  #isDry = false;
  readonly #loop: Promise<void>;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#loop = this.#fetch();
  }

  /** The next records; undefined when the feed was stopped, or at the end of the shard. */
  async next(): Promise<Delivery | undefined> {
    for (;;) {
      if (this.#isStopped) return undefined;
      const delivery = this.#fetched.shift();
      if (delivery !== undefined) return delivery;
      if (this.#isDry) return undefined;
      await this.#bell.wait();
    }
  }

  /** So many records have been dealt with. */
  giveBack(recordCount: number): void {
    this.#recordsInFlight -= recordCount;
    this.#options.meter.inFlight = this.#recordsInFlight;
    this.#bell.ring();
  }

  /** What comes after the shard, when all of it was handed out. */
  get children(): ChildShards | undefined {
    return this.#isDry && !this.#isStopped && this.#fetched.length === 0 ? this.#children : undefined;
  }

  /** Hands out no more. What was fetched and not handed out is forgotten. */
  stop(): void {
    this.#isStopped = true;
    this.#bell.ring();
  }

  /** Resolves when nothing is being fetched. The source's signal must have been aborted, or its end be reached. */
  async close(): Promise<void> {
    this.stop();
    await this.#loop;
  }

  async #fetch(): Promise<void> {
    const { source, reader, meter, recordsInFlightMax } = this.#options;
    while (!this.#isStopped && this.#children === undefined) {
      if (this.#recordsInFlight >= recordsInFlightMax) {
        await this.#bell.wait();
        continue;
      }
      const fetched = await source.next();
      if (fetched === undefined) break;
      const { records, end, sizeBytes } = reader.read(fetched.records);
      this.#recordsInFlight += records.length;
      meter.fetched(records.length, sizeBytes, fetched.millisBehindLatest, this.#recordsInFlight);
      const { millisBehindLatest } = fetched;
      if (end !== undefined) this.#fetched.push({ records, end, millisBehindLatest });
      this.#children = fetched.childShards;
      if (end !== undefined) this.#bell.ring();
    }
    this.#isDry = true;
    this.#bell.ring();
    await source.close();
  }
}
