import { posix } from "node:path";
import type { DirectoryLock, Files, FileStatus, OpenFile, OpenOptions } from "../files.ts";
import type { DiskOperation } from "./disk-faults.ts";
import type { DiskAction, DiskInMemory } from "./simulated-disk.ts";
import type { SimulatedInode } from "./simulated-inode.ts";
import { SECTOR_BYTES } from "./simulated-inode.ts";
import { systemError } from "./system-error.ts";

/** A simulated disk as one life of its process sees it. */
export function simulatedFiles(disk: DiskInMemory, life: number): Files {
  function perform<Result>(
    kind: DiskOperation["kind"],
    path: string,
    action: (operation: DiskOperation) => Result,
  ): Promise<Result> {
    const operation = { kind, path };
    return disk.perform(life, operation, { apply: () => action(operation) });
  }

  /** For operations that the end of the process may leave done or not done. */
  function change(kind: DiskOperation["kind"], path: string, action: (operation: DiskOperation) => void) {
    const operation = { kind, path };
    const apply = (): void => action(operation);
    return disk.perform(life, operation, { apply, interrupt: () => attempt(apply) });
  }

  return {
    open(path, options = {}) {
      const at = posix.normalize(path);
      const operation: DiskOperation = { kind: "open", path };
      return disk.perform(life, operation, {
        apply() {
          const inode = openInode(disk, at, operation, options);
          disk.hold(inode);
          return new SimulatedOpenFile(disk, life, path, inode, options);
        },
        interrupt: () => attempt(() => void openInode(disk, at, operation, options)),
      });
    },

    rename: (from, to) =>
      change("rename", from, (operation) => {
        const [source, target] = [posix.normalize(from), posix.normalize(to)];
        const inode = existing(disk, source, operation);
        requireDirectory(disk, posix.dirname(target), operation);
        if (disk.names.isDirectory(target)) throw systemError("EISDIR", operation);
        if (source === target) return;
        const replaced = disk.names.get(target);
        disk.names.rename(source, target, inode, disk.nextOrder());
        if (replaced !== undefined) disk.letGo(replaced);
      }),

    unlink: (path) =>
      change("unlink", path, (operation) => {
        const at = posix.normalize(path);
        const inode = existing(disk, at, operation);
        disk.names.remove(at, inode, disk.nextOrder());
        disk.letGo(inode);
      }),

    list: (directory) =>
      perform("list", directory, (operation) => {
        const at = withoutEnd(directory);
        requireDirectory(disk, at, operation);
        return disk.names.list(at);
      }),

    status: (path) =>
      perform("status", path, (operation): FileStatus => {
        const at = withoutEnd(path);
        if (disk.names.isDirectory(at)) {
          return { fileId: `directory:${at}`, isDirectory: true, sizeBytes: 0, modifiedMs: 0 };
        }
        return statusOf(existing(disk, at, operation));
      }),

    makeDirectory: (directory) =>
      change("makeDirectory", directory, (operation) => {
        const at = withoutEnd(directory);
        if (disk.names.get(at) !== undefined) throw systemError("EEXIST", operation);
        for (let above = posix.dirname(at); !disk.names.isDirectory(above); above = posix.dirname(above)) {
          if (disk.names.get(above) !== undefined) throw systemError("ENOTDIR", operation);
        }
        disk.names.makeDirectory(at);
      }),

    syncDirectory(directory) {
      const begunAt = disk.order;
      return perform("syncDirectory", directory, (operation) => {
        const at = withoutEnd(directory);
        requireDirectory(disk, at, operation);
        disk.names.sync(at, begunAt);
      });
    },

    freeBytes: (directory) =>
      perform("freeBytes", directory, (operation) => {
        requireDirectory(disk, withoutEnd(directory), operation);
        return disk.freeBytes();
      }),

    lock: (directory) =>
      perform("lock", directory, (operation): DirectoryLock | undefined => {
        const at = withoutEnd(directory);
        requireDirectory(disk, at, operation);
        // Where the real one has its sockets: listings are the same on both.
        disk.names.makeDirectory(posix.join(at, "lock"));
        const release = disk.takeLock(at);
        return release && { release: () => Promise.resolve(release()) };
      }),
  };
}

function statusOf({ number, sizeBytes, modifiedMs }: SimulatedInode): FileStatus {
  return { fileId: `simulated:${number}`, isDirectory: false, sizeBytes, modifiedMs };
}

function openInode(
  disk: DiskInMemory,
  at: string,
  operation: DiskOperation,
  { create, exclusive }: OpenOptions,
): SimulatedInode {
  if (disk.names.isDirectory(at)) throw systemError("EISDIR", operation);
  requireDirectory(disk, posix.dirname(at), operation);
  const found = disk.names.get(at);
  if (found !== undefined) {
    if (create === true && exclusive === true) throw systemError("EEXIST", operation);
    return found;
  }
  if (create !== true) throw systemError("ENOENT", operation);
  const inode = disk.newInode();
  disk.hold(inode);
  disk.names.add(at, inode, disk.nextOrder());
  return inode;
}

class SimulatedOpenFile implements OpenFile {
  readonly durableWrites: boolean;
  readonly #disk: DiskInMemory;
  readonly #life: number;
  readonly #path: string;
  readonly #inode: SimulatedInode;
  readonly #writable: boolean;
  readonly #pending = new Set<Promise<unknown>>();
  #closed = false;

