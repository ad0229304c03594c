/**
 * The disk as a value. Everything that the system knows about durability comes down to {@link OpenFile.sync},
 * a file opened with `durableWrites`, and {@link Files.syncDirectory}.
 *
 * Failures are Node's errors with `code` (`ENOENT`, `EEXIST`, `ENOSPC`, `EIO`, …), simulated ones included.
 */
export interface Files {
  open(path: string, options?: OpenOptions): Promise<OpenFile>;

  /** Moves a file over another in one step. Durable only after {@link syncDirectory}. */
  rename(from: string, to: string): Promise<void>;

  /** Removes a file; `ENOENT` when there is none. Durable only after {@link syncDirectory}. */
  unlink(path: string): Promise<void>;

  /** Names (not paths) of the entries of a directory, sorted; `ENOENT` when there is none. */
  list(directory: string): Promise<string[]>;

  /** What stands at a path, links followed; `ENOENT` when there is nothing. */
  status(path: string): Promise<FileStatus>;

  /** Creates a directory and its parents, durably; one that exists is fine. */
  makeDirectory(directory: string): Promise<void>;

  /** Makes creations, renames and removals in `directory` survive a power cut. */
  syncDirectory(directory: string): Promise<void>;

  /** Bytes that can still be written to the file system that holds `directory`. */
  freeBytes(directory: string): Promise<number>;

  /**
   * Takes the lock of a directory, held until released or until this process is gone.
   * Resolves to undefined when another live process holds it, or this one does already. The lock lives in
   * an entry `lock` of the directory, which stays there.
   */
  lock(directory: string): Promise<DirectoryLock | undefined>;
}

/** What the file system knows of a file. */
export interface FileStatus {
  /**
   * Stays the same through renames, and is that of no other file that exists or is open. After the file is gone
   * another may get it.
   */
  readonly fileId: string;
  readonly isDirectory: boolean;
  readonly sizeBytes: number;
  /** When the content was changed last, in milliseconds since the Unix epoch. */
  readonly modifiedMs: number;
}

export interface DirectoryLock {
  release(): Promise<void>;
}

export interface OpenOptions {
  /** Open for writing too. Default: reading only. */
  write?: boolean;
  /** Create the file when it is missing (implies `write`). */
  create?: boolean;
  /** With `create`: fail with `EEXIST` when the file exists. */
  exclusive?: boolean;
  /** Every {@link OpenFile.write} is durable when it resolves (`O_DSYNC`). See {@link OpenFile.durableWrites}. */
  durableWrites?: boolean;
  /**
   * What is written is soon read by nobody: memory from `alignedBytes` goes past the page cache (`O_DIRECT`), in whole multiples of 4,096
   * bytes at such positions. A matter of speed alone: everything else, and where a file system cannot, is written as ever.
   */
  uncached?: boolean;
  /** With `create`: who may do what with a file that is made, e.g. `0o600`. Default `0o644`; ignored where there is no such thing. */
  mode?: number;
}

export interface OpenFile {
  /** True when a resolved `write` is durable by itself; otherwise the writer must `sync`. */
  readonly durableWrites: boolean;

  /** Reads up to `target.length` bytes at `position`; fewer only at the end of the file. Returns the count. */
  read(target: Uint8Array, position: number): Promise<number>;

  /** Writes at `position` and returns how many bytes were written, which may be fewer than given. */
  write(source: Uint8Array, position: number): Promise<number>;

  /** Like `write`, of several buffers laid end to end. */
  writeVector(sources: readonly Uint8Array[], position: number): Promise<number>;

  /** Resolves once every byte written before this call, and the file's size, survive a power cut. */
  sync(): Promise<void>;

  /** Sets the size; growing fills with zeros. Durable only after {@link sync}. */
  truncate(sizeBytes: number): Promise<void>;

  sizeBytes(): Promise<number>;

  /** Of the file that was opened, whatever stands at its path by now. */
  status(): Promise<FileStatus>;

  close(): Promise<void>;
}
