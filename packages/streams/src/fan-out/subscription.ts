/**
 * One SubscribeToShard: a cursor in a shard's log that pushes. It is asked for an event when the transport has
 * taken the last one, and reads the log only then; while it waits, for records or for its turn on the connection,
 * it holds a position and nothing else. So a subscriber that does not read costs nothing and slows nobody down, and
 * one that comes back reads on where it was.
 *
 * Times are service time: five minutes of life, and an event every few seconds when nothing is written. Service
 * time runs with the machine's, so a client that waits on its own clock gets its events; when the clock is
 * advanced, the client gets those of the time that passed as fast as it asks for them, at least one.
 */
import type { Decoded, SubscribeToShardEventStream } from "@millrace/api";
import { ServiceError } from "@millrace/api";
import type { ShardPosition } from "@millrace/model";
import { RECORD_INDEX_MAX } from "@millrace/model";
import type { Timer } from "@millrace/runtime";
import { nextOf, withRecords } from "@millrace/wire";
import type { Cursor, StoredRecords } from "@millrace/wire";
import type { Shard } from "../catalog/shard.ts";
import type { StreamsContext } from "../context.ts";
import { childShardDescriptions } from "../describe.ts";
import type { ShardReadOutcome } from "../shards/read.ts";
import { logUnreadable, readShard } from "../shards/read.ts";
import type { LiveSubscription, Seat, Subscriber } from "./subscriptions.ts";
import { activeElsewhere, consumerGone, shardGone, streamGone } from "./texts.ts";

export type FanOutEvent = Decoded<typeof SubscribeToShardEventStream>;
type Event = Extract<FanOutEvent, { SubscribeToShardEvent: unknown }>["SubscribeToShardEvent"];

/** How soon memory that was not there is asked for again. */
const MEMORY_RETRY_MS = 100;

type Taken = IteratorResult<FanOutEvent, undefined>;

export class Subscription implements Cursor<FanOutEvent>, AsyncIterable<FanOutEvent>, LiveSubscription {
  readonly subscriber: Subscriber;
  readonly #context: StreamsContext;
  readonly #seat: Seat;
  readonly #endsMs: number;
  readonly #lifeTimer: Timer;
  readonly #requestId: string;
  #position: ShardPosition;
  /** In an imported shard: with what to go on at the position. */
  #continuation: string | undefined;
  /** When the last event was given; at first, when the subscription began. */
  #lastEventMs: number;
  /** Everything that arrived before this was given, as far as is known; at first, the beginning. */
  #caughtUpMs: number;
  /** Bytes reserved for the event that is under way. */
  #heldBytes = 0;
  /** Memory was not there, and is not asked for before this. */
  #memoryRetryMs = -Infinity;
  /** The event that says so was given: the shard has ended. */
  #isOver = false;
  #ended = false;
  #failure: ServiceError | undefined;
  /** The transport waits for the next event. */
  #isAsked = false;
  /** Ends the wait of a pending `ready()`. */
  #wakeUp: (() => void) | undefined;

