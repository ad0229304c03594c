import { availableParallelism } from "node:os";
import { type EventLoopUtilization, performance } from "node:perf_hooks";

/** What had been used at a time, in milliseconds since an arbitrary start. */
export interface ProcessorUse {
  readonly atMs: number;
  /** By all threads of the process. */
  readonly processMs: number;
  /** By this thread's event loop, the time in which it was not waiting. */
  readonly threadMs: number;
}

/**
 * How busy this process was since the last call, and at first since this one, in percent. What counts is its share of all
 * processors or how busy the calling thread was, whichever is more: a thread that never waits can take on nothing more, however
 * many processors stand idle beside it.
 */
export function processorLoad(): () => number {
  return loadBetween(usedUpToNow, availableParallelism());
}

export function loadBetween(used: () => ProcessorUse, processorCount: number): () => number {
  let before = used();
  return () => {
    const now = used();
    const passedMs = now.atMs - before.atMs;
    const ofAll = (now.processMs - before.processMs) / processorCount;
    const ofThread = now.threadMs - before.threadMs;
    before = now;
    return passedMs > 0 ? Math.min(100, (100 * Math.max(ofAll, ofThread)) / passedMs) : 0;
  };
}

function usedUpToNow(): ProcessorUse {
  const { user, system } = process.cpuUsage();
  const { active }: EventLoopUtilization = performance.eventLoopUtilization();
  return { atMs: performance.now(), processMs: (user + system) / 1_000, threadMs: active };
}
