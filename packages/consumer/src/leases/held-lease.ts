import type { Clock, Logger, Random } from "@millrace/runtime";
import { sleepUnless, within } from "../waits.ts";
import { type ExtendedSequenceNumber, isSamePlace } from "./extended-sequence-number.ts";
import { actualOwner, type Lease } from "./lease.ts";
import type { LeaseStore, LeaseWriteOutcome } from "./lease-store.ts";
import { assignment, checkpointing, eviction, type LeaseWrite, renewal } from "./lease-write.ts";

export interface LeaseHolding {
  readonly store: LeaseStore;
  readonly workerId: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** How long a lease is held without a sign of life, in milliseconds. */
  readonly leaseDurationMs: number;
  /** How long the store may take for an answer, in milliseconds. */
  readonly storeTimeoutMs: number;
}

/**
 * A lease that this worker holds. Its writes go one after the other, each conditional on the counter that the
 * one before it left.
 *
 * It is held until a write is refused because somebody else has written, or until `leaseDurationMs` have passed
 * since the last write that was answered was *sent*: others count from when they saw its counter, which is later,
 * so on clocks of one speed nobody takes a lease that its owner still believes in.
 */
export class HeldLease {
  readonly #holding: LeaseHolding;
  readonly #lost = new AbortController();
  readonly #handOff = new AbortController();
  #lease: Lease;
  #heldUntilMs: number;
  #last: Promise<unknown> = Promise.resolve();
  #isRenewing = false;
  #wasLost = false;

  /** @param sentAtMs the monotonic time at which the write was sent that made this worker the owner. */
  constructor(holding: LeaseHolding, lease: Lease, sentAtMs: number) {
    this.#holding = holding;
    this.#lease = lease;
    this.#heldUntilMs = sentAtMs + holding.leaseDurationMs;
  }

  get lease(): Lease {
    return this.#lease;
  }

  /** Aborted when the lease is lost. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Aborted when another worker has asked for the lease. */
  get handOffRequested(): AbortSignal {
    return this.#handOff.signal;
  }

  /** Whether the lease came to an end against this worker's will. */
  get wasLost(): boolean {
    return this.#wasLost;
  }

