/** The system's cache of file pages. */
import { closeSync, openSync, readdirSync, readSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";

const READ_BYTES = 1 << 20;

/** Drops what the system keeps of files, of all processes. Returns why it did not where that is not allowed. */
export function dropPageCache(): string | undefined {
  try {
    writeFileSync("/proc/sys/vm/drop_caches", "3");
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Reads every file below a directory from its start to its end. Returns bytes and milliseconds. */
export function readPlainly(directory: string): { readonly bytes: number; readonly elapsedMs: number } {
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  const startedMs = performance.now();
  let bytes = 0;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || statSync(path).size === 0) continue;
    const file = openSync(path, "r");
    for (let count = -1; count !== 0; bytes += count) count = readSync(file, buffer, 0, READ_BYTES, null);
    closeSync(file);
  }
  return { bytes, elapsedMs: performance.now() - startedMs };
}
