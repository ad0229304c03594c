/**
 * What must not stay behind: processes, mounts, loop devices, scratch directories. Given back in reverse
 * order, after a test and, failing that, when this process ends for whatever reason.
 */
import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keepScratch } from "./settings.ts";

const pending: (() => void)[] = [];
let interrupted = false;

/** Registers a synchronous undoing. Returns a function that does it now instead. */
export function undoLater(undo: () => void): () => void {
  const once = () => {
    const at = pending.indexOf(once);
    if (at < 0) return;
    pending.splice(at, 1);
    undo();
  };
  pending.push(once);
  return once;
}

/** Undoes everything; what fails is reported and does not keep the rest from being undone. */
export function undoEverything(): void {
  for (;;) {
    const undo = pending.at(-1);
    if (undo === undefined) return;
    try {
      undo();
    } catch (error) {
      console.error(`left behind: ${String(error)}`);
    }
  }
}

/** An empty directory for as long as this process lives. */
export function lastingDirectory(name: string): string {
  const path = mkdtempSync(join(tmpdir(), `mr-${name}-`));
  process.on("exit", () => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** An empty directory. It stays when `keep` says so at the end, for whoever looks into a failure. */
export function scratchDirectory(name: string, keep: () => boolean = () => false, parent = tmpdir()): string {
  const path = mkdtempSync(join(parent, `mr-${name}-`));
  undoLater(() => {
    if (keepScratch || (keep() && !interrupted)) console.error(`kept for inspection: ${path}`);
    else rmSync(path, { recursive: true, force: true });
  });
  return path;
}

/** A directory in memory when there is plenty of it: disk images are copied faster there. */
export function parentForImages(wantedBytes: number): string {
  const inMemory = "/dev/shm";
  try {
    const { bavail, bsize } = statfsSync(inMemory);
    return bavail * bsize >= 2 * wantedBytes ? inMemory : tmpdir();
  } catch {
    return tmpdir();
  }
}

process.on("exit", undoEverything);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    interrupted = true;
    undoEverything();
    process.exit(1);
  });
}