  /** How long the lease is held unless a write prolongs it, in milliseconds. */
  leftMs(): number {
    return Math.max(0, this.#heldUntilMs - this.#holding.clock.monotonicMs());
  }

  /** Whether this worker may act on the lease. Finds out when its time has run out. */
  isHeld(): boolean {
    if (this.#lost.signal.aborted) return false;
    if (this.#holding.clock.monotonicMs() < this.#heldUntilMs) return true;
    this.#wasLost = true;
    this.#end("it could not be renewed in time");
    return false;
  }

  /** One attempt; a store that does not answer is asked again when it is next time to renew. */
  async renew(throughputKBps?: number): Promise<void> {
    if (this.#isRenewing) return;
    this.#isRenewing = true;
    await this.#inTurn(async () => {
      while (this.isHeld()) {
        const outcome = await this.#attempt(renewal(this.#lease, throughputKBps)).catch((error: unknown) =>
          this.#note("a lease could not be renewed", error),
        );
        // Refused for a hand-off: the lease is known better now, and is renewed as that.
        if (outcome !== "refused") return;
      }
    });
    this.#isRenewing = false;
  }

  /**
   * Stores how far the shard was processed. Tries for as long as the lease is held.
   *
   * @returns whether it is stored; false when the lease is lost.
   */
  checkpoint(place: ExtendedSequenceNumber, childShardIds?: readonly string[]): Promise<boolean> {
    return this.#inTurn(async () => {
      for (let attempt = 1; this.isHeld(); attempt += 1) {
        const write = checkpointing(this.#lease, place, childShardIds);
        const outcome = await this.#attempt(write).catch((error: unknown) =>
          this.#note("a checkpoint could not be stored", error),
        );
        if (outcome === "done" || (outcome === "refused" && isSamePlace(this.#lease.checkpoint, place))) {
          return true;
        }
        if (outcome === undefined) await this.#pauseAfter(attempt);
      }
      return false;
    });
  }

  /** Gives the lease up, to the worker that asked for it or to whoever comes. Writes nothing when it is lost. */
  release(): Promise<void> {
    return this.#inTurn(async () => {
      for (let attempt = 1; this.isHeld(); attempt += 1) {
        const { leaseOwner, checkpointOwner } = this.#lease;
        const isAskedFor = checkpointOwner !== undefined && leaseOwner !== undefined;
        const write = isAskedFor ? assignment(this.#lease, leaseOwner) : eviction(this.#lease);
        const outcome = await this.#attempt(write).catch((error: unknown) =>
          this.#note("a lease could not be released", error),
        );
        if (outcome === "done") break;
        // The next who comes waits for the lease to expire; that is no reason to keep a worker from stopping.
        if (outcome === undefined && attempt >= RELEASE_ATTEMPTS_MAX) break;
        if (outcome === undefined) await this.#pauseAfter(attempt);
      }
      this.#end("it was released");
    });
  }

  /** Lets go without a word to the store: of a lease at the end of its shard, or one to be found again. */
  abandon(reason: string): void {
    this.#end(reason);
  }

  async #attempt(write: LeaseWrite): Promise<"done" | "refused" | "lost"> {
    const { clock, store, storeTimeoutMs } = this.#holding;
    const sentAtMs = clock.monotonicMs();
    const outcome: LeaseWriteOutcome = await within(clock, storeTimeoutMs, store.write(write));
    if (this.#lost.signal.aborted) return "lost";
    if (outcome.done) {
      this.#become(outcome.lease, sentAtMs);
      return "done";
    }
    return this.#learn(outcome.found);
  }

  /**
   * What a refusal says. An earlier write whose answer was lost may have moved the counter by one: all of them
   * were conditional on the same counter, so at most one of them took place. A hand-off request moves only the
   * owners. Anything else is somebody else's.
   */
  #learn(found: Lease | undefined): "refused" | "lost" {
    const moved = found === undefined ? undefined : found.leaseCounter - this.#lease.leaseCounter;
    const isMine = found !== undefined && actualOwner(found) === this.#holding.workerId;
    if (found === undefined || !isMine || (moved !== 0 && moved !== 1)) {
      this.#wasLost = true;
      this.#end("another worker has taken it");
      return "lost";
    }
    // When an unanswered write was carried out is unknown, so it does not prolong the holding.
    this.#become(found, undefined);
    return "refused";
  }

  #become(lease: Lease, sentAtMs: number | undefined): void {
    this.#lease = lease;
    if (sentAtMs !== undefined) this.#heldUntilMs = sentAtMs + this.#holding.leaseDurationMs;
    if (lease.checkpointOwner !== undefined && !this.#handOff.signal.aborted) this.#handOff.abort();
  }

  #end(reason: string): void {
    if (this.#lost.signal.aborted) return;
    this.#holding.log.info("a lease is no longer held", { leaseKey: this.#lease.leaseKey, reason });
    this.#lost.abort(new Error(`the lease of ${this.#lease.leaseKey} is no longer held: ${reason}`));
  }

  #note(message: string, error: unknown): undefined {
    this.#holding.log.warn(message, { leaseKey: this.#lease.leaseKey, error: String(error) });
  }

  #pauseAfter(attempt: number): Promise<void> {
    const { clock, random } = this.#holding;
    const delayMs =
      Math.min(RETRY_DELAY_MS_MAX, RETRY_DELAY_MS * 2 ** attempt) * (0.5 + random.fraction() / 2);
    return sleepUnless(clock, delayMs, this.#lost.signal);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

const RETRY_DELAY_MS = 50;
const RETRY_DELAY_MS_MAX = 1_000;
const RELEASE_ATTEMPTS_MAX = 3;
