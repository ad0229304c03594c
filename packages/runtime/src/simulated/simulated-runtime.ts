import type { Random } from "../random.ts";
import type { Runtime } from "../runtime.ts";
import { seededRandom } from "../seeded-random.ts";
import type { MemoryLogger } from "./memory-logger.ts";
import { memoryLogger } from "./memory-logger.ts";
import { ProcessEnded } from "./process-ended.ts";
import type { ProcessClock, SimulatedClock } from "./simulated-clock.ts";
import { simulatedClock } from "./simulated-clock.ts";
import type { SimulatedDisk, SimulatedDiskOptions } from "./simulated-disk.ts";
import { simulatedDisk } from "./simulated-disk.ts";

export interface SimulatedRuntimeOptions {
  /** All chance of the world comes from it: the same seed and the same calls give the same history. */
  readonly seed: number;
  /** What the machine's clock shows at first. Default: the first millisecond of 2026. */
  readonly startMs?: number;
  readonly disk?: SimulatedDiskOptions;
  /** Called when a process calls `crash`, after it has ended. Without it the run rejects with {@link ProcessEnded}. */
  readonly onCrash?: (reason: string, cause: unknown) => void;
}

/** One machine, with at most one process on it at a time. */
export interface SimulatedWorld {
  readonly clock: SimulatedClock;
  readonly disk: SimulatedDisk;
  /** Lines of every process. */
  readonly log: MemoryLogger;
  /** Chance for the test's own decisions, apart from that of the processes and the disk. */
  readonly random: Random;

  /** See {@link SimulatedClock.run}. */
  run(untilMs: number): Promise<void>;
  /** See {@link SimulatedClock.runUntilIdle}. */
  runUntilIdle(limitMs?: number): Promise<void>;
  /** See {@link SimulatedClock.finish}. */
  finish<Result>(promise: Promise<Result>): Promise<Result>;

  /** Kills the process, or cuts the power of the machine. Of the old process nothing happens any more. */
  crash(options: { powerCut: boolean }): void;

  /** A new process on the same machine. One that still runs is killed. */
  start(): Runtime;
}

/** The first process of a new world, and the world. */
export type SimulatedRuntime = Runtime & { readonly world: SimulatedWorld };

export function simulatedRuntime(options: SimulatedRuntimeOptions): SimulatedRuntime {
  const world = simulatedWorld(options);
  return { ...world.start(), world };
}

function simulatedWorld({
  seed,
  startMs,
  disk: diskOptions,
  onCrash,
}: SimulatedRuntimeOptions): SimulatedWorld {
  // Each part has chance of its own, so that one more draw in one of them does not change all the others.
  const seeds = seededRandom(seed);
  const part = (): Random => seededRandom(seeds.below(0x1_0000_0000));
  const clock = simulatedClock(startMs === undefined ? {} : { startMs });
  const disk = simulatedDisk(part(), clock, diskOptions);
  const log = memoryLogger();
  const random = part();
  const processes = part();
  let running: ProcessClock | undefined;

  function crash(power: { powerCut: boolean }): void {
    running?.end();
    running = undefined;
    disk.crash(power);
  }

  function start(): Runtime {
    if (running !== undefined) crash({ powerCut: false });
    const processClock: ProcessClock = clock.forProcess(endProcess);
    running = processClock;

    function endProcess(reason: string, cause?: unknown): never {
      const ended = new ProcessEnded(reason, cause);
      // A process that has ended already has nothing more to say.
      if (running !== processClock) throw ended;
      crash({ powerCut: false });
      log.error(`the process ends: ${reason}`, cause === undefined ? {} : { cause: String(cause) });
      if (onCrash === undefined) clock.fail(ended);
      else onCrash(reason, cause);
      throw ended;
    }

    const secrets = seededRandom(processes.below(0x1_0000_0000));
    return {
      clock: processClock,
      random: seededRandom(processes.below(0x1_0000_0000)),
      secrets: { bytes: (count) => secrets.bytes(count) },
      files: disk.files,
      log,
      crash: endProcess,
    };
  }

  return {
    clock,
    disk,
    log,
    random,
    run: (untilMs) => clock.run(untilMs),
    runUntilIdle: (limitMs) => clock.runUntilIdle(limitMs),
    finish: (promise) => clock.finish(promise),
    crash,
    start,
  };
}
