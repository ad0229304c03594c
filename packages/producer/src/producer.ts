import { WritableStream } from "node:stream/web";
import { gzipSync } from "node:zlib";
import { parseHashKey } from "@millrace/model";
import { Admission } from "./admission.ts";
import { Dispatcher } from "./dispatcher.ts";
import { Counters, type ProducerMetrics } from "./metrics.ts";
import { type ProducerOptions, REQUEST_BYTES_MAX, type Settings, settingsOf } from "./options.ts";
import { Outcomes } from "./outcomes.ts";
import { PutGroup } from "./put-group.ts";
import { type AcceptedRecord, type PutFailedError, QueuedRecord, type RecordToPut } from "./record.ts";

/** What became of the records of a {@link Producer.putAll}. */
export interface PutAllSummary {
  readonly storedCount: number;
  readonly failedCount: number;
  /** The first 100. */
  readonly failures: readonly PutFailedError[];
}

/** A put came after {@link Producer.close}, or was still waiting for room when the time for closing was over. */
export class ProducerClosedError extends Error {
  override readonly name = "ProducerClosedError";

  constructor() {
    super("the producer is closed");
  }
}

/**
 * Puts records into one stream.
 *
 * One producer per stream: places of shards, their rates, the queue's bound, the distribution strategy and the
 * figures all belong to a stream, and one that is out of order must not fill the queue of another. Several
 * producers may share a client, and so its connections.
 */
export interface Producer {
  /**
   * Takes a record over, as soon as there is room for it. The record is stored later: `(await put(…)).result`
   * tells.
   *
   * Rejects with a TypeError when the record cannot be put by anybody: no key or one of more than 256 characters, a
   * wrong explicit hash key, more bytes than the stream takes. Rejects with {@link ProducerClosedError} after `close`.
   */
  put(record: RecordToPut): Promise<AcceptedRecord>;

  /**
   * The same without a promise: undefined when there is no room, and then {@link ready} tells when there is. Throws what
   * `put` rejects with.
   */
  offer(record: RecordToPut): AcceptedRecord | undefined;

  /**
   * Takes over all records at once, or none: undefined when there is no room. They wait for others as those of `put`
   * do; what is returned resolves when each has its outcome. For those who keep the order of many batches and wait
   * for none of them. Throws what `put` rejects with, and has then taken nothing.
   */
  offerAll(records: readonly RecordToPut[]): Promise<PutAllSummary> | undefined;

  /** Resolves when there is room for a record, after all puts that wait. */
  ready(): Promise<void>;

  /**
   * Puts all records of an iterable or of a stream, with back-pressure, and resolves when each has its outcome. Rejects
   * when the source throws or has a record that cannot be put; what was taken over until then goes its way.
   */
  putAll(records: Iterable<RecordToPut> | AsyncIterable<RecordToPut>): Promise<PutAllSummary>;

  /**
   * A stream to pipe records into, with back-pressure. Closing it resolves when everything written has been stored; a
   * record that fails makes the stream fail. Aborting it takes back nothing.
   */
  writable(): WritableStream<RecordToPut>;

  /** Sends what is queued without waiting for more; resolves when every record accepted so far has its outcome. */
  flush(): Promise<void>;

  /**
   * Refuses puts from now on, sends everything that was accepted or waits for room, and resolves when each record has
   * its outcome. After `timeoutMs` (default: never) what is left fails with `ProducerClosed`.
   */
  close(options?: { readonly timeoutMs?: number }): Promise<void>;

  /** What it has done since it was made, and what it holds now. */
  metrics(): ProducerMetrics;
}

/**
 * @throws {RangeError} when an option lies outside its range.
 */
export function createProducer(options: ProducerOptions): Producer {
  return new StreamProducer(settingsOf(options), options.onFailure);
}

const PARTITION_KEY_LENGTH_MAX = 256;
const PUT_ALL_FAILURES_KEPT = 100;
/**
 * How many records are taken over in one turn of the loop. Who puts without ever waiting for anything else would
 * otherwise keep answers, timers and sockets from being served until the queue is full.
 */
