import { createHash } from "node:crypto";
import { posix } from "node:path";
import type { Clock } from "../clock.ts";
import type { Files } from "../files.ts";
import type { Random } from "../random.ts";
import { seededRandom } from "../seeded-random.ts";
import type { DiskFaultChances, DiskOperation, InjectedFault } from "./disk-faults.ts";
import { DiskFaults } from "./disk-faults.ts";
import { simulatedFiles } from "./simulated-files.ts";
import { SimulatedInode } from "./simulated-inode.ts";
import { SimulatedNames } from "./simulated-names.ts";
import { systemError } from "./system-error.ts";

/**
 * A disk in memory that behaves like the worst real one allowed to: what is not synced may be lost, kept or torn
 * by a power cut, sector by sector and name by name; operations take a while and pass each other; and faults
 * happen when a test asks for them.
 */
export interface SimulatedDisk {
  /** The disk as the present life of its process sees it. Operations of an earlier life never settle. */
  readonly files: Files;

  /**
   * Ends the present life. With a power cut, only durable bytes and names are sure to stay. Without one (the
   * process was killed) everything written stays. Operations in flight are done, done in part, or not done.
   */
  crash(options: { powerCut: boolean }): void;

  /** Makes the next `count` operations (default 1) that `predicate` picks fail with `code`, e.g. `EIO`. */
  failNext(predicate: (operation: DiskOperation) => boolean, code: string, count?: number): InjectedFault;

  /** Lets a share of operations fail. Replaces the chances set before. */
  setChances(chances: DiskFaultChances): void;

  /** How many faults have happened so far, of all kinds. */
  readonly faultCount: number;

  /** Bounds the disk; a write past it does what fits, or fails with `ENOSPC`. */
  setCapacity(capacityBytes: number): void;

  /** Flips the bits of `mask` (default: the lowest) in one stored byte. */
  corrupt(path: string, offset: number, mask?: number): void;

  /** Paths of all files, sorted. */
  paths(): string[];

  /** A copy of what the file holds, whether durable or not. */
  bytes(path: string): Uint8Array;

  /** Puts a durable file there, and the directories above it: how a test makes a disk of its own. */
  place(path: string, bytes: Uint8Array): void;

  /** Says when a file was changed last, as archivers do with what they make. */
  setModified(path: string, modifiedMs: number): void;

  /** A picture of all files, to compare two disks by. */
  dump(): DiskDump;

  /** How many operations were begun so far. */
  readonly operationCount: number;
}

export interface DiskDump {
  readonly files: readonly { readonly path: string; readonly sizeBytes: number; readonly sha256: string }[];
  /** One hash of all of that. */
  readonly digest: string;
}

export interface SimulatedDiskOptions {
  /** Default: no bound. */
  readonly capacityBytes?: number;
  /** Default: true, as on Linux. False: files opened with `durableWrites` need a `sync` like others. */
  readonly durableWrites?: boolean;
  /**
   * How long operations take, as `[least, most]` in milliseconds, when the disk has a clock.
   * Defaults: reads and the like 0.02 to 0.2, writes 0.02 to 0.3, syncs and durable writes 0.2 to 3.
   */
  readonly latencyMs?: Partial<Record<"read" | "write" | "sync", readonly [least: number, most: number]>>;
  /** Default: true. False: a disk that loses nothing, and so keeps nothing to lose it by. */
  readonly powerCuts?: boolean;
  /**
   * True: a new file gets the id of one that is gone, as on most file systems. Default: false; and not together with
   * power cuts, which may bring back what is gone.
   */
  readonly reusesFileIds?: boolean;
}

/** Without a clock, operations take no time: they are done when the call returns. */
export function simulatedDisk(
  random: Random,
  clock?: Clock,
  options: SimulatedDiskOptions = {},
): SimulatedDisk {
  return new DiskInMemory(random, clock, options);
}

/** Files in memory, without faults and without delay. */
export function inMemoryFiles(): Files {
  return simulatedDisk(seededRandom(0), undefined, { powerCuts: false }).files;
}

