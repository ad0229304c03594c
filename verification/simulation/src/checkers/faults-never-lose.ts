/**
 * Promise 5: a full disk, a failed write or sync, a crash never lose acknowledged data. What is lost with them
 * is told by `acknowledged-is-durable`, which finds the record missing; this one sees to it that a process
 * ends when it must, and only then, and that a full disk is survived.
 */
import { BrokenPromise } from "../broken-promise.ts";

export interface FaultsNeverLose {
  readonly name: "faults-never-lose";
  /** The process ended itself. */
  endedItself(reason: string, cause: unknown, faultsWereInjected: boolean): void;
  /** A second after a durable write or a sync failed. */
  afterFailedCommit(processGoesOn: boolean, detail: string): void;
  /** Some seconds after a full disk had room again. */
  afterRoomCameBack(readOnlyReason: string | undefined): void;
}

export const faultsNeverLose: FaultsNeverLose = {
  name: "faults-never-lose",

  endedItself(reason, cause, faultsWereInjected) {
    if (faultsWereInjected && isDiskError(cause)) return;
    throw broken(
      `the process ended although no operation of the disk had failed: ${reason}: ${detailOf(cause)}`,
    );
  },

  afterFailedCommit(processGoesOn, detail) {
    if (processGoesOn) throw broken(`the process goes on after ${detail} had failed`);
  },

  afterRoomCameBack(readOnlyReason) {
    if (readOnlyReason !== undefined)
      throw broken(`puts are refused although there is room again: ${readOnlyReason}`);
  },
};

export function isDiskError(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "EIO" || error.code === "ENOSPC");
}

function detailOf(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}

function broken(detail: string): BrokenPromise {
  return new BrokenPromise("faults-never-lose", detail);
}