const RECORDS_PER_TURN = 1_000;

class StreamProducer implements Producer {
  readonly #settings: Settings;
  readonly #counters = new Counters();
  readonly #admission: Admission;
  readonly #dispatcher: Dispatcher;
  #nextId = 0;
  #turnsAtId = RECORDS_PER_TURN;
  #epoch = new PutGroup(0);
  #flushed: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(settings: Settings, onFailure: ProducerOptions["onFailure"]) {
    this.#settings = settings;
    this.#admission = new Admission(settings.queuedBytesMax, settings.queuedRecordCountMax);
    const outcomes = new Outcomes(settings, this.#counters, {
      onSettled: (sizeBytes, count) => this.#admission.leave(sizeBytes, count),
      onFailure,
    });
    const { stream } = settings;
    const address = stream.startsWith("arn:") ? { StreamARN: stream } : { StreamName: stream };
    this.#dispatcher = new Dispatcher(settings, address, this.#counters, outcomes);
  }

  async put(record: RecordToPut): Promise<AcceptedRecord> {
    const prepared = this.#prepare(record);
    const accepted = this.#enter(prepared, undefined);
    if (accepted === undefined) return this.#enterLater(prepared, undefined);
    const turn = this.#turnIfDue();
    if (turn !== undefined) await turn;
    return accepted;
  }

  offer(record: RecordToPut): AcceptedRecord | undefined {
    return this.#enter(this.#prepare(record), undefined);
  }

  offerAll(records: readonly RecordToPut[]): Promise<PutAllSummary> | undefined {
    const prepared = records.map((record) => this.#prepare(record));
    let sizeBytes = 0;
    for (const record of prepared) sizeBytes += record.sizeBytes;
    if (!this.#admission.tryEnterAll(sizeBytes, prepared.length)) return undefined;
    const group = new PutGroup(PUT_ALL_FAILURES_KEPT);
    for (const record of prepared) this.#accept(record, group);
    return group.done().then(() => summaryOf(group));
  }

  ready(): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(new ProducerClosedError());
    return new Promise((resolve, reject) => {
      const admit = () => {
        this.#admission.leave(0, 1);
        resolve();
      };
      this.#admission.enter(0, admit, reject);
    });
  }

  async putAll(records: Iterable<RecordToPut> | AsyncIterable<RecordToPut>): Promise<PutAllSummary> {
    const group = new PutGroup(PUT_ALL_FAILURES_KEPT);
    if (Symbol.asyncIterator in records) {
      for await (const record of records) {
        const waiting = this.#take(record, group);
        if (waiting !== undefined) await waiting;
      }
    } else {
      for (const record of records) {
        const waiting = this.#take(record, group);
        if (waiting !== undefined) await waiting;
      }
    }
    this.#dispatcher.flush(this.#nextId - 1);
    await group.done();
    return summaryOf(group);
  }

  writable(): WritableStream<RecordToPut> {
    const group = new PutGroup(1);
    const throwFailure = () => {
      const [failure] = group.failures;
      if (failure !== undefined) throw failure;
    };
    return new WritableStream<RecordToPut>({
      write: async (record) => {
        throwFailure();
        await this.#take(record, group);
      },
      close: async () => {
        const done = group.done();
        this.#dispatcher.flush(this.#nextId - 1);
        await done;
        throwFailure();
      },
    });
  }

  flush(): Promise<void> {
    const epoch = this.#epoch;
    const before = this.#flushed;
    this.#epoch = new PutGroup(0);
    this.#flushed = Promise.all([before, epoch.done()]).then(() => undefined);
    this.#dispatcher.flush(this.#nextId - 1);
    return this.#flushed;
  }

  close({ timeoutMs = Infinity }: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(timeoutMs);
    return this.#closing;
  }

  metrics(): ProducerMetrics {
    const counters = this.#counters;
    return {
      acceptedCount: counters.acceptedCount,
      storedCount: counters.storedCount,
      failedCount: counters.failedCount,
      retriedCount: counters.retriedCount,
      storedBytes: counters.storedBytes,
      putRecordCount: counters.putRecordCount,
      requestCount: counters.requestCount,
      errorCounts: counters.errorCounts,
      queuedRecordCount: this.#admission.usedCount,
      queuedBytes: this.#admission.usedBytes,
      waitingPutCount: this.#admission.waitingCount,
      requestsInFlight: this.#dispatcher.requestsInFlight,
      shardCount: this.#dispatcher.shardCount,
      recordLatency: counters.recordLatency.quantiles(),
      requestLatency: counters.requestLatency.quantiles(),
    };
  }

  async #close(timeoutMs: number): Promise<void> {
    const timer =
      timeoutMs === Infinity
        ? undefined
        : this.#settings.clock.schedule(timeoutMs, () => {
            this.#admission.refuseWaiters(new ProducerClosedError());
            this.#dispatcher.abandon(
              "ProducerClosed",
              `the producer was closed, and the record was not stored within ${timeoutMs} ms of that`,
            );
          });
    this.#dispatcher.flush(Infinity);
    await this.#admission.empty();
    timer?.cancel();
    this.#dispatcher.stop();
  }

  /** Takes a record over; mostly without a promise. */
  #take(record: RecordToPut, group: PutGroup): Promise<unknown> | undefined {
    const prepared = this.#prepare(record);
    return this.#enter(prepared, group) === undefined ? this.#enterLater(prepared, group) : this.#turnIfDue();
  }

  #enter(prepared: QueuedRecord, group: PutGroup | undefined): QueuedRecord | undefined {
    return this.#admission.tryEnter(prepared.sizeBytes) ? this.#accept(prepared, group) : undefined;
  }

  #enterLater(prepared: QueuedRecord, group: PutGroup | undefined): Promise<QueuedRecord> {
    return new Promise((resolve, reject) => {
      this.#admission.enter(prepared.sizeBytes, () => resolve(this.#accept(prepared, group)), reject);
    });
  }

  #turnIfDue(): Promise<void> | undefined {
    if (this.#nextId < this.#turnsAtId) return undefined;
    this.#turnsAtId = this.#nextId + RECORDS_PER_TURN;
    return new Promise((resolve) => this.#settings.clock.soon(resolve));
  }

  #accept(record: QueuedRecord, group: PutGroup | undefined): QueuedRecord {
    record.accept(this.#nextId, this.#settings.clock.monotonicMs(), this.#epoch, group);
    this.#nextId += 1;
    this.#counters.acceptedCount += 1;
    this.#dispatcher.accept(record);
    return record;
  }

  #prepare({ partitionKey, explicitHashKey, data: given }: RecordToPut): QueuedRecord {
    if (this.#closing !== undefined) throw new ProducerClosedError();
    const { length } = partitionKey;
    if (!(length >= 1 && length <= PARTITION_KEY_LENGTH_MAX)) {
      throw new TypeError(`a partition key has 1 to ${PARTITION_KEY_LENGTH_MAX} characters, not ${length}`);
    }
    if (explicitHashKey !== undefined && parseHashKey(explicitHashKey) === undefined) {
      throw new TypeError(`${JSON.stringify(explicitHashKey)} is no explicit hash key`);
    }
    const plain = typeof given === "string" ? Buffer.from(given, "utf8") : given;
    const data = this.#settings.compression === "gzip" ? gzipSync(plain) : plain;
    const partitionKeyBytes = Buffer.byteLength(partitionKey, "utf8");
    const sizeBytesMax = this.#dispatcher.recordSizeBytesMax ?? REQUEST_BYTES_MAX;
    if (partitionKeyBytes + data.length > sizeBytesMax) {
      throw new TypeError(
        `key and data of a record have at most ${sizeBytesMax} bytes here, not ${partitionKeyBytes + data.length}`,
      );
    }
    return new QueuedRecord(partitionKey, partitionKeyBytes, explicitHashKey, data);
  }
}

function summaryOf({ succeededCount, failedCount, failures }: PutGroup): PutAllSummary {
  return { storedCount: succeededCount, failedCount, failures };
}
