import type { Clock, Logger, Random } from "@millrace/runtime";
import type { ExtendedSequenceNumber } from "../leases/extended-sequence-number.ts";
import type { ConsumerRecord } from "../retrieval/user-records.ts";
import { Bell, sleepUnless } from "../waits.ts";
import type { Delivery } from "./shard-feed.ts";

/** What a handler is told beside the record. */
export interface RecordContext {
  readonly streamName: string;
  readonly shardId: string;
  readonly millisBehindLatest: number;
  /** From 1; above it the handler has failed on this record before. */
  readonly attempt: number;
  /** Aborted when the lease is lost: another worker may be handling the same records. */
  readonly signal: AbortSignal;
}

/** One that returns no promise is called without any overhead of asynchrony. */
export type RecordHandler = (record: ConsumerRecord, context: RecordContext) => unknown;

/** Gets a record that could not be handled. When it fails too it is called again, until it works. */
export type DeadLetterHandler = (record: ConsumerRecord, error: unknown, context: RecordContext) => unknown;

/**
 * What happens when a handler throws or rejects. `retry`: it is called again, with growing delays, until it works;
 * later records of the same key wait. `skip`: the failure is logged and the record passed over. Or a number of attempts, and
 * then one or the other.
 */
export type ErrorPolicy =
  | "retry"
  | "skip"
  | { readonly attemptCountMax: number; readonly afterwards: "skip" | DeadLetterHandler };

export interface RunnerOptions {
  readonly handler: RecordHandler;
  readonly onError: ErrorPolicy;
  /** Most records of the shard that are handled at once. */
  readonly concurrency: number;
  readonly streamName: string;
  readonly shardId: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly lost: AbortSignal;
  /** When aborted no handler is called any more. */
  readonly ending: AbortSignal;
  /** Told of records that have been dealt with, and all before them. */
  readonly giveBack: (recordCount: number) => void;
}

/** A record that has been begun, or waits for its key. */
interface Begun {
  readonly place: ExtendedSequenceNumber;
  readonly recordCount: number;
  isDone: boolean;
}

const SLICE_MS = 20;
const SLICE_CHECK_RECORDS = 256;
const RETRY_DELAY_MS = 100;
const RETRY_DELAY_MS_MAX = 30_000;

/**
 * Calls a handler for the records of one shard, several at once, those of one partition key one after the other, and
 * knows up to where all are done.
 */
export class RecordRunner {
  readonly #options: RunnerOptions;
  /** In the order of the shard; the first is not done. */
  #begun: Begun[] = [];
  #begunFrom = 0;
  /** Keys that are being handled, with the records that wait for them. */
  readonly #lanes = new Map<string, (() => void)[]>();
  readonly #bell = new Bell();
  #runningCount = 0;
  #done: ExtendedSequenceNumber | undefined;
  #isEnding: boolean;
  /** When the thread was last left to others, and how many records have come since that was looked at. */
  #sliceMs: number;
  #sliceRecords = 0;

