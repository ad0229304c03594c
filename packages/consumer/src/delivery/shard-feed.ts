import type { ExtendedSequenceNumber } from "../leases/extended-sequence-number.ts";
import type { ShardSource } from "../retrieval/shard-source.ts";
import {
  type ConsumerRecord,
  sizesOf,
  type StoredRecord,
  type UserRecordReader,
} from "../retrieval/user-records.ts";
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

/** An answer that is not wholly handed out. */
interface Answer {
  readonly stored: readonly StoredRecord[];
  readonly millisBehindLatest: number;
  /** How much of it was taken apart. */
  next: number;
  /** Counted as in flight, and not yet handed out. */
  recordCountMax: number;
}

/**
 * Fetches ahead of whoever handles the records, within a bound. Records are taken apart when they are asked for, so that whoever
 * can begin with some of an answer need not have all of it in memory, which may be a hundred thousand.
 */
export class ShardFeed {
  readonly #options: FeedOptions;
  readonly #fetched: Answer[] = [];
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

  /**
   * The next records: what is left of an answer, or some of it that has `enoughCount`, when that is less. Undefined when the feed was
   * stopped, or at the end of the shard.
   */
  async next(enoughCount = Infinity): Promise<Delivery | undefined> {
    for (;;) {
      if (this.#isStopped) return undefined;
      const answer = this.#fetched[0];
      if (answer !== undefined) return this.#nextOf(answer, enoughCount);
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

  #nextOf(answer: Answer, enoughCount: number): Delivery {
    const { stored, millisBehindLatest } = answer;
    const { records, end, next } = this.#options.reader.read(stored, answer.next, enoughCount);
    answer.next = next;
    answer.recordCountMax -= records.length;
    if (next === stored.length) {
      this.#fetched.shift();
      // These were no records of the shard, or were handled before.
      this.#options.meter.dropped(answer.recordCountMax);
      this.giveBack(answer.recordCountMax);
    }
    return { records, end, millisBehindLatest };
  }

  async #fetch(): Promise<void> {
    const { source, meter, recordsInFlightMax } = this.#options;
    while (!this.#isStopped && this.#children === undefined) {
      if (this.#recordsInFlight >= recordsInFlightMax) {
        await this.#bell.wait();
        continue;
      }
      const fetched = await source.next();
      if (fetched === undefined) break;
      const { records: stored, millisBehindLatest } = fetched;
      const { recordCountMax, sizeBytes } = sizesOf(stored);
      this.#recordsInFlight += recordCountMax;
      meter.fetched(recordCountMax, sizeBytes, millisBehindLatest, this.#recordsInFlight);
      if (stored.length > 0) this.#fetched.push({ stored, millisBehindLatest, next: 0, recordCountMax });
      this.#children = fetched.childShards;
      if (stored.length > 0) this.#bell.ring();
    }
    this.#isDry = true;
    this.#bell.ring();
    await source.close();
  }
}
