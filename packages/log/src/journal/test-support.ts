/** What the tests of the journal share. */
import { memoryLogger, nodeRuntime, seededRandom, type Files, type Runtime } from "@millrace/runtime";

const machine = nodeRuntime().clock;

/** An outside whose time stands still unless `nowMs` is moved, and in which no timer ever fires: they only serve idle confirmation and retries. */
export function stillRuntime(files: Files, seed: number): Runtime & { nowMs: number } {
  const random = seededRandom(seed);
  const runtime = {
    nowMs: 1_795_184_401_000,
    random,
    secrets: random,
    files,
    log: memoryLogger(),
    crash: (reason: string, cause?: unknown): never => {
      throw new Error(reason, { cause });
    },
    clock: {
      nowMs: () => runtime.nowMs,
      monotonicMs: () => runtime.nowMs,
      schedule: () => ({ cancel: () => undefined }),
      soon: (callback: () => void) => machine.soon(callback),
      sleep: () => Promise.resolve(),
    },
  };
  return runtime;
}
