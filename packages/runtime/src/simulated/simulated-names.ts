/**
 * The directories of a simulated disk: the names as everybody sees them, and those that a power cut leaves.
 * A creation, rename or removal is durable only once its directory was synced.
 */
import { posix } from "node:path";
import type { Random } from "../random.ts";
import type { SimulatedInode } from "./simulated-inode.ts";

/** One change of names. A rename is a single one: the file is never without a name, and never half moved. */
interface NameChange {
  readonly order: number;
  readonly inode: SimulatedInode;
  readonly removed?: string;
  readonly added?: string;
}

export class SimulatedNames {
  readonly #directories = new Set([".", "/"]);
  #durable = new Map<string, SimulatedInode>();
  #present = new Map<string, SimulatedInode>();
  #pending: NameChange[] = [];

  get(path: string): SimulatedInode | undefined {
    return this.#present.get(path);
  }

  /** Every path with its file, in code unit order. */
  files(): (readonly [path: string, inode: SimulatedInode])[] {
    return [...this.#present].sort(([one], [other]) => (one < other ? -1 : 1));
  }

  isDirectory(path: string): boolean {
    return this.#directories.has(path);
  }

  /** Directories are durable at once, as {@link Files.makeDirectory} promises. */
  makeDirectory(directory: string): void {
    for (let path = directory; !this.#directories.has(path); path = posix.dirname(path))
      this.#directories.add(path);
  }

  list(directory: string): string[] {
    const names: string[] = [];
    for (const path of this.#present.keys())
      if (posix.dirname(path) === directory) names.push(posix.basename(path));
    for (const path of this.#directories) {
      if (posix.dirname(path) === directory && path !== directory) names.push(posix.basename(path));
    }
    return names.sort();
  }

  add(path: string, inode: SimulatedInode, order: number): void {
    this.#change({ order, inode, added: path });
  }

  remove(path: string, inode: SimulatedInode, order: number): void {
    this.#change({ order, inode, removed: path });
  }

  rename(from: string, to: string, inode: SimulatedInode, order: number): void {
    this.#change({ order, inode, removed: from, added: to });
  }

  #change(change: NameChange): void {
    apply(change, this.#present);
    this.#pending.push(change);
  }

  /** Makes durable what changed in `directory` up to `order`. */
  sync(directory: string, order: number): void {
    const settled = new Set<NameChange>();
    const inodes = new Set<SimulatedInode>();
    for (const change of this.#pending.toReversed()) {
      if (change.order > order) continue;
      // What happened to the same file before came to the drive before.
      if (!touches(change, directory) && !inodes.has(change.inode)) continue;
      settled.add(change);
      inodes.add(change.inode);
    }
    for (const change of this.#pending) if (settled.has(change)) apply(change, this.#durable);
    this.#pending = this.#pending.filter((change) => !settled.has(change));
  }

  /**
   * Leaves the durable names, and of the changes since whatever chance decides: the first of them, as on a
   * file system with a journal, or for each file the first of its own, which is as little as any keeps.
   */
  cutPower(random: Random): void {
    const kept = random.below(this.#pending.length + 1);
    const inOrder = random.below(2) === 0;
    const lost = new Set<SimulatedInode>();
    for (const [index, change] of this.#pending.entries()) {
      if (inOrder ? index >= kept : random.below(2) === 0) lost.add(change.inode);
      if (!lost.has(change.inode)) apply(change, this.#durable);
    }
    this.#present = new Map(this.#durable);
    this.#pending = [];
  }
}

function apply({ inode, removed, added }: NameChange, names: Map<string, SimulatedInode>): void {
  if (removed !== undefined && names.get(removed) === inode) names.delete(removed);
  if (added !== undefined) names.set(added, inode);
}

function touches({ removed, added }: NameChange, directory: string): boolean {
  return [removed, added].some((path) => path !== undefined && posix.dirname(path) === directory);
}