  /**
   * Begins at `position`. Whoever was subscribed here gives way. `continuation` is a number to go on with from there, in a shard
   * where places do not tell numbers. `requestId` is of the call, for the log.
   */
  constructor(
    context: StreamsContext,
    seat: Seat,
    position: ShardPosition,
    continuation: string | undefined,
    requestId: string,
  ) {
    const nowMs = context.clock.nowMs();
    this.#continuation = continuation;
    this.subscriber = seat.subscriber;
    this.#context = context;
    this.#seat = seat;
    this.#position = position;
    this.#requestId = requestId;
    this.#endsMs = nowMs + context.limits.subscriptionLifeMs;
    this.#lastEventMs = nowMs;
    this.#caughtUpMs = nowMs;
    // Ends also what nobody asks any more.
    this.#lifeTimer = context.clock.schedule(context.limits.subscriptionLifeMs, () => this.end());
    context.subscriptions.begin(seat, this);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Taken> {
    return nextOf(this);
  }

  /** Resolves when there are records that may be read now, an idle event is due, or the subscription is over. */
  async ready(): Promise<void> {
    this.#release();
    this.#isAsked = true;
    try {
      for (;;) {
        const nowMs = this.#context.clock.nowMs();
        const dueMs = this.#dueMs(nowMs);
        if (dueMs <= nowMs) return;
        await this.#wait(dueMs - nowMs);
      }
    } finally {
      this.#isAsked = false;
    }
  }

  /** @throws {ServiceError} when something ended the subscription before its time; it is over then. */
  async take(): Promise<Taken | undefined> {
    this.#isAsked = true;
    try {
      const nowMs = this.#context.clock.nowMs();
      const end = this.#whyOver(nowMs);
      if (end instanceof ServiceError) throw end;
      if (end === undefined) {
        const event = await this.#takeEvent(nowMs);
        return event === undefined ? undefined : { done: false, value: { SubscribeToShardEvent: event } };
      }
    } catch (error) {
      this.end();
      throw error;
    } finally {
      this.#isAsked = false;
    }
    this.end();
    return { done: true, value: undefined };
  }

  return(): Promise<Taken> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  get isHeldBack(): boolean {
    return !this.#isAsked;
  }

  millisBehind(nowMs: number): number {
    return this.#hasMore() ? Math.max(0, nowMs - this.#caughtUpMs) : 0;
  }

  wake(): void {
    this.#wakeUp?.();
  }

  giveWay(): void {
    this.#failure = new ServiceError("ResourceInUseException", activeElsewhere(this.subscriber));
    this.wake();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#lifeTimer.cancel();
    this.#release();
    this.#context.subscriptions.ended(this.#seat, this);
    this.wake();
  }

  /** When there will be something to take, if nothing new comes until then. */
  #dueMs(nowMs: number): number {
    if (this.#whyOver(nowMs) !== undefined) return nowMs;
    const idleMs = Math.min(this.#idleDueMs, this.#endsMs);
    if (!this.#hasMore()) return idleMs;
    return Math.min(idleMs, Math.max(this.#seat.readBytes.readyMs(nowMs), this.#memoryRetryMs));
  }

  get #idleDueMs(): number {
    return this.#lastEventMs + this.#context.limits.subscriptionIdleMs;
  }

  /** An event, if there is one now. */
  async #takeEvent(nowMs: number): Promise<Event | undefined> {
    const { limits } = this.#context;
    if (this.#hasMore()) {
      const available = this.#seat.readBytes.available(nowMs);
      if (available >= 1 && nowMs >= this.#memoryRetryMs) {
        if (this.#reserve(Math.min(available, limits.subscriptionEventBytesMax))) {
          const event = await this.#readEvent();
          if (event === undefined) this.#release();
          return event;
        }
        this.#memoryRetryMs = nowMs + MEMORY_RETRY_MS;
      }
    }
    return nowMs >= this.#idleDueMs ? this.#idleEvent(nowMs) : undefined;
  }

  /** An event with records, or the last one; undefined when the place that was read holds none. */
  async #readEvent(): Promise<Event | undefined> {
    const { stream, shard, consumerName } = this.subscriber;
    const outcome = await readShard(this.#context, stream, shard, this.#position, {
      recordsMax: this.#context.limits.getRecordsRecordsMax,
      bytesMax: this.#heldBytes,
    });
    // Meanwhile the subscription may have ended, and what was read is for whoever comes next.
    if (this.#ended || this.#failure !== undefined) return undefined;
    if (outcome.kind === "gone") {
      throw this.#whatIsGone() ?? new ServiceError("ResourceNotFoundException", shardGone(this.subscriber));
    }
    if (outcome.kind === "unreadable") {
      logUnreadable(this.#context, this.subscriber.stream, shard, outcome, this.#requestId);
      throw new ServiceError("InternalFailureException", outcome.detail);
    }
    // The catalog learns of a close with the commit that made it, but maybe after the log does.
    const isLast = outcome.ended && !shard.isOpen;
    this.#position = outcome.next;
    this.#keepReserved(outcome.bytes);
    if (outcome.records.length === 0 && !isLast) return undefined;
    this.#account(outcome, consumerName);
    return this.#event(outcome, isLast);
  }

  #account({ records, lastArrivalMs, bytes, millisBehindLatest }: RecordsRead, consumerName: string): void {
    const { clock, meter } = this.#context;
    const { stream, shard } = this.subscriber;
    const nowMs = clock.nowMs();
    this.#lastEventMs = nowMs;
    this.#caughtUpMs = millisBehindLatest === 0 ? nowMs : (lastArrivalMs ?? this.#caughtUpMs);
    this.#seat.readBytes.take(bytes, nowMs);
    meter.outgoing(stream, shard, records.length, bytes, millisBehindLatest, consumerName);
  }

  #event({ records, millisBehindLatest, next }: RecordsRead, isLast: boolean): Event {
    const { shard } = this.subscriber;
    // The contract requires ContinuationSequenceNumber, and the service leaves it out at the end of a shard all
    // the same: that, with ChildShards, is how the Kinesis Client Library knows the end.
    if (isLast) {
      this.#isOver = true;
      const last: Omit<Event, "ContinuationSequenceNumber"> = withRecords(records, {
        MillisBehindLatest: millisBehindLatest,
        ChildShards: childShardDescriptions(shard),
      });
      return last as Event;
    }
    return withRecords(records, {
      MillisBehindLatest: millisBehindLatest,
      ContinuationSequenceNumber: this.#continuationAfter(records, shard, next),
    });
  }

  /** What tells the client that all is well while nothing is written, or nothing may be read yet. */
  #idleEvent(nowMs: number): Event {
    this.#lastEventMs = nowMs;
    if (!this.#hasMore()) this.#caughtUpMs = nowMs;
    return {
      Records: [],
      ContinuationSequenceNumber: this.#continuation ?? continuationOf(this.subscriber.shard, this.#position),
      MillisBehindLatest: this.millisBehind(nowMs),
    };
  }

  /** Numbers of an imported shard do not tell of places: it goes on behind its last record. */
  #continuationAfter(records: StoredRecords, shard: Shard, next: ShardPosition): string {
    const last = records.batches.at(-1);
    if (this.#continuation === undefined || last === undefined) return continuationOf(shard, next);
    return (this.#continuation = last.sequenceNumber(last.length - 1));
  }

  /** Whether the log holds something behind the position: records, or the news that it is closed. */
  #hasMore(): boolean {
    const { shard } = this.subscriber;
    const bounds = this.#context.engine.describe(shard.logId);
    if (bounds === undefined || bounds.nextIndex > this.#position.entryIndex) return true;
    return bounds.endIndex !== undefined && !shard.isOpen;
  }

  /**
   * Resolves after `durationMs`, or when there is something new. The caller has looked in this turn, so nothing
   * can have come that the watch would miss.
   */
  #wait(durationMs: number): Promise<void> {
    return new Promise((resolve) => {
      const { clock, engine } = this.#context;
      const wakeUp = (): void => {
        if (this.#wakeUp !== wakeUp) return;
        this.#wakeUp = undefined;
        unwatch();
        timer.cancel();
        resolve();
      };
      this.#wakeUp = wakeUp;
      const unwatch = engine.watch(this.subscriber.shard.logId, wakeUp);
      const timer = clock.schedule(durationMs, wakeUp);
    });
  }

  /** Why nothing more is to come: what the client is told, or that it is simply over; undefined while it goes on. */
  #whyOver(nowMs: number): ServiceError | "over" | undefined {
    if (this.#failure !== undefined && !this.#ended) return this.#failure;
    if (this.#ended || this.#isOver || nowMs >= this.#endsMs) return "over";
    return this.#whatIsGone();
  }

  /** What is told when stream, consumer or shard went away under the subscription. */
  #whatIsGone(): ServiceError | undefined {
    const { stream, shard, consumerName, consumerCreatedMs } = this.subscriber;
    if (stream.gone || !stream.isServing) {
      return new ServiceError("ResourceNotFoundException", streamGone(this.subscriber));
    }
    const row = stream.consumers.get(consumerName);
    if (row === undefined || row.createdMs !== consumerCreatedMs || row.status === "DELETING") {
      return new ServiceError("ResourceNotFoundException", consumerGone(this.subscriber));
    }
    if (stream.shard(shard.shardIndex) !== shard) {
      return new ServiceError("ResourceNotFoundException", shardGone(this.subscriber));
    }
    return undefined;
  }

  /** Reserves memory for an event before it is read. */
  #reserve(bytes: number): boolean {
    if (!this.#context.memory.tryReserve(bytes)) return false;
    this.#heldBytes = bytes;
    return true;
  }

  /** Gives back what the event did not need. */
  #keepReserved(bytes: number): void {
    const surplus = this.#heldBytes - bytes;
    if (surplus <= 0) return;
    this.#heldBytes = bytes;
    this.#context.memory.release(surplus);
  }

  #release(): void {
    this.#keepReserved(0);
  }
}

type RecordsRead = Extract<ShardReadOutcome, { kind: "records" }>;

/**
 * The number with which AFTER_SEQUENCE_NUMBER goes on at `next`. At the start of an entry it is above every record of the
 * entry before, and no record's, so that AT_SEQUENCE_NUMBER goes on there too; within an entry, AT_SEQUENCE_NUMBER
 * gives the last record again.
 */
function continuationOf(shard: Shard, { entryIndex, recordIndex }: ShardPosition): string {
  return recordIndex > 0
    ? shard.sequenceNumber(entryIndex, recordIndex - 1)
    : shard.sequenceNumber(entryIndex - 1, RECORD_INDEX_MAX);
}
