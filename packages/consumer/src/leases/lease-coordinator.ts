import { sleepUnless, within } from "../waits.ts";
import { HeldLease, type LeaseHolding } from "./held-lease.ts";
import { isFinished, type Lease } from "./lease.ts";
import { assignment, handOffRequest, type LeaseWrite, renewal, taking } from "./lease-write.ts";
import { planTaking } from "./taking-plan.ts";
import { WorkerReporter } from "./worker-reporter.ts";

export interface CoordinatorOptions extends LeaseHolding {
  readonly leaseCountMax: number;
  readonly stealCountMax: number;
  /** How often leases without an owner are looked for, in milliseconds. */
  readonly takeIntervalMs: number;
  /** How long an owner may take for a hand-off before it is over, in milliseconds. */
  readonly handOffTimeoutMs: number;
  /** Only these leases are taken. */
  readonly isOurs: (lease: Lease) => boolean;
  /** Acts on a lease; the promise resolves when nothing of it goes on any more. */
  readonly work: (held: HeldLease) => Promise<void>;
  /** What the shard of the lease carries, in KiB per second; undefined when nothing is known. */
  readonly throughputKBpsOf: (leaseKey: string) => number | undefined;
  /** How often a leader of the KCL is told how this worker is, in milliseconds. */
  readonly workerReportIntervalMs: number;
  /** How busy this worker was since the last call, in percent; undefined when nobody knows. */
  readonly processorLoad: (() => number) | undefined;
}

interface Observation {
  readonly leaseCounter: number;
  /** The monotonic time at which the counter was first seen. */
  readonly sinceMs: number;
  readonly handOffSinceMs: number | undefined;
}

/** How the leases of one worker have moved. */
export interface LeaseCounts {
  /** Found without a living owner, and taken. */
  readonly taken: number;
  /** Handed over by a living owner, because this worker or another one asked. */
  readonly received: number;
  /** Asked for. */
  readonly asked: number;
  /** Taken away by others, or not renewed in time. */
  readonly lost: number;
}

/**
 * Keeps a worker's share of the leases: takes, asks for, receives, renews. There is no leader; every worker looks at
 * all leases and moves only its own share, by conditional writes. Beside workers of the KCL 3 their leader balances, and this
 * one asks nobody: by its own count it would ask back what the leader, which goes by load, has given to others.
 */
