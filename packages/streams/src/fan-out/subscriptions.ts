/** Who is subscribed to what: at most one live subscription for each consumer and shard. */
import type { Peers } from "@millrace/log";
import type { ServiceClock } from "@millrace/runtime";
import type { Catalog } from "../catalog/catalog.ts";
import type { Shard } from "../catalog/shard.ts";
import type { Stream } from "../catalog/stream.ts";
import type { Limits } from "../limits.ts";
import { TokenBucket } from "../throttle/token-bucket.ts";
import type { Turn } from "./seat-turns.ts";
import { SeatTurns } from "./seat-turns.ts";

/** One consumer on one shard. */
export interface Subscriber {
  readonly stream: Stream;
  readonly shard: Shard;
  readonly consumerName: string;
  /** With the name, this tells apart consumers that were registered one after the other. */
  readonly consumerCreatedMs: number;
}

/** A subscription as the registry sees it. */
export interface LiveSubscription {
  readonly subscriber: Subscriber;
  /** How far it is behind the tip, in service milliseconds; 0 when it has given everything. */
  millisBehind(nowMs: number): number;
  /** Whether the client has yet to take the last event: nothing is read for it meanwhile. */
  readonly isHeldBack: boolean;
  /** Something about its stream, consumer or shard changed: look again. */
  wake(): void;
  /** Ends it with the same subscriber's next one in its place. */
  giveWay(): void;
  /** Ends it without a word. */
  end(): void;
}

/** What is remembered of a subscriber from one subscription to the next. */
export interface Seat {
  readonly subscriber: Subscriber;
  readonly key: string;
  /** Shared by all subscriptions that follow each other here: subscribing again gives no second allowance. */
  readonly readBytes: TokenBucket;
  /** When the last subscription through this process began. */
  takenMs: number;
  live: LiveSubscription | undefined;
}

/** More seats than this make those go that nobody has used for a while. */
const SEATS_MAX = 10_000;

/** A seat that was not taken for this long remembers nothing that matters. */
const SEAT_IDLE_MS = 60_000;

export class Subscriptions {
  readonly #clock: ServiceClock;
  readonly #limits: Limits;
  readonly #turns: SeatTurns;
  readonly #seats = new Map<string, Seat>();
  readonly #live = new Map<Stream, Set<LiveSubscription>>();
  readonly #unfollow: () => void;

  constructor(clock: ServiceClock, limits: Limits, catalog: Catalog, peers: Peers | undefined) {
    this.#clock = clock;
    this.#limits = limits;
    this.#turns = new SeatTurns(clock, limits, peers, (key) => this.#seats.get(key)?.live?.giveWay());
    this.#unfollow = catalog.onChange((stream) => {
      for (const subscription of this.#live.get(stream) ?? []) subscription.wake();
    });
  }

  /** How many subscriptions are live. */
  get size(): number {
    let size = 0;
    for (const live of this.#live.values()) size += live.size;
    return size;
  }

  /** All that are live, in no particular order. */
  *all(): IterableIterator<LiveSubscription> {
    for (const live of this.#live.values()) yield* live;
  }

  seatOf(subscriber: Subscriber): Seat {
    const { stream, shard, consumerName, consumerCreatedMs } = subscriber;
    const key = `${stream.header.incarnation}/${shard.shardIndex}/${consumerName}:${consumerCreatedMs}`;
    let seat = this.#seats.get(key);
    if (seat === undefined) {
      this.#makeRoom();
      seat = {
        subscriber,
        key,
        readBytes: new TokenBucket(this.#limits.fanOutReadBytes),
        takenMs: -Infinity,
        live: undefined,
      };
      this.#seats.set(key, seat);
    }
    return seat;
  }

  /** Counts a call for a seat. */
  ask(seat: Seat): Turn | Promise<Turn> {
    return this.#turns.ask(seat.key);
  }

  /** Takes a seat for the subscription that begins next; false when another was faster. */
  take(seat: Seat): boolean | Promise<boolean> {
    return this.#turns.take(seat.key);
  }

  /** Seats a subscription whose seat was taken for it; the one that sits there gives way. */
  begin(seat: Seat, subscription: LiveSubscription): void {
    seat.live?.giveWay();
    seat.live = subscription;
    seat.takenMs = this.#clock.nowMs();
    const { stream } = seat.subscriber;
    const live = this.#live.get(stream);
    if (live === undefined) this.#live.set(stream, new Set([subscription]));
    else live.add(subscription);
  }

  /** Forgets a subscription that has ended; its seat stays taken for as long as that lasts. */
  ended(seat: Seat, subscription: LiveSubscription): void {
    if (seat.live === subscription) seat.live = undefined;
    const { stream } = seat.subscriber;
    const live = this.#live.get(stream);
    live?.delete(subscription);
    if (live?.size === 0) this.#live.delete(stream);
  }

  /** Ends all subscriptions. */
  close(): void {
    this.#unfollow();
    this.#turns.close();
    for (const live of [...this.#live.values()]) for (const subscription of [...live]) subscription.end();
  }

  #makeRoom(): void {
    if (this.#seats.size < SEATS_MAX) return;
    const longAgoMs = this.#clock.nowMs() - SEAT_IDLE_MS;
    for (const [key, { live, takenMs }] of this.#seats) {
      if (live === undefined && takenMs < longAgoMs) this.#seats.delete(key);
    }
  }
}