  constructor(options: RunnerOptions) {
    const { ending, clock } = options;
    this.#options = options;
    this.#sliceMs = clock.monotonicMs();
    // Looked at for every record, and the signal itself takes its time to answer.
    this.#isEnding = ending.aborted;
    ending.addEventListener("abort", () => (this.#isEnding = true), { once: true });
  }

  /** The place up to which, and with which, every record has been dealt with; undefined while there is none. */
  get donePlace(): ExtendedSequenceNumber | undefined {
    const done = this.#done;
    return done && { sequenceNumber: done.sequenceNumber, subSequenceNumber: done.subSequenceNumber };
  }

  /** Begins all records of a delivery, in order. They may still be running when this resolves. */
  async run({ records, end, millisBehindLatest }: Delivery): Promise<void> {
    const { handler, concurrency, clock, giveBack } = this.#options;
    const context = this.#context(millisBehindLatest);
    let handledCount = 0;
    for (const record of records) {
      this.#sliceRecords += 1;
      if (this.#sliceRecords === SLICE_CHECK_RECORDS) {
        this.#sliceRecords = 0;
        // A handler that keeps the thread busy would let the leases run out.
        if (clock.monotonicMs() - this.#sliceMs > SLICE_MS) {
          giveBack(handledCount);
          handledCount = 0;
          await clock.sleep(0);
          this.#sliceMs = clock.monotonicMs();
        }
      }
      while (this.#runningCount >= concurrency) await this.#bell.wait();
      if (this.#isEnding) break;
      const lane = this.#lanes.size === 0 ? undefined : this.#lanes.get(record.partitionKey);
      if (lane !== undefined) {
        const begun = this.#begin(record);
        lane.push(() => void this.#handle(record, context, begun, undefined));
        continue;
      }
      let outcome: Promise<unknown> | undefined;
      try {
        const answer = handler(record, context);
        if (isThenable(answer)) outcome = Promise.resolve(answer);
      } catch (error) {
        outcome = Promise.reject(error);
      }
      if (outcome === undefined) {
        if (this.#isIdle) {
          this.#done = record;
          handledCount += 1;
        } else {
          this.#begin(record).isDone = true;
        }
      } else {
        this.#lanes.set(record.partitionKey, []);
        void this.#handle(record, context, this.#begin(record), outcome);
      }
    }
    if (!this.#isEnding) this.#begin(end, 0).isDone = true;
    this.#advance();
    giveBack(handledCount);
  }

  /** Resolves when nothing is running: when all is done, or, after `ending`, when what had been begun is. */
  async idle(): Promise<void> {
    while (this.#runningCount > 0) await this.#bell.wait();
  }

  get #isIdle(): boolean {
    return this.#begunFrom === this.#begun.length;
  }

  #begin({ sequenceNumber, subSequenceNumber }: ExtendedSequenceNumber, recordCount = 1): Begun {
    const begun = { place: { sequenceNumber, subSequenceNumber }, recordCount, isDone: false };
    this.#begun.push(begun);
    return begun;
  }

  /** Handles one record to its end, and lets the next of its key begin. */
  async #handle(
    record: ConsumerRecord,
    context: RecordContext,
    begun: Begun,
    outcome: Promise<unknown> | undefined,
  ): Promise<void> {
    this.#runningCount += 1;
    begun.isDone = await this.#isDealtWith(record, context, outcome);
    this.#runningCount -= 1;
    if (begun.isDone) this.#advance();
    const next = this.#isEnding ? undefined : this.#lanes.get(record.partitionKey)?.shift();
    if (next === undefined) this.#lanes.delete(record.partitionKey);
    else next();
    this.#bell.ring();
  }

  /** False when the session ended before the record was dealt with. */
  async #isDealtWith(
    record: ConsumerRecord,
    context: RecordContext,
    begun: Promise<unknown> | undefined,
  ): Promise<boolean> {
    const { handler, onError, log, shardId } = this.#options;
    const policy = typeof onError === "string" ? POLICIES[onError] : onError;
    let outcome = begun;
    for (let attempt = 1; ; attempt += 1) {
      const told = attempt === 1 ? context : { ...context, attempt };
      try {
        await (outcome ?? handler(record, told));
        return true;
      } catch (error) {
        const fields = { shardId, sequenceNumber: record.sequenceNumber, attempt, error: String(error) };
        log.warn("a record could not be handled", fields);
        if (attempt >= policy.attemptCountMax) {
          if (policy.afterwards === "skip") return true;
          try {
            await policy.afterwards(record, error, told);
            return true;
          } catch (failure) {
            log.error("a dead letter was not taken", { ...fields, error: String(failure) });
          }
        }
      }
      outcome = undefined;
      await this.#pauseAfter(attempt);
      if (this.#isEnding) return false;
    }
  }

  #pauseAfter(attempt: number): Promise<void> {
    const { clock, random, ending } = this.#options;
    const delayMs = Math.min(RETRY_DELAY_MS_MAX, RETRY_DELAY_MS * 2 ** (attempt - 1));
    return sleepUnless(clock, delayMs * (0.5 + random.fraction() / 2), ending);
  }

  /** What is done behind a record that is not counts as in flight: it would come again, so it has to stay bounded. */
  #advance(): void {
    let recordCount = 0;
    while (this.#begunFrom < this.#begun.length && this.#begun[this.#begunFrom]!.isDone) {
      const { place, recordCount: count } = this.#begun[this.#begunFrom]!;
      this.#done = place;
      recordCount += count;
      this.#begunFrom += 1;
    }
    if (this.#begunFrom === this.#begun.length || this.#begunFrom > 1_024) {
      this.#begun = this.#begun.slice(this.#begunFrom);
      this.#begunFrom = 0;
    }
    if (recordCount > 0) this.#options.giveBack(recordCount);
  }

  #context(millisBehindLatest: number): RecordContext {
    const { streamName, shardId, lost } = this.#options;
    return { streamName, shardId, millisBehindLatest, attempt: 1, signal: lost };
  }
}

const POLICIES = {
  retry: { attemptCountMax: Infinity, afterwards: "skip" },
  skip: { attemptCountMax: 1, afterwards: "skip" },
} as const;

function isThenable(answer: unknown): boolean {
  return (
    typeof answer === "object" && answer !== null && typeof (answer as { then?: unknown }).then === "function"
  );
}