export class LeaseCoordinator {
  readonly #options: CoordinatorOptions;
  readonly #held = new Map<string, HeldLease>();
  readonly #work = new Map<string, Promise<void>>();
  readonly #observed = new Map<string, Observation>();
  readonly #ending = new AbortController();
  readonly #counts = { taken: 0, received: 0, asked: 0, lost: 0 };
  readonly #reporter: WorkerReporter | undefined;
  #isTaking = true;
  #reportingOver: Promise<void> = Promise.resolve();
  #loops: Promise<unknown> = Promise.resolve();

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    const { store, workerReportIntervalMs } = options;
    if (store.reports !== undefined) {
      this.#reporter = new WorkerReporter({
        ...options,
        reports: store.reports,
        reportIntervalMs: workerReportIntervalMs,
      });
    }
  }

  get counts(): LeaseCounts {
    return { ...this.#counts };
  }

  get held(): readonly HeldLease[] {
    return [...this.#held.values()];
  }

  start(): void {
    this.#loops = Promise.all([this.#takeInTurns(), this.#renewInTurns()]);
  }

  /** Takes no more. What is held goes on being renewed. */
  stopTaking(): void {
    if (!this.#isTaking) return;
    this.#isTaking = false;
    if (this.#reporter !== undefined) this.#reportingOver = this.#reporter.stop();
  }

  /** Resolves when all work has ended; renews until then. */
  async stop(): Promise<void> {
    this.stopTaking();
    while (this.#work.size > 0) await Promise.all(this.#work.values());
    this.#ending.abort();
    await this.#loops;
    await this.#reportingOver;
  }

  async #takeInTurns(): Promise<void> {
    const { clock, random, takeIntervalMs, log } = this.#options;
    await this.#reporter?.start();
    while (this.#isTaking && !this.#ending.signal.aborted) {
      await this.#look().catch((error: unknown) =>
        log.warn("the leases could not be looked at", { error: String(error) }),
      );
      // Workers that started together should not look together for ever.
      await sleepUnless(clock, takeIntervalMs * (0.8 + 0.4 * random.fraction()), this.#ending.signal);
    }
  }

  async #renewInTurns(): Promise<void> {
    const { clock, leaseDurationMs, throughputKBpsOf } = this.#options;
    while (!this.#ending.signal.aborted) {
      await sleepUnless(clock, leaseDurationMs / 3, this.#ending.signal);
      if (this.#ending.signal.aborted) return;
      for (const [leaseKey, held] of this.#held) {
        // Not awaited: a store that hangs on one lease must not let the others run out.
        if (held.isHeld()) void held.renew(throughputKBpsOf(leaseKey));
      }
    }
  }

  async #look(): Promise<void> {
    const { clock, store, storeTimeoutMs, workerId } = this.#options;
    const leases = (await within(clock, storeTimeoutMs, store.list())).filter(this.#options.isOurs);
    const nowMs = clock.monotonicMs();
    this.#observe(leases, nowMs);
    for (const lease of leases) {
      if (!this.#isTaking) return;
      if (lease.leaseOwner !== workerId || isFinished(lease) || this.#isBusyWith(lease)) continue;
      if (lease.checkpointOwner === undefined) {
        // Handed over to us; or taken by a write whose answer was lost.
        if (await this.#start(lease, renewal(lease))) this.#counts.received += 1;
      } else if (this.#isAvailable(lease, nowMs) || this.#isHandOffOver(lease, nowMs)) {
        if (await this.#start(lease, assignment(lease, workerId))) this.#counts.taken += 1;
      }
    }
    const plan = planTaking({
      leases,
      workerId,
      isAvailable: (lease) => this.#isAvailable(lease, nowMs) && !this.#isBusyWith(lease),
      leaseCountMax: this.#options.leaseCountMax,
      stealCountMax: this.#reporter?.isLed === true ? 0 : this.#options.stealCountMax,
      random: this.#options.random,
    });
    for (const lease of plan.take) {
      if (!this.#isTaking || this.#isBusyWith(lease)) continue;
      if (await this.#start(lease, taking(lease, workerId))) this.#counts.taken += 1;
    }
    for (const lease of plan.ask) {
      if (!this.#isTaking) return;
      const request = handOffRequest(lease, workerId);
      const { done } = await within(clock, storeTimeoutMs, store.write(request));
      if (done) this.#counts.asked += 1;
    }
  }

  #isBusyWith({ leaseKey }: Lease): boolean {
    return this.#work.has(leaseKey);
  }

  /** Becomes the owner by `write`, and begins to work. */
  async #start(lease: Lease, write: LeaseWrite): Promise<boolean> {
    const { clock, store, storeTimeoutMs } = this.#options;
    const sentAtMs = clock.monotonicMs();
    const outcome = await within(clock, storeTimeoutMs, store.write(write));
    if (!outcome.done) return false;
    const held = new HeldLease(this.#options, outcome.lease, sentAtMs);
    if (!this.#isTaking) {
      // The worker began to stop while the store was answering.
      await held.release();
      return false;
    }
    const { leaseKey } = lease;
    this.#held.set(leaseKey, held);
    this.#work.set(leaseKey, this.#workOn(held, leaseKey));
    return true;
  }

  async #workOn(held: HeldLease, leaseKey: string): Promise<void> {
    const count = (): void => {
      if (held.wasLost) this.#counts.lost += 1;
    };
    held.lost.addEventListener("abort", count, { once: true });
    const watch = this.#watchTime(held);
    try {
      await this.#options.work(held);
    } catch (error) {
      this.#options.log.error("work on a lease failed", { leaseKey, error: String(error) });
      await held.release();
    } finally {
      held.abandon("its work has ended");
      await watch;
      this.#held.delete(leaseKey);
      this.#work.delete(leaseKey);
    }
  }

  /** A lease may run out while nobody asks. */
  async #watchTime(held: HeldLease): Promise<void> {
    while (held.isHeld()) await sleepUnless(this.#options.clock, held.leftMs(), held.lost);
  }

  #observe(leases: readonly Lease[], nowMs: number): void {
    const keys = new Set(leases.map((lease) => lease.leaseKey));
    for (const leaseKey of this.#observed.keys()) if (!keys.has(leaseKey)) this.#observed.delete(leaseKey);
    for (const { leaseKey, leaseCounter, checkpointOwner } of leases) {
      const before = this.#observed.get(leaseKey);
      this.#observed.set(leaseKey, {
        leaseCounter,
        sinceMs: before?.leaseCounter === leaseCounter ? before.sinceMs : nowMs,
        handOffSinceMs: checkpointOwner === undefined ? undefined : (before?.handOffSinceMs ?? nowMs),
      });
    }
  }

  #isAvailable(lease: Lease, nowMs: number): boolean {
    if (lease.leaseOwner === undefined) return true;
    const sinceMs = this.#observed.get(lease.leaseKey)?.sinceMs ?? nowMs;
    return nowMs - sinceMs > this.#options.leaseDurationMs;
  }

  #isHandOffOver({ leaseKey }: Lease, nowMs: number): boolean {
    const sinceMs = this.#observed.get(leaseKey)?.handOffSinceMs ?? nowMs;
    // The owner gives up its work when its own time is over, and then hands over; this is for one that does not.
    return nowMs - sinceMs > this.#options.handOffTimeoutMs + this.#options.leaseDurationMs;
  }
}
