/** Directories and processes that must not outlive a bench, however it ends. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const undoings = new Set<() => void>();
let listening = false;

/** Registers what is to be undone when this process ends; the answer is called when it was done before. */
export function undoAtExit(undo: () => void): () => void {
  if (!listening) listen();
  undoings.add(undo);
  return () => undoings.delete(undo);
}

/**
 * An empty directory on the disk that is measured: under `BENCH_DIRECTORY`, or else where the machine keeps
 * temporary files. `remove` deletes it with everything in it.
 */
export function scratchDirectory(name: string): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(process.env["BENCH_DIRECTORY"] ?? tmpdir(), `millrace-bench-${name}-`));
  const forget = undoAtExit(() => rmSync(path, { recursive: true, force: true }));
  return {
    path,
    remove() {
      forget();
      rmSync(path, { recursive: true, force: true });
    },
  };
}

function listen(): void {
  listening = true;
  process.on("exit", undoAll);
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.on(signal, () => process.exit(code));
  }
}

function undoAll(): void {
  // Processes were registered after their directories, and must go before them.
  for (const undo of [...undoings].reverse()) undo();
  undoings.clear();
}
