import { ServiceError } from "@millrace/api";
import type { KinesisClient } from "@millrace/client";
import type { Clock, Random, Timer } from "@millrace/runtime";
import { CommandFailure } from "../command.ts";
import { type Lane, ShardLanes } from "./shard-lanes.ts";

/** PutRecords takes no more. */
const BATCH_RECORD_COUNT_MAX = 500;
/** PutRecords takes 10 MiB, elsewhere 5; keys count. */
const BATCH_BYTES_MAX = 4 * 1024 * 1024;
const REQUESTS_IN_FLIGHT_MAX = 4;
/** How much is read ahead of what has been stored: enough to fill batches with different keys. */
const HELD_BYTES_MAX = 32 * 1024 * 1024;
const HELD_RECORD_COUNT_MAX = 20_000;
const ATTEMPT_COUNT_MAX = 20;
/** PutRecords never says why the service failed; after so many failures of a record PutRecord is asked. */
const UNEXPLAINED_FAILURE_COUNT_MAX = 4;

interface HeldRecord {
  readonly data: Uint8Array;
  attemptCount: number;
}

/** The records of one key that are not stored yet, in order. */
interface KeyQueue {
  readonly records: HeldRecord[];
  lane: Lane;
}

type Sent = readonly [key: string, record: HeldRecord, lane: Lane];

export type WriterClient = Pick<KinesisClient, "listShards" | "putRecord" | "putRecords">;

export interface WriterStatistics {
  readonly recordCount: number;
  readonly sizeBytes: number;
  readonly retryCount: number;
}

/**
 * Puts records in batches and keeps the order of each key: a record is sent only when the one before it
 * with the same key is stored. What a batch could not store is tried again, record by record, at the pace that
 * the record's shard takes.
 */
export class KeyedWriter {
  readonly #client: WriterClient;
  readonly #streamName: string;
  readonly #clock: Clock;
  readonly #lanes: ShardLanes;
  readonly #queues = new Map<string, KeyQueue>();
  #heldBytes = 0;
  #heldRecordCount = 0;
  #requestCount = 0;
  #pumpIsDue = false;
  #nextPump: Timer | undefined;
  #failure: unknown;
  #wake: (() => void) | undefined;
  #lastRefusal: string | undefined;
  #statistics = { recordCount: 0, sizeBytes: 0, retryCount: 0 };

  constructor(
    client: WriterClient,
    streamName: string,
    outside: { readonly clock: Clock; readonly random: Random },
  ) {
    this.#client = client;
    this.#streamName = streamName;
    this.#clock = outside.clock;
    this.#lanes = new ShardLanes(client, streamName, outside);
  }

  get statistics(): WriterStatistics {
    return this.#statistics;
  }

  /** Why records are still held: the last refusal; undefined when nothing is held, or nothing was refused. */
  get waitsFor(): string | undefined {
    return this.#heldRecordCount === 0 ? undefined : this.#lastRefusal;
  }

  /** Takes a record; resolves when there is room for the next. Rejects when an earlier one could not be stored. */
  async put(key: string, data: Uint8Array): Promise<void> {
    if (!this.#lanes.areKnown) await this.#lanes.find();
    let queue = this.#queues.get(key);
    if (queue === undefined) {
      queue = { records: [], lane: this.#lanes.of(key) };
      this.#queues.set(key, queue);
      queue.lane.ready.add(key);
    }
    queue.records.push({ data, attemptCount: 0 });
    this.#heldBytes += data.byteLength;
    this.#heldRecordCount += 1;
    this.#pumpSoon();
    await this.#until(
      () => this.#heldBytes < HELD_BYTES_MAX && this.#heldRecordCount < HELD_RECORD_COUNT_MAX,
    );
  }

  /** Resolves when everything is stored; rejects when something could not be. */
  finish(): Promise<void> {
    return this.#until(() => this.#heldRecordCount === 0);
  }

  async #until(reached: () => boolean): Promise<void> {
    while (this.#failure === undefined && !reached()) {
      await new Promise<void>((wake) => {
        this.#wake = wake;
      });
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Batches are cut at the end of the turn, so that lines which arrive together travel together. */
  #pumpSoon(): void {
    if (this.#pumpIsDue) return;
    this.#pumpIsDue = true;
    this.#clock.soon(() => {
      this.#pumpIsDue = false;
      this.#pump();
    });
  }

