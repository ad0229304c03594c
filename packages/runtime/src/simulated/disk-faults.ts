import type { Random } from "../random.ts";

/** What a simulated disk is asked to do. */
export interface DiskOperation {
  readonly kind:
    | "open"
    | "read"
    | "write"
    | "sync"
    | "truncate"
    | "size"
    | "status"
    | "close"
    | "rename"
    | "unlink"
    | "list"
    | "makeDirectory"
    | "syncDirectory"
    | "freeBytes"
    | "lock";
  readonly path: string;
  /** Of reads and writes. */
  readonly position?: number;
  /** Of reads, writes and truncations. */
  readonly sizeBytes?: number;
  /** True for a write that is durable when it resolves. */
  readonly durable?: boolean;
}

/** Shares of operations, from 0 to 1, that go wrong. Default: 0. */
export interface DiskFaultChances {
  /** Reads that fail with `EIO`. */
  readonly readError?: number;
  /** Writes that fail with `EIO`. */
  readonly writeError?: number;
  /** Syncs of files that fail with `EIO`. */
  readonly syncError?: number;
  /** Writes that write only a part. */
  readonly shortWrite?: number;
}

export interface InjectedFault {
  /** How many operations it has made fail: a test of a fault checks that there was one. */
  readonly firedCount: number;
  cancel(): void;
}

type Predicate = (operation: DiskOperation) => boolean;

export class DiskFaults {
  readonly #random: Random;
  readonly #injected = new Set<{ predicate: Predicate; code: string; left: number; firedCount: number }>();
  #chances: DiskFaultChances = {};
  firedCount = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  failNext(predicate: Predicate, code: string, count: number): InjectedFault {
    const fault = { predicate, code, left: count, firedCount: 0 };
    this.#injected.add(fault);
    return {
      get firedCount() {
        return fault.firedCount;
      },
      cancel: () => void this.#injected.delete(fault),
    };
  }

  setChances(chances: DiskFaultChances): void {
    this.#chances = chances;
  }

  /** The code that an operation fails with; undefined when it does not. */
  failureOf(operation: DiskOperation): string | undefined {
    for (const fault of this.#injected) {
      if (!fault.predicate(operation)) continue;
      fault.left -= 1;
      fault.firedCount += 1;
      if (fault.left <= 0) this.#injected.delete(fault);
      this.firedCount += 1;
      return fault.code;
    }
    if (!this.#happens(this.#errorChance(operation))) return undefined;
    this.firedCount += 1;
    return "EIO";
  }

  /** How much of a write is done. */
  writtenOf(sizeBytes: number): number {
    if (sizeBytes < 2 || !this.#happens(this.#chances.shortWrite)) return sizeBytes;
    this.firedCount += 1;
    return 1 + this.#random.below(sizeBytes - 1);
  }

  #errorChance({ kind }: DiskOperation): number | undefined {
    if (kind === "read") return this.#chances.readError;
    if (kind === "write") return this.#chances.writeError;
    return kind === "sync" ? this.#chances.syncError : undefined;
  }

  #happens(chance = 0): boolean {
    // Chance that is not asked for draws nothing, so that turning it on elsewhere changes no history.
    return chance > 0 && this.#random.fraction() < chance;
  }
}