  constructor(disk: DiskInMemory, life: number, path: string, inode: SimulatedInode, options: OpenOptions) {
    this.#disk = disk;
    this.#life = life;
    this.#path = path;
    this.#inode = inode;
    this.#writable = options.write === true || options.create === true;
    this.durableWrites = options.durableWrites === true && disk.durableWrites;
  }

  read(target: Uint8Array, position: number): Promise<number> {
    const operation = this.#operation("read", { position, sizeBytes: target.length });
    return this.#perform(operation, { apply: () => this.#inode.read(target, position) });
  }

  write(source: Uint8Array, position: number): Promise<number> {
    return this.writeVector([source], position);
  }

  writeVector(sources: readonly Uint8Array[], position: number): Promise<number> {
    const sizeBytes = sources.reduce((sum, { length }) => sum + length, 0);
    const operation = this.#operation("write", { position, sizeBytes, durable: this.durableWrites });
    const written = this.#disk.faults.writtenOf(sizeBytes);
    // The bytes are taken when the operation happens, as the kernel does: whoever changes them before is found out.
    const put = (count: number): { end: number; order: number } => {
      const source = Buffer.concat(sources, count);
      const order = this.#disk.nextOrder();
      this.#inode.write(source, position, order);
      this.#disk.touch(this.#inode);
      return { end: position + count, order };
    };
    return this.#perform(operation, {
      apply: () => {
        this.#requireWritable(operation);
        const count = Math.min(written, this.#inode.fitting(position, sizeBytes, this.#disk.freeBytes()));
        if (count === 0 && sizeBytes > 0) throw systemError("ENOSPC", operation);
        const { end, order } = put(count);
        if (this.durableWrites) this.#inode.syncRange(position, end, order);
        return count;
      },
      fail: () => {
        // A durable write fails after it has reached the cache, and then nothing writes that again.
        if (!this.durableWrites || !this.#writable) return;
        const { end, order } = put(this.#inode.fitting(position, sizeBytes, this.#disk.freeBytes()));
        this.#inode.loseSync(order, position, end);
      },
      interrupt: (random) => {
        if (!this.#writable) return;
        const fitting = this.#inode.fitting(position, sizeBytes, this.#disk.freeBytes());
        const stoppedAt = random.below(Math.ceil(sizeBytes / SECTOR_BYTES) + 1) * SECTOR_BYTES;
        put(random.below(2) === 0 ? fitting : Math.min(fitting, stoppedAt));
      },
    });
  }

  sync(): Promise<void> {
    const begunAt = this.#disk.order;
    return this.#perform(this.#operation("sync"), {
      apply: () => this.#inode.sync(begunAt),
      fail: () => this.#inode.loseSync(begunAt),
    });
  }

  truncate(sizeBytes: number): Promise<void> {
    const operation = this.#operation("truncate", { sizeBytes });
    const apply = (): void => {
      this.#requireWritable(operation);
      this.#inode.truncate(sizeBytes, this.#disk.nextOrder());
      this.#disk.touch(this.#inode);
    };
    return this.#perform(operation, { apply, interrupt: () => attempt(apply) });
  }

  sizeBytes(): Promise<number> {
    return this.#perform(this.#operation("size"), { apply: () => this.#inode.sizeBytes });
  }

  status(): Promise<FileStatus> {
    return this.#perform(this.#operation("status"), { apply: () => statusOf(this.#inode) });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.allSettled(this.#pending);
    await this.#disk.perform(this.#life, this.#operation("close"), {
      apply: () => this.#disk.close(this.#inode),
    });
  }

  #operation(kind: DiskOperation["kind"], details: Partial<DiskOperation> = {}): DiskOperation {
    return { ...details, kind, path: this.#path };
  }

  #requireWritable(operation: DiskOperation): void {
    if (!this.#writable) throw systemError("EBADF", operation);
  }

  #perform<Result>(operation: DiskOperation, action: DiskAction<Result>): Promise<Result> {
    if (this.#closed) return Promise.reject(systemError("EBADF", operation));
    const done = this.#disk.perform(this.#life, operation, action);
    this.#pending.add(done);
    const forget = (): void => void this.#pending.delete(done);
    done.then(forget, forget);
    return done;
  }
}

function existing(disk: DiskInMemory, at: string, operation: DiskOperation): SimulatedInode {
  const inode = disk.names.get(at);
  if (inode === undefined) throw systemError(disk.names.isDirectory(at) ? "EISDIR" : "ENOENT", operation);
  return inode;
}

function requireDirectory(disk: DiskInMemory, at: string, operation: DiskOperation): void {
  if (disk.names.isDirectory(at)) return;
  throw systemError(disk.names.get(at) === undefined ? "ENOENT" : "ENOTDIR", operation);
}

/** One form for every spelling of a directory. */
function withoutEnd(directory: string): string {
  const normal = posix.normalize(directory);
  return normal.length > 1 && normal.endsWith("/") ? normal.slice(0, -1) : normal;
}

/** An operation that would have failed leaves nothing. */
function attempt(action: () => void): void {
  try {
    action();
  } catch {
    // Nobody is left to hear of it.
  }
}