/** How an operation happens on the disk. */
export interface DiskAction<Result> {
  readonly apply: () => Result;
  /** What a failed operation does all the same. */
  readonly fail?: () => void;
  /** What the end of the process may leave of an operation in flight. */
  readonly interrupt?: (random: Random) => void;
}

const NO_BOUND = Number.MAX_SAFE_INTEGER;

export class DiskInMemory implements SimulatedDisk {
  readonly names = new SimulatedNames();
  readonly faults: DiskFaults;
  readonly durableWrites: boolean;
  readonly #random: Random;
  readonly #clock: Clock | undefined;
  readonly #latencyMs: Record<"read" | "write" | "sync", readonly [least: number, most: number]>;
  readonly #powerCuts: boolean;
  readonly #inFlight = new Set<DiskAction<unknown>>();
  readonly #lockedDirectories = new Set<string>();
  #capacityBytes: number;
  #order = 0;
  #inodeCount = 0;
  /** Numbers of files that are gone; undefined when they are not used again. */
  readonly #freeNumbers: number[] | undefined;
  #life = 0;
  #files: Files;
  /** Files that have lost their names but not their handles. */
  readonly #nameless = new Set<SimulatedInode>();
  operationCount = 0;

  constructor(random: Random, clock: Clock | undefined, options: SimulatedDiskOptions) {
    this.#random = random;
    this.#clock = clock;
    this.faults = new DiskFaults(random);
    this.durableWrites = options.durableWrites ?? true;
    this.#powerCuts = options.powerCuts ?? true;
    if (options.reusesFileIds === true) {
      if (this.#powerCuts) throw new RangeError("file ids are used again only without power cuts");
      this.#freeNumbers = [];
    }
    this.#capacityBytes = options.capacityBytes ?? NO_BOUND;
    this.#latencyMs = { read: [0.02, 0.2], write: [0.02, 0.3], sync: [0.2, 3], ...options.latencyMs };
    this.#files = simulatedFiles(this, this.#life);
  }

  get files(): Files {
    return this.#files;
  }

  get faultCount(): number {
    return this.faults.firedCount;
  }

  crash({ powerCut }: { powerCut: boolean }): void {
    if (powerCut && !this.#powerCuts) throw new Error("this simulated disk was made without power cuts");
    this.#life += 1;
    for (const action of this.#inFlight) if (this.#random.below(2) === 0) action.interrupt?.(this.#random);
    this.#inFlight.clear();
    this.#lockedDirectories.clear();
    if (powerCut) this.names.cutPower(this.#random);
    for (const { number } of this.#nameless) this.#freeNumbers?.push(number);
    this.#nameless.clear();
    for (const [, inode] of this.names.files()) {
      inode.holders = 1;
      if (powerCut) inode.cutPower(this.#random);
    }
    this.#files = simulatedFiles(this, this.#life);
  }

  failNext(predicate: (operation: DiskOperation) => boolean, code: string, count = 1): InjectedFault {
    return this.faults.failNext(predicate, code, count);
  }

  setChances(chances: DiskFaultChances): void {
    this.faults.setChances(chances);
  }

  setCapacity(capacityBytes: number): void {
    this.#capacityBytes = capacityBytes;
  }

  corrupt(path: string, offset: number, mask = 1): void {
    const inode = this.#inodeOf(path);
    if (!(offset >= 0 && offset < inode.sizeBytes)) throw new RangeError(`${path} has no byte ${offset}`);
    inode.corrupt(offset, mask);
  }

  paths(): string[] {
    return this.names.files().map(([path]) => path);
  }

  bytes(path: string): Uint8Array {
    return this.#inodeOf(path).content.slice();
  }

  place(path: string, bytes: Uint8Array): void {
    const at = posix.normalize(path);
    this.names.makeDirectory(posix.dirname(at));
    const before = this.names.get(at);
    if (before !== undefined) this.letGo(before);
    const inode = this.newInode();
    inode.write(bytes, 0, this.nextOrder());
    inode.sync(this.#order);
    this.names.add(at, inode, this.nextOrder());
    this.names.sync(posix.dirname(at), this.#order);
    this.hold(inode);
  }

  setModified(path: string, modifiedMs: number): void {
    this.#inodeOf(path).modifiedMs = modifiedMs;
  }

  dump(): DiskDump {
    const files = this.names.files().map(([path, inode]) => ({
      path,
      sizeBytes: inode.sizeBytes,
      sha256: createHash("sha256").update(inode.content).digest("hex"),
    }));
    return { files, digest: createHash("sha256").update(JSON.stringify(files)).digest("hex") };
  }

  /** Does an operation of one life: after a while, unless it fails. Never settles once that life has ended. */
  async perform<Result>(life: number, operation: DiskOperation, action: DiskAction<Result>): Promise<Result> {
    if (life !== this.#life) return never();
    this.operationCount += 1;
    const code = this.faults.failureOf(operation);
    if (this.#clock !== undefined) {
      this.#inFlight.add(action);
      await this.#delay(this.#clock, operation);
      this.#inFlight.delete(action);
      if (life !== this.#life) return never();
    }
    if (code !== undefined) {
      action.fail?.();
      throw systemError(code, operation);
    }
    return action.apply();
  }

  /** Numbers the changes of the disk. */
  nextOrder(): number {
    this.#order += 1;
    return this.#order;
  }

  /** The number of the newest change. */
  get order(): number {
    return this.#order;
  }

  freeBytes(): number {
    let freeBytes = this.#capacityBytes;
    // Without a bound nobody needs the sum, which takes a while on a disk of many files.
    if (freeBytes === NO_BOUND) return freeBytes;
    for (const [, inode] of this.names.files()) freeBytes -= inode.takenBytes;
    for (const inode of this.#nameless) freeBytes -= inode.takenBytes;
    return Math.max(0, freeBytes);
  }

  newInode(): SimulatedInode {
    const inode = new SimulatedInode(this.#freeNumbers?.pop() ?? (this.#inodeCount += 1), this.#powerCuts);
    this.touch(inode);
    return inode;
  }

  /** The content changes now. */
  touch(inode: SimulatedInode): void {
    inode.modifiedMs = this.#clock?.nowMs() ?? 0;
  }

  hold(inode: SimulatedInode): void {
    inode.holders += 1;
  }

  /** A handle closes. */
  close(inode: SimulatedInode): void {
    inode.holders -= 1;
    if (inode.holders > 0) return;
    this.#nameless.delete(inode);
    this.#freeNumbers?.push(inode.number);
  }

  /** A name goes. */
  letGo(inode: SimulatedInode): void {
    inode.holders -= 1;
    if (inode.holders > 0) this.#nameless.add(inode);
    else this.#freeNumbers?.push(inode.number);
  }

  /** Returns the function that gives the lock back; undefined when it is taken. */
  takeLock(directory: string): (() => void) | undefined {
    if (this.#lockedDirectories.has(directory)) return undefined;
    this.#lockedDirectories.add(directory);
    const life = this.#life;
    return () => {
      if (life === this.#life) this.#lockedDirectories.delete(directory);
    };
  }

  #inodeOf(path: string): SimulatedInode {
    const inode = this.names.get(posix.normalize(path));
    if (inode === undefined) throw systemError("ENOENT", { kind: "open", path });
    return inode;
  }

  async #delay(clock: Clock, { kind, durable }: DiskOperation): Promise<void> {
    const syncs = kind === "sync" || kind === "syncDirectory" || kind === "makeDirectory" || durable === true;
    const changes = kind === "write" || kind === "truncate" || kind === "rename" || kind === "unlink";
    const [least, most] = this.#latencyMs[syncs ? "sync" : changes ? "write" : "read"];
    await clock.sleep(least + this.#random.fraction() * (most - least));
  }
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}
