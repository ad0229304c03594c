import { setMaxListeners } from "node:events";
import { ServiceError } from "@millrace/api";
import type { Timer } from "@millrace/runtime";
import { answerError, type AttemptError, errorOf } from "./attempt-error.ts";
import type { Lane } from "./lane.ts";
import { Lanes } from "./lanes.ts";
import type { Counters } from "./metrics.ts";
import type { Settings } from "./options.ts";
import type { Outcomes } from "./outcomes.ts";
import { PutRequest, type PutUnit, UnitTaker } from "./put-request.ts";
import type { QueuedRecord, SharedAttempt } from "./record.ts";
import { belongsTo, type StreamAddress, StreamObserver } from "./stream-view.ts";

/** While keys are ignored nothing that goes wrong tells that they count again: so somebody looks now and then. */
const AUTOMATIC_VIEW_AGE_MS = 60_000;

/** One for everybody, and one for all retained shards for each answer that is being looked into: a generous bound. */
const LOOKS_AT_ONCE_MAX = 100;

/** The service refuses what is in the request: sending the same again cannot help. */
const REFUSALS: ReadonlySet<string> = new Set([
  "InvalidArgumentException",
  "ValidationException",
  "SerializationException",
]);

/**
 * Decides what is sent when. It wakes by one timer, by answers, and when a lane has become full; never for a
 * single record.
 *
 * With order kept, a shard has one request in flight, which holds at most one record of each partition key, and
 * what failed goes back to the front. Nothing is sent between the answer that tells of a reshard and the last
 * answer of the requests before it, so that a record can find no second way past an earlier one.
 */
export class Dispatcher {
  readonly #settings: Settings;
  readonly #address: StreamAddress;
  readonly #counters: Counters;
  readonly #outcomes: Outcomes;
  readonly #observer: StreamObserver;
  readonly #lanes: Lanes;
  readonly #taker: UnitTaker;
  readonly #abort = new AbortController();
  #requestsInFlight = 0;
  #queuedCount = 0;
  #firstLane = 0;
  #flushedId = -1;
  #isPumpDue = false;
  #timer: Timer | undefined;
  #wakesMs = Infinity;
  #lookFailureCount = 0;
  #lookFailure: AttemptError | undefined;
  #looksAgainMs = -Infinity;

