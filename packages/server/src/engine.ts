import { DamagedJournalError, memoryEngine, openJournal } from "@millrace/log";
import type { Journal, LogEngine } from "@millrace/log";
import type { Broker } from "@millrace/log-jetstream";
import type { MemoryBudget, Runtime } from "@millrace/runtime";
import { openCluster } from "./cluster.ts";
import { DamagedDataError } from "./damage/damage-text.ts";
import type { ServerOptions } from "./options/declarations.ts";

/**
 * Consumers that keep up read what was put seconds ago, and the system's page cache stands behind this one. A larger
 * one would make puts write to memory that nobody has touched yet for as long as it grows, which costs several times
 * what filling it does.
 */
const TAIL_CACHE_BYTES_MAX = 256 << 20;

/** What blocks are put together in, and what lies idle for reads, is so much of the bound; beyond this it brings nothing more. */
const BLOCK_SHARE = 1 / 16;
const BLOCK_BYTES_MAX = 8 << 20;
const IDLE_READ_SHARE = 1 / 8;
/** A few reads side by side, which is what would be taken anew for each of them otherwise. */
const IDLE_READ_BYTES_MIN = 8 << 20;
const IDLE_READ_BYTES_MAX = 32 << 20;

export interface EngineSurroundings {
  /** A cluster to use instead of one that is connected to. */
  readonly broker?: Broker;
  readonly machineName?: string;
  readonly version?: string;
}

export interface EngineChoice {
  readonly options: ServerOptions;
  readonly memory: MemoryBudget;
  /** Service time, by which arrivals are stamped. */
  readonly clock: { nowMs(): number };
  readonly surroundings: EngineSurroundings;
}

export interface OpenedEngine {
  readonly engine: LogEngine;
  /** The same when it keeps something that can be backed up. */
  readonly journal: Journal | undefined;
}

/**
 * Opens what keeps the records.
 *
 * @throws {DamagedDataError}; `DirectoryInUseError` and `UnknownFormatError` of the journal; {@link ClusterRefusedError}.
 */
export async function openEngine(
  runtime: Runtime,
  { options, memory, clock, surroundings }: EngineChoice,
): Promise<OpenedEngine> {
  const { dataDir, durability, engine } = options;
  if (engine === "jetstream") {
    return {
      engine: await openCluster(runtime, options, { memory, clock, ...surroundings }),
      journal: undefined,
    };
  }
  if (durability === "memory") {
    runtime.log.warn(
      "durability is memory: nothing is written to disk, and everything is lost when the server ends",
    );
    // Records are all that such a server holds, so they get the budget's size once more beside it. Past it
    // puts are refused as on a full disk.
    return { engine: memoryEngine({ clock, maxBytes: memory.limitBytes }), journal: undefined };
  }
  try {
    const journal = await openJournal(runtime, {
      directory: dataDir,
      serviceClock: clock,
      memory,
      cacheBytes: Math.min(Math.floor(memory.limitBytes / 2), TAIL_CACHE_BYTES_MAX),
      blockBytes: Math.min(Math.floor(memory.limitBytes * BLOCK_SHARE), BLOCK_BYTES_MAX),
      idleReadBytes: Math.min(
        Math.max(Math.floor(memory.limitBytes * IDLE_READ_SHARE), IDLE_READ_BYTES_MIN),
        IDLE_READ_BYTES_MAX,
      ),
    });
    return { engine: journal, journal };
  } catch (error) {
    throw error instanceof DamagedJournalError ? new DamagedDataError(dataDir, error) : error;
  }
}
