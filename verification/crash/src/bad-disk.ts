/** Spoils the writes of one process; see bad-disk.c. Needs Linux, a C compiler, and a libc that can be preloaded. */
import { closeSync, openSync, readSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { lastingDirectory } from "./cleanup.ts";
import { probe, run, type ProbeResult } from "./probe.ts";

/** Calls that may fail: writes of a segment that are durable when they return (commits), other writes, syncs of files and directories. */
export type SpoiledCall = "durable write" | "write" | "sync";

export interface Failure {
  readonly calls: readonly SpoiledCall[];
  /** The first such call from now on is number 1. */
  readonly callNumber: number;
  readonly error: "EIO" | "ENOSPC";
  /** `before`: nothing was written. `after`: all of it was. `short`: half of it, which is no error. */
  readonly how: "before" | "after" | "short";
}

const PAGE_BYTES = 256;
const WHAT_OFFSET = 32;
const MODES = { fail: 1, lie: 2, hold: 4 } as const;
const CALLS = { "durable write": 1, write: 2, sync: 4 } as const;
const HOW = { before: 0, after: 1, short: 2 } as const;
const ERRORS = { EIO: 5, ENOSPC: 28 } as const;

let library: string | undefined;

export function probePreload(): ProbeResult {
  return probe("preload", () => {
    if (process.platform !== "linux") throw new Error(`${process.platform} has no LD_PRELOAD`);
    buildLibrary();
  });
}

function buildLibrary(): string {
  if (library !== undefined) return library;
  const source = fileURLToPath(new URL("bad-disk.c", import.meta.url));
  const built = join(lastingDirectory("preload"), "bad-disk.so");
  run("cc", "-shared", "-fPIC", "-O1", "-Wall", "-o", built, source, "-ldl");
  const said = run("env", `LD_PRELOAD=${built}`, process.execPath, "-e", "console.log('loaded')");
  if (said !== "loaded") throw new Error(`a process with the library said ${said}`);
  library = built;
  return built;
}

export class BadDisk {
  readonly #control: string;
  readonly #library: string;
  readonly #directory: string;

  /** `directory`: the files below it are concerned, as absolute path without links. */
  constructor(scratch: string, directory: string) {
    this.#library = buildLibrary();
    this.#directory = directory;
    this.#control = join(scratch, "bad-disk");
    writeFileSync(this.#control, Buffer.alloc(PAGE_BYTES));
  }

  /** For the process that is to have this disk. */
  get environment(): Readonly<Record<string, string>> {
    return {
      LD_PRELOAD: this.#library,
      BAD_DISK_CONTROL: this.#control,
      BAD_DISK_DIRECTORY: this.#directory,
    };
  }

  /** One call fails. */
  failNext({ calls, callNumber, error, how }: Failure): void {
    const page = Buffer.alloc(20);
    page.writeUInt32LE(MODES.fail, 0);
    page.writeUInt32LE(
      calls.reduce((bits, call) => bits | CALLS[call], 0),
      4,
    );
    page.writeInt32LE(callNumber, 8);
    page.writeInt32LE(ERRORS[error], 12);
    page.writeUInt32LE(HOW[how], 16);
    this.#write(page.subarray(4), 4);
    this.#write(page.subarray(0, 4), 0);
  }

  /** From now on nothing is synced, and every sync succeeds. Files that are open keep what they had. */
  lie(): void {
    this.#mode(MODES.lie);
  }

  /** The next durable writes get as far as the drive's cache; neither they nor syncs ever return. */
  hold(): void {
    this.#mode(MODES.hold);
  }

  heal(): void {
    this.#mode(0);
  }

  /** How many calls failed, and the last of them. */
  get fired(): { readonly count: number; readonly what: string } {
    const page = this.#read();
    const what = page.subarray(WHAT_OFFSET);
    return { count: page.readUInt32LE(20), what: what.toString("utf8", 0, what.indexOf(0)) };
  }

  get heldCount(): number {
    return this.#read().readUInt32LE(24);
  }

  get liedCount(): number {
    return this.#read().readUInt32LE(28);
  }

  #mode(bits: number): void {
    // Counts begin anew.
    this.#write(Buffer.alloc(12), 20);
    const page = Buffer.alloc(4);
    page.writeUInt32LE(bits);
    this.#write(page, 0);
  }

  #write(bytes: Uint8Array, position: number): void {
    const file = openSync(this.#control, "r+");
    writeSync(file, bytes, 0, bytes.length, position);
    closeSync(file);
  }

  #read(): Buffer {
    const page = Buffer.alloc(PAGE_BYTES);
    const file = openSync(this.#control, "r");
    readSync(file, page, 0, PAGE_BYTES, 0);
    closeSync(file);
    return page;
  }
}
