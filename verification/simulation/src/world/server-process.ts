/**
 * The server as one process: journal, service time, streams and the wire service on a runtime, without the
 * listener. What it composes is what the product composes; segments are small so that a short history fills,
 * seals, salvages and drops many of them.
 */
import { kinesis } from "@millrace/api";
import type { Journal } from "@millrace/log";
import { openJournal } from "@millrace/log";
import type { Runtime } from "@millrace/runtime";
import { MemoryBudget, seededRandom, serviceClock, simulatedPorts } from "@millrace/runtime";
import { createStreams } from "@millrace/streams";
import type { Handlers, WireService } from "@millrace/wire";
import { callersFromHeaders, createService, remoteService, servePort } from "@millrace/wire";

export const DATA_DIRECTORY = "/data";

const CLOCK_KEY = "simulation/clock";
const MEMORY_BYTES = 64 << 20;

const SMALL_SEGMENTS = {
  firstSegmentBytes: 32 << 10,
  initialSegmentBytes: 64 << 10,
  maxSegmentBytes: 128 << 10,
  coldSegmentBytes: 96 << 10,
  salvageBytesPerSecond: 0,
  snapshotEveryChangeBytes: 4 << 10,
  cacheBytes: 32 << 10,
  earlyBlockBytes: 2 << 10,
};

export interface ServerOptions {
  /** Whether rates and quotas are those of the service. */
  readonly limits: "aws" | "off";
  /** As in {@link Profile}. */
  readonly protocolThreads: number;
  /** Told of every error of a handler that is no answer. */
  readonly onBug: (error: unknown) => void;
}

export interface ServerProcess {
  readonly service: WireService;
  readonly journal: Journal;
  serviceNowMs(): number;
  /** How far service time is ahead of the machine's. */
  offsetMs(): number;
  /**
   * Moves service time forward; the move is durable before anything falls due by it. False when it could not
   * be stored and was not made.
   */
  advance(durationMs: number): Promise<boolean>;
  /** Stops cleanly. Requests must have ended before. */
  stop(): Promise<void>;
}

/** Starts the server on what the disk holds; rejects when the data directory cannot be opened. */
export async function startServer(runtime: Runtime, options: ServerOptions): Promise<ServerProcess> {
  const { log, random, secrets } = runtime;
  const clock = serviceClock(runtime.clock);
  const memory = new MemoryBudget(MEMORY_BYTES);
  const journal = await openJournal(runtime, {
    directory: DATA_DIRECTORY,
    serviceClock: clock,
    memory,
    ...SMALL_SEGMENTS,
  });
  const kept = journal.state.get(CLOCK_KEY);
  if (kept !== undefined) clock.restore(Number(kept.value));
  const streams = await createStreams(
    { clock, random, secrets, log, engine: journal, memory },
    { limits: { mode: options.limits } },
  );
  const service = createService({
    contract: kinesis,
    // Only operations that are served are ever called.
    handlers: streams.handlers as Handlers<typeof kinesis>,
    callers: callersFromHeaders(),
    clock: runtime.clock,
    random,
    log,
    onBug: options.onBug,
  });
  return {
    service: throughThreads(runtime, service, options.protocolThreads),
    journal,
    serviceNowMs: () => clock.nowMs(),
    offsetMs: () => clock.offsetMs(),
    async advance(durationMs) {
      const value = String(clock.offsetMs() + durationMs);
      const outcome = await journal.state.commit({ puts: [[CLOCK_KEY, value]] });
      if (outcome.kind !== "committed") return false;
      await clock.advance(durationMs);
      return true;
    },
    async stop() {
      await streams.close();
      await journal.close();
    },
  };
}

/** Requests come through threads that the seed schedules; a connection to any of them is as good as to another. */
function throughThreads(runtime: Runtime, service: WireService, count: number): WireService {
  if (count === 0) return service;
  const random = seededRandom(runtime.random.below(0x1_0000_0000));
  const threads = Array.from({ length: count }, () => {
    const [here, there] = simulatedPorts({ clock: runtime.clock, random });
    servePort(there, service, runtime.log);
    return remoteService(here, { findRecords: true });
  });
  return (request) => threads[random.below(count)]!(request);
}
