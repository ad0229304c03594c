import { type BigIntStats, constants, read } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { mkdir, open, readdir, rename, stat, statfs, unlink } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { Files, FileStatus, OpenFile, OpenOptions } from "../files.ts";
import { isAligned } from "../aligned-bytes.ts";
import { lockDirectory } from "./directory-lock.ts";

/**
 * Only Linux promises that a write through `O_DSYNC` has left the drive's own cache too; macOS keeps that
 * promise for F_FULLFSYNC alone, which is what `sync` does there.
 */
const durableWriteFlag = process.platform === "linux" ? constants.O_DSYNC : 0;

/** Past the page cache, where there is such a thing. */
const uncachedFlag = process.platform === "linux" ? constants.O_DIRECT : 0;

/** The machine's disk. */
export function nodeFiles(): Files {
  return {
    async open(path, options = {}) {
      const handle = await open(path, openFlags(options), options.mode ?? 0o644);
      const isDurable = options.durableWrites === true && durableWriteFlag !== 0;
      return new NodeOpenFile(handle, isDurable, await openUncached(path, options));
    },
    rename,
    unlink,
    async list(directory) {
      return (await readdir(directory)).sort();
    },
    async status(path) {
      return statusOf(await stat(path, { bigint: true }));
    },
    makeDirectory,
    syncDirectory,
    async freeBytes(directory) {
      const { bavail, bsize } = await statfs(directory);
      return bavail * bsize;
    },
    lock: (directory) => lockDirectory(directory),
  };
}

/** In big integers: some file systems number their files beyond what a double holds exactly. */
function statusOf(stats: BigIntStats): FileStatus {
  return {
    fileId: `${stats.dev}:${stats.ino}`,
    isDirectory: stats.isDirectory(),
    sizeBytes: Number(stats.size),
    modifiedMs: Number(stats.mtimeMs),
  };
}

function openFlags({ write, create, exclusive, durableWrites }: OpenOptions): number {
  let flags = write === true || create === true ? constants.O_RDWR : constants.O_RDONLY;
  if (create === true) flags |= constants.O_CREAT;
  if (create === true && exclusive === true) flags |= constants.O_EXCL;
  if (durableWrites === true) flags |= durableWriteFlag;
  return flags;
}

/** A second way into a file for what goes past the page cache. Undefined where its file system has none. */
async function openUncached(path: string, options: OpenOptions): Promise<FileHandle | undefined> {
  if (options.uncached !== true || uncachedFlag === 0) return undefined;
  const { create: _, exclusive: __, ...again } = options;
  try {
    return await open(path, openFlags({ ...again, write: true }) | uncachedFlag);
  } catch {
    return undefined;
  }
}

/**
 * Makes one directory after the other, so that each new name is made durable in the one above it. Node's own
 * recursive form never ends on file systems that refuse new names, such as /proc.
 */
async function makeDirectory(directory: string): Promise<void> {
  const path = resolve(directory);
  try {
    await mkdir(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "EEXIST") return;
    if (code !== "ENOENT" || dirname(path) === path) throw error;
    await makeDirectory(dirname(path));
    await mkdir(path);
  }
  await syncDirectory(dirname(path));
}

async function syncDirectory(directory: string): Promise<void> {
  // Windows cannot open a directory as a file; NTFS journals names by itself.
  if (process.platform === "win32") return;
  const handle = await open(directory, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

class NodeOpenFile implements OpenFile {
  readonly durableWrites: boolean;
  readonly #handle: FileHandle;
  readonly #uncached: FileHandle | undefined;
  #isUncachedRefused = false;
  #readsUnderWay = 0;
  readonly #whenRead: (() => void)[] = [];

  constructor(handle: FileHandle, durableWrites: boolean, uncached: FileHandle | undefined) {
    this.#handle = handle;
    this.#uncached = uncached;
    this.durableWrites = durableWrites;
  }

  /** By the descriptor: reads are many, and the handle's own cost twice as much on their way. */
  read(target: Uint8Array, position: number): Promise<number> {
    const { fd } = this.#handle;
    if (target.length === 0) return Promise.resolve(0);
    // The handle is closed, and says so in the usual way.
    if (fd < 0) return this.#handle.read(target).then(({ bytesRead }) => bytesRead);
    return new Promise((resolve, reject) => {
      let count = 0;
      this.#readsUnderWay += 1;
      const onRead = (error: Error | null, bytesRead: number): void => {
        count += error === null ? bytesRead : 0;
        if (error === null && bytesRead > 0 && count < target.length) {
          read(fd, target, count, target.length - count, position + count, onRead);
          return;
        }
        this.#readsUnderWay -= 1;
        if (this.#readsUnderWay === 0) for (const wake of this.#whenRead.splice(0)) wake();
        if (error === null) resolve(count);
        else reject(error);
      };
      read(fd, target, 0, target.length, position, onRead);
    });
  }

  async write(source: Uint8Array, position: number): Promise<number> {
    if (this.#uncached !== undefined && !this.#isUncachedRefused && isAligned(source, position)) {
      try {
        return (await this.#uncached.write(source, 0, source.length, position)).bytesWritten;
      } catch (error) {
        // Some file systems say only now that they cannot, or ask for larger multiples.
        if (!(error instanceof Error && "code" in error && error.code === "EINVAL")) throw error;
        this.#isUncachedRefused = true;
      }
    }
    return (await this.#handle.write(source, 0, source.length, position)).bytesWritten;
  }

  async writeVector(sources: readonly Uint8Array[], position: number): Promise<number> {
    if (sources.length === 0) return 0;
    // Node reads the list and does not keep it; only its declaration asks for a mutable one.
    return (await this.#handle.writev(sources as Uint8Array[], position)).bytesWritten;
  }

  sync(): Promise<void> {
    // fdatasync keeps the size too: without it the bytes could not be read back.
    return this.#handle.datasync();
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.#handle.truncate(sizeBytes);
  }

  async sizeBytes(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  async status(): Promise<FileStatus> {
    return statusOf(await this.#handle.stat({ bigint: true }));
  }

  /** The descriptor may soon be that of another file, so reads of this one end first. */
  async close(): Promise<void> {
    if (this.#readsUnderWay > 0) await new Promise<void>((resolve) => this.#whenRead.push(resolve));
    await this.#uncached?.close();
    await this.#handle.close();
  }
}
