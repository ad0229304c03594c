/**
 * Who may subscribe: how often a subscriber may call, and for how long its newest subscription keeps the next one away. Where
 * processes share the engine a seat is looked after by the one that it belongs to; when that one does not answer, by this one.
 */
import type { Peers } from "@millrace/log";
import type { ServiceClock } from "@millrace/runtime";
import type { Limits } from "../limits.ts";
import { TokenBucket } from "../throttle/token-bucket.ts";

/** `taken`: the subscription before is too young to make room; `too-often`: calls come quicker than their rate. */
export type Turn = "free" | "taken" | "too-often";

interface SeatKept {
  readonly calls: TokenBucket;
  takenMs: number;
  usedMs: number;
}

/** More seats than this make those go that nobody has used for a while. */
const SEATS_MAX = 10_000;

/** A seat that was not used for this long remembers nothing that matters. */
const SEAT_IDLE_MS = 60_000;

const TOPIC = "seats";

export class SeatTurns {
  readonly #clock: ServiceClock;
  readonly #limits: Limits;
  readonly #peers: Peers | undefined;
  readonly #seats = new Map<string, SeatKept>();
  readonly #stops: (() => void)[] = [];

  /** `onTaken` hears of seats that are taken through another process. */
  constructor(
    clock: ServiceClock,
    limits: Limits,
    peers: Peers | undefined,
    onTaken: (seatKey: string) => void,
  ) {
    this.#clock = clock;
    this.#limits = limits;
    this.#peers = peers;
    if (peers === undefined) return;
    this.#stops.push(
      peers.answer(TOPIC, (question) => {
        const [what, key] = question as [what: "ask" | "take", key: string];
        return what === "ask" ? this.#askHere(key) : this.#takeHere(key);
      }),
      peers.hear(TOPIC, (key) => {
        if (typeof key === "string") onTaken(key);
      }),
    );
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }

  /** Counts a call for a seat. */
  ask(key: string): Turn | Promise<Turn> {
    const owner = this.#peers?.ownerOfKey(`seat ${key}`);
    if (owner === undefined) return this.#askHere(key);
    return this.#peers!.ask(owner, TOPIC, ["ask", key]).then((answer) =>
      answer === "free" || answer === "taken" || answer === "too-often" ? answer : this.#askHere(key),
    );
  }

  /** Takes a seat, unless it is taken. */
  take(key: string): boolean | Promise<boolean> {
    const owner = this.#peers?.ownerOfKey(`seat ${key}`);
    const told = (isTaken: boolean): boolean => {
      if (isTaken) this.#peers?.tell(TOPIC, key);
      return isTaken;
    };
    if (owner === undefined) return told(this.#takeHere(key));
    return this.#peers!.ask(owner, TOPIC, ["take", key]).then((answer) =>
      told(typeof answer === "boolean" ? answer : this.#takeHere(key)),
    );
  }

  #askHere(key: string): Turn {
    const seat = this.#seatOf(key);
    if (this.#isTaken(seat)) return "taken";
    return seat.calls.tryTake(1, this.#clock.nowMs()) ? "free" : "too-often";
  }

  #takeHere(key: string): boolean {
    const seat = this.#seatOf(key);
    if (this.#isTaken(seat)) return false;
    seat.takenMs = this.#clock.nowMs();
    return true;
  }

  #isTaken({ takenMs }: SeatKept): boolean {
    return this.#clock.nowMs() - takenMs < this.#limits.subscriptionTakeoverMs;
  }

  #seatOf(key: string): SeatKept {
    const nowMs = this.#clock.nowMs();
    let seat = this.#seats.get(key);
    if (seat === undefined) {
      this.#makeRoom(nowMs);
      seat = { calls: new TokenBucket(this.#limits.subscribeCalls), takenMs: -Infinity, usedMs: nowMs };
      this.#seats.set(key, seat);
    }
    seat.usedMs = nowMs;
    return seat;
  }

  #makeRoom(nowMs: number): void {
    if (this.#seats.size < SEATS_MAX) return;
    for (const [key, { usedMs }] of this.#seats) {
      if (nowMs - usedMs > SEAT_IDLE_MS) this.#seats.delete(key);
    }
  }
}