  #pump(): void {
    this.#nextPump?.cancel();
    this.#nextPump = undefined;
    while (this.#requestCount < REQUESTS_IN_FLIGHT_MAX && this.#failure === undefined) {
      const batch = this.#cutBatch();
      if (batch.length === 0) {
        const delayMs = this.#lanes.delayMs();
        if (delayMs < Infinity) this.#nextPump = this.#clock.schedule(delayMs, () => this.#pump());
        return;
      }
      this.#requestCount += 1;
      void this.#send(batch);
    }
  }

  #cutBatch(): Sent[] {
    const batch: Sent[] = [];
    let batchBytes = 0;
    for (const lane of this.#lanes.inTurn()) {
      if (lane.ready.size === 0 || lane.pace.delayMs() > 0) continue;
      const [countMax, bytesMax] = [lane.pace.recordCountMax(), lane.pace.sizeBytesMax()];
      let [count, sizeBytes] = [0, 0];
      for (const key of lane.ready) {
        if (count >= countMax || sizeBytes >= bytesMax || batch.length >= BATCH_RECORD_COUNT_MAX) break;
        const record = this.#queues.get(key)?.records[0];
        if (record === undefined) throw new TypeError("a key is ready that has no record");
        const recordBytes = record.data.byteLength + Buffer.byteLength(key);
        if (batch.length > 0 && batchBytes + recordBytes > BATCH_BYTES_MAX) break;
        batch.push([key, record, lane]);
        lane.ready.delete(key);
        count += 1;
        sizeBytes += recordBytes;
        batchBytes += recordBytes;
      }
      if (count > 0) lane.pace.sent(count, sizeBytes);
    }
    return batch;
  }

  async #send(batch: readonly Sent[]): Promise<void> {
    const tallies = new Map<Lane, { stored: number; throttled: number; failed: number }>();
    for (const [, , lane] of batch) tallies.set(lane, { stored: 0, throttled: 0, failed: 0 });
    try {
      const answer = await this.#client.putRecords({
        StreamName: this.#streamName,
        Records: batch.map(([PartitionKey, { data }]) => ({ PartitionKey, Data: data })),
      });
      let unexplained: Sent | undefined;
      for (const [at, sent] of batch.entries()) {
        const [key, record, lane] = sent;
        const result = answer.Records[at];
        const tally = tallies.get(lane)!;
        if (result?.SequenceNumber !== undefined) {
          tally.stored += 1;
          if (result.ShardId !== undefined) this.#lanes.seen(result.ShardId);
          this.#stored(key, record);
          continue;
        }
        const isThrottle = result?.ErrorCode === "ProvisionedThroughputExceededException";
        tally[isThrottle ? "throttled" : "failed"] += 1;
        const mayGoOn = this.#refused(
          key,
          record,
          result?.ErrorCode ?? "no answer",
          result?.ErrorMessage ?? "",
        );
        if (!isThrottle && mayGoOn && record.attemptCount >= UNEXPLAINED_FAILURE_COUNT_MAX && !unexplained) {
          unexplained = sent;
        } else if (mayGoOn) this.#readyAgain(key);
      }
      for (const [{ pace }, { stored, throttled, failed }] of tallies) {
        pace.answered(stored, throttled, failed);
      }
      if (unexplained !== undefined) await this.#putAlone(unexplained);
      if (this.#lanes.areOutdated) await this.#findLanesAgain();
    } catch (failure) {
      this.#failure ??= failure;
    } finally {
      this.#requestCount -= 1;
      this.#pumpSoon();
      this.#wake?.();
    }
  }

  /** Stores one record, or learns why the service cannot. */
  async #putAlone([key, record]: Sent): Promise<void> {
    try {
      await this.#client.putRecord({ StreamName: this.#streamName, PartitionKey: key, Data: record.data });
      this.#stored(key, record);
    } catch (failure) {
      if (!(failure instanceof ServiceError)) throw failure;
      if (failure.code !== "ProvisionedThroughputExceededException") {
        throw new CommandFailure(`${failure.code}: ${failure.message}`, { cause: failure });
      }
      if (this.#refused(key, record, failure.code, failure.message)) this.#readyAgain(key);
    }
  }

  /** After a reshard a key may be in another shard. */
  async #findLanesAgain(): Promise<void> {
    await this.#lanes.find();
    for (const [key, queue] of this.#queues) {
      const wasReady = queue.lane.ready.delete(key);
      queue.lane = this.#lanes.of(key);
      if (wasReady) queue.lane.ready.add(key);
    }
  }

  #readyAgain(key: string): void {
    this.#queues.get(key)?.lane.ready.add(key);
  }

  #stored(key: string, record: HeldRecord): void {
    this.#statistics.recordCount += 1;
    this.#statistics.sizeBytes += record.data.byteLength;
    this.#heldBytes -= record.data.byteLength;
    this.#heldRecordCount -= 1;
    const queue = this.#queues.get(key);
    if (queue === undefined) throw new TypeError("a record was stored that nobody held");
    queue.records.shift();
    if (queue.records.length > 0) queue.lane.ready.add(key);
    else this.#queues.delete(key);
  }

  /** @returns whether it may be tried again. */
  #refused(key: string, record: HeldRecord, code: string, message: string): boolean {
    record.attemptCount += 1;
    this.#statistics.retryCount += 1;
    this.#lastRefusal = `${code}: ${message}`;
    if (record.attemptCount < ATTEMPT_COUNT_MAX) return true;
    this.#failure ??= new CommandFailure(
      `a record with key ${JSON.stringify(key)} was refused ${record.attemptCount} times: ${code}: ${message}`,
    );
    return false;
  }
}