  constructor(settings: Settings, address: StreamAddress, counters: Counters, outcomes: Outcomes) {
    this.#settings = settings;
    this.#address = address;
    this.#counters = counters;
    this.#outcomes = outcomes;
    // Each call that is under way listens; Node takes more than ten for a leak.
    setMaxListeners(settings.requestCountMax + LOOKS_AT_ONCE_MAX, this.#abort.signal);
    this.#observer = new StreamObserver(settings.client, address, settings.clock, {
      deadlineMs: settings.requestTimeoutMs,
      signal: this.#abort.signal,
    });
    this.#lanes = new Lanes(settings.shardRateShare, settings.clock.monotonicMs());
    this.#taker = new UnitTaker(settings);
  }

  get requestsInFlight(): number {
    return this.#requestsInFlight;
  }

  get shardCount(): number {
    return this.#lanes.view?.shards?.shardIds.length ?? 0;
  }

  get recordSizeBytesMax(): number | undefined {
    return this.#lanes.view?.recordSizeBytesMax;
  }

  accept(record: QueuedRecord): void {
    const lane = this.#lanes.laneOf(record);
    const wasFull = this.#taker.isFull(lane);
    lane.queue.push(record);
    this.#queuedCount += 1;
    const isBatch = this.#queuedCount % this.#settings.requestRecordCountMax === 0;
    if (
      this.#lanes.view === undefined ||
      record.id <= this.#flushedId ||
      (!wasFull && this.#taker.isFull(lane)) ||
      (isBatch && !this.#taker.isAggregating(lane))
    ) {
      this.#pumpSoon();
    }
    const dueMs = record.acceptedMs + Math.min(this.#settings.lingerMs, this.#settings.recordTtlMs);
    if (dueMs < this.#wakesMs) this.#wakeAt(dueMs, record.acceptedMs);
  }

  /** Records up to this id do not wait for others any more. */
  flush(id: number): void {
    this.#flushedId = Math.max(this.#flushedId, id);
    this.#pumpSoon();
  }

  /** Gives up all that is queued or in flight. */
  abandon(code: string, message: string): void {
    this.#outcomes.abandon({ code, message });
    this.#abort.abort(new ServiceError(code, message, { status: 0 }));
    for (const lane of this.#lanes.all) {
      for (const record of lane.queue.drain()) {
        this.#queuedCount -= 1;
        this.#outcomes.giveUp(record, { code, message });
      }
    }
  }

  /** Nothing is left, and nothing more comes. */
  stop(): void {
    this.#timer?.cancel();
    this.#wakesMs = Infinity;
  }

  #pumpSoon(): void {
    if (this.#isPumpDue) return;
    this.#isPumpDue = true;
    this.#settings.clock.soon(() => {
      this.#isPumpDue = false;
      this.#pump();
    });
  }

  #pump(): void {
    const nowMs = this.#settings.clock.monotonicMs();
    this.#expire(nowMs);
    if (this.#goByLatestView(nowMs) && this.#queuedCount > 0) {
      while (this.#requestsInFlight < this.#settings.requestCountMax) {
        const request = this.#gather(nowMs);
        if (request === undefined) break;
        this.#send(request, nowMs);
      }
    }
    this.#wakeForNext(nowMs);
  }

  #expire(nowMs: number): void {
    const { recordTtlMs } = this.#settings;
    if (recordTtlMs === Infinity) return;
    for (const { queue } of this.#lanes.all) {
      for (let first = queue.first; first !== undefined; first = queue.first) {
        if (first.acceptedMs + recordTtlMs > nowMs) break;
        queue.shift();
        this.#queuedCount -= 1;
        this.#outcomes.giveUpExpired(first, this.#lookFailure);
      }
    }
  }

  /** Looks at the stream when that is needed. False while there is no view to go by, or a change is not yet safe. */
  #goByLatestView(nowMs: number): boolean {
    const { latest } = this.#observer;
    const { view } = this.#lanes;
    if (latest === undefined) {
      if (this.#queuedCount > 0 && nowMs >= this.#looksAgainMs) this.#look();
      return false;
    }
    if (
      latest.isAutomatic &&
      this.#queuedCount > 0 &&
      nowMs - latest.loadedMs >= AUTOMATIC_VIEW_AGE_MS &&
      nowMs >= this.#looksAgainMs
    ) {
      this.#look();
    }
    if (latest === view) return true;
    if (this.#isOrdered && this.#requestsInFlight > 0) return false;
    this.#lanes.apply(latest, nowMs);
    return true;
  }

  get #isOrdered(): boolean {
    return this.#settings.order === "partition-key" && this.#lanes.view?.isAutomatic !== true;
  }

  #look(): void {
    if (this.#observer.isLooking) return;
    this.#observer.look().then(
      () => {
        this.#lookFailureCount = 0;
        this.#pump();
      },
      (failure: unknown) => {
        this.#lookFailureCount += 1;
        this.#lookFailure = errorOf(failure);
        this.#looksAgainMs = this.#settings.clock.monotonicMs() + this.#retryDelayMs(this.#lookFailureCount);
        this.#pump();
      },
    );
  }

  /** The next request; undefined when nothing is ready, or better waits for more. */
  #gather(nowMs: number): PutRequest | undefined {
    if (!this.#isWorthARequest(nowMs)) return undefined;
    const lanes = this.#lanes.all;
    const request = new PutRequest(this.#lanes.view?.number ?? 0);
    // What is halfway due goes along: lanes come to share their requests.
    const waitsMs = this.#settings.lingerMs / 2;
    this.#firstLane = (this.#firstLane + 1) % lanes.length;
    for (let step = 0; step < lanes.length; step += 1) {
      const lane = lanes[(this.#firstLane + step) % lanes.length]!;
      if (this.#isOrdered && lane.inFlightCount > 0) continue;
      if (!this.#takeFrom(lane, request, waitsMs, nowMs)) break;
    }
    return request.units.length === 0 ? undefined : request;
  }

  /**
   * Due records go at once. Full lanes go when nothing else is under way or when they fill a request: otherwise
   * the next answer takes them along with what has become full until then.
   */
  #isWorthARequest(nowMs: number): boolean {
    const { lingerMs, requestRecordCountMax, requestSizeBytesMax } = this.#settings;
    let readyCount = 0;
    let readyBytes = 0;
    for (const lane of this.#lanes.all) {
      const { first } = lane.queue;
      if (first === undefined || (this.#isOrdered && lane.inFlightCount > 0)) continue;
      if (lane.waitMs(this.#taker.nextSizeBytes(lane, first), nowMs) > 0) continue;
      if (this.#isDue(first, lingerMs, nowMs)) return true;
      if (!this.#taker.isAggregating(lane)) {
        readyCount += lane.queue.count;
        readyBytes += lane.queue.sizeBytes;
      } else if (this.#taker.isFull(lane)) {
        if (this.#requestsInFlight === 0) return true;
        readyCount += 1;
        readyBytes += lane.queue.sizeBytes;
      }
    }
    return readyCount >= requestRecordCountMax || readyBytes >= requestSizeBytesMax;
  }

  /** Summed as the timer's time is: rounded another way, a record could be not yet due when nothing wakes any more. */
  #isDue(record: QueuedRecord, waitsMs: number, nowMs: number): boolean {
    return record.acceptedMs + waitsMs <= nowMs || record.attemptCount > 0 || record.id <= this.#flushedId;
  }

  /** False when the request takes no more. */
  #takeFrom(lane: Lane, request: PutRequest, waitsMs: number, nowMs: number): boolean {
    const isAggregating = this.#taker.isAggregating(lane);
    const keys = this.#isOrdered && !isAggregating ? new Set<string>() : undefined;
    for (let first = lane.queue.first; first !== undefined; first = lane.queue.first) {
      if (isAggregating && !this.#isDue(first, waitsMs, nowMs) && !this.#taker.isFull(lane)) return true;
      if (first.isAlone && request.units.length > 0) return true;
      const sizeBytes = this.#taker.nextSizeBytes(lane, first);
      if (!request.hasRoom(sizeBytes, this.#settings)) return false;
      if (lane.waitMs(sizeBytes, nowMs) > 0) return true;
      if (keys?.has(first.partitionKey) === true) return true;
      const unit = this.#taker.take(lane);
      if (unit === undefined) return true;
      keys?.add(first.partitionKey);
      lane.charge(unit.sizeBytes);
      this.#queuedCount -= unit.records.length;
      request.add(unit);
      if (first.isAlone) return false;
      // Two aggregated records may hold the same key, so with order kept there is one for each answer.
      if (this.#isOrdered && isAggregating) return true;
    }
    return true;
  }

  #send(request: PutRequest, beganMs: number): void {
    this.#requestsInFlight += 1;
    this.#counters.requestCount += 1;
    for (const lane of request.lanes) lane.inFlightCount += 1;
    this.#exchange(request, beganMs)
      .finally(() => {
        this.#requestsInFlight -= 1;
        for (const lane of request.lanes) lane.inFlightCount -= 1;
      })
      .then(
        () => this.#pump(),
        (bug: unknown) => this.#outcomes.report(bug),
      );
  }

  async #exchange(request: PutRequest, beganMs: number): Promise<void> {
    const { client, clock, requestTimeoutMs } = this.#settings;
    let answers: readonly UnitAnswer[] = [];
    let failure: unknown;
    try {
      const output = await client.putRecords(
        { ...this.#address, Records: request.units.map(entryOf) },
        { deadlineMs: requestTimeoutMs, attemptCountMax: 1, signal: this.#abort.signal },
      );
      answers = output.Records;
    } catch (error) {
      failure = error;
    }
    const endedMs = clock.monotonicMs();
    this.#counters.requestLatency.add(endedMs - beganMs);
    const isRefused = failure instanceof ServiceError && REFUSALS.has(failure.code);
    if (isRefused && request.units.length > 1) {
      // One of them is to blame; which one shows when each goes by itself.
      for (const { records } of request.units) for (const record of records) record.isAlone = true;
    }
    const isFinal = isRefused && request.units.length === 1;
    const succeeded: SharedAttempt = { beganMs, endedMs, errorCode: undefined, errorMessage: undefined };
    let again: QueuedRecord[] = [];
    const failedLanes = new Set<Lane>();
    for (const [index, unit] of request.units.entries()) {
      const {
        ShardId: shardId,
        SequenceNumber: sequenceNumber,
        ErrorCode,
        ErrorMessage,
      } = answers[index] ?? {};
      if (failure === undefined && shardId !== undefined && sequenceNumber !== undefined) {
        unit.lane.failureCount = 0;
        if (await this.#hasStrayed(unit, shardId, request.viewNumber)) {
          again = again.concat(this.#outcomes.strayed(unit, shardId, succeeded));
        } else {
          this.#outcomes.stored(unit, { shardId, sequenceNumber }, succeeded);
        }
      } else {
        const error = failure === undefined ? answerError(ErrorCode, ErrorMessage) : errorOf(failure);
        failedLanes.add(unit.lane);
        again = again.concat(this.#outcomes.failed(unit, error, { beganMs, endedMs }, isFinal));
      }
    }
    for (const lane of failedLanes) {
      lane.failureCount += 1;
      lane.pausedUntilMs = endedMs + this.#retryDelayMs(lane.failureCount);
    }
    this.#counters.retriedCount += again.length;
    this.#queuedCount += again.length;
    this.#lanes.restore(again);
  }

  /**
   * Whether a stored unit lies in a shard where the KCL drops it, because the stream was resharded after it was put together.
   * One user record that does not belong there is enough: the KCL then drops those before and behind it too
   * (`AggregatorUtil.deaggregate`, version 3.5.1). When nobody can tell, it has: once too often is better than never.
   */
  async #hasStrayed(unit: PutUnit, shardId: string, viewNumber: number): Promise<boolean> {
    const { lane, records } = unit;
    if (lane.shardId === undefined || lane.shardId === shardId) return false;
    if (!unit.isAggregate) {
      if (this.#observer.latest?.number === viewNumber) this.#look();
      return false;
    }
    try {
      const seen = this.#observer.latest;
      const view = seen === undefined || seen.number === viewNumber ? await this.#observer.look() : seen;
      if (view.isAutomatic) return false;
      const range = await this.#observer.rangeOf(shardId);
      return range === undefined || records.some((record) => !belongsTo(range, record));
    } catch {
      return true;
    }
  }

  /** Half of the delay is fixed and half is drawn, so that those who failed together do not come back together. */
  #retryDelayMs(failureCount: number): number {
    const { random, retryDelayMs, retryDelayMsMax } = this.#settings;
    const delayMs = Math.min(retryDelayMsMax, retryDelayMs * 2 ** Math.min(failureCount - 1, 30));
    return delayMs * (0.5 + random.fraction());
  }

  /** Sets the timer for the first thing that happens by itself. */
  #wakeForNext(nowMs: number): void {
    const { recordTtlMs, lingerMs } = this.#settings;
    let wakesMs = Infinity;
    const mayLook = this.#lanes.view === undefined && !this.#observer.isLooking && this.#queuedCount > 0;
    if (mayLook) wakesMs = Math.max(nowMs, this.#looksAgainMs);
    const maySend = this.#lanes.view !== undefined && this.#requestsInFlight < this.#settings.requestCountMax;
    for (const lane of this.#lanes.all) {
      const { first } = lane.queue;
      if (first === undefined) continue;
      wakesMs = Math.min(wakesMs, first.acceptedMs + recordTtlMs);
      if (!maySend || (this.#isOrdered && lane.inFlightCount > 0)) continue;
      const sendsMs = nowMs + lane.waitMs(this.#taker.nextSizeBytes(lane, first), nowMs);
      const isReady = this.#isDue(first, lingerMs, nowMs) || this.#taker.isFull(lane);
      if (isReady && sendsMs > nowMs) wakesMs = Math.min(wakesMs, sendsMs);
      const dueMs = Math.max(first.acceptedMs + lingerMs, sendsMs);
      if (dueMs > nowMs) wakesMs = Math.min(wakesMs, dueMs);
    }
    this.#wakeAt(wakesMs, nowMs);
  }

  #wakeAt(wakesMs: number, nowMs: number): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#wakesMs = wakesMs;
    if (wakesMs === Infinity) return;
    // Whole milliseconds, upwards: a timer that fires a little early finds nothing to do.
    this.#timer = this.#settings.clock.schedule(Math.ceil(wakesMs - nowMs), () => {
      this.#timer = undefined;
      this.#wakesMs = Infinity;
      this.#pump();
    });
  }
}

interface UnitAnswer {
  readonly ShardId?: string | undefined;
  readonly SequenceNumber?: string | undefined;
  readonly ErrorCode?: string | undefined;
  readonly ErrorMessage?: string | undefined;
}

function entryOf({ partitionKey, explicitHashKey, data }: PutUnit) {
  const entry = { PartitionKey: partitionKey, Data: data };
  return explicitHashKey === undefined ? entry : { ...entry, ExplicitHashKey: explicitHashKey };
}
