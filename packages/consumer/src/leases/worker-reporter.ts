import type { Clock, Logger } from "@millrace/runtime";
import { sleepUnless, within } from "../waits.ts";
import type { ReportPlace, WorkerReports } from "./worker-report.ts";

export interface WorkerReporterOptions {
  readonly reports: WorkerReports;
  readonly workerId: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** How often, in milliseconds. A report that is twice as old is one of a dead worker. */
  readonly reportIntervalMs: number;
  /** How long the store may take for an answer, in milliseconds. */
  readonly storeTimeoutMs: number;
  /** How busy this worker was since the last call, in percent. */
  readonly processorLoad: (() => number) | undefined;
}

/** As many as the KCL keeps. */
const LOAD_COUNT_MAX = 10;

/**
 * Tells the leader of the KCL how this worker is, as long as there is one. Workers of this package have no leader and read no
 * reports: where no worker of the KCL reports, nothing is written, so that older versions, which would take a report for a lease, meet none.
 */
export class WorkerReporter {
  readonly #options: WorkerReporterOptions;
  readonly #ending = new AbortController();
  readonly #loads: number[] = [];
  #isLed = false;
  #writtenIn: ReportPlace | undefined;
  #over: Promise<void> | undefined;

  constructor(options: WorkerReporterOptions) {
    this.#options = options;
  }

  /**
   * Whether a worker of the KCL reports: then its leader balances the leases of all who do, this one among them. The rule for who
   * is alive is the leader's (MigrationAwareLAMDataManager).
   */
  get isLed(): boolean {
    return this.#isLed;
  }

  /** Resolves when it is known whether there is a leader, or could not be found out. */
  start(): Promise<void> {
    const first = this.#turn();
    this.#over = first.then(() => this.#reportInTurns());
    return first;
  }

  /** Takes the report back, so that the leader gives this worker nothing more. Resolves when that is done, or could not be. */
  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#over;
    const place = this.#writtenIn;
    if (place === undefined) return;
    this.#writtenIn = undefined;
    await this.#orWarn("a report could not be taken back", () =>
      this.#options.reports.remove(this.#options.workerId, place),
    );
  }

  async #reportInTurns(): Promise<void> {
    const { clock, reportIntervalMs } = this.#options;
    for (;;) {
      await sleepUnless(clock, reportIntervalMs, this.#ending.signal);
      if (this.#ending.signal.aborted) return;
      await this.#turn();
    }
  }

  async #turn(): Promise<void> {
    const { reports, clock, workerId, reportIntervalMs, processorLoad } = this.#options;
    await this.#orWarn("there is no report of how this worker is", async () => {
      if (processorLoad !== undefined) this.#loads.push(processorLoad());
      this.#loads.splice(0, this.#loads.length - LOAD_COUNT_MAX);
      const oldestSeconds = (clock.nowMs() - 2 * reportIntervalMs) / 1_000;
      const theirs = (await this.#inTime(reports.list())).filter(
        ({ isOurs, updatedSeconds }) => !isOurs && updatedSeconds >= oldestSeconds,
      );
      this.#isLed = theirs.length > 0;
      if (!this.#isLed || this.#ending.signal.aborted) return;
      // While an application is being moved, its leader reads both tables; afterwards the one of leases.
      const place = theirs.some((report) => report.place === "leases") ? "leases" : "separate";
      // Loads are compared with those of workers that tell theirs, so both have to speak of the same.
      const tellsLoad =
        this.#loads.length > 0 && theirs.some((report) => report.processorLoads !== undefined);
      const left = this.#writtenIn;
      this.#writtenIn = place;
      await this.#inTime(
        reports.write({
          workerId,
          place,
          updatedSeconds: Math.floor(clock.nowMs() / 1_000),
          processorLoads: tellsLoad ? [...this.#loads] : undefined,
          isOurs: true,
        }),
      );
      if (left !== undefined && left !== place) await this.#inTime(reports.remove(workerId, left));
    });
  }

  #inTime<T>(call: Promise<T>): Promise<T> {
    return within(this.#options.clock, this.#options.storeTimeoutMs, call);
  }

  async #orWarn(message: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#options.log.warn(message, { error: String(error) });
    }
  }
}
