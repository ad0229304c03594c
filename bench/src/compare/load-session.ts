/** Servers under the load generator: what a turn is for most scenarios. */
import type { LoadPlan } from "../load/plan.ts";
import { runLoad } from "../load/run-load.ts";
import { measureLoad } from "../macro/measured-load.ts";
import type { BenchServer, RunningServer } from "../servers/bench-server.ts";
import { createStream, trimHorizons } from "./control.ts";
import type { Figures, Session } from "./scenario.ts";

export const STREAM = "bench";

/** Ceilings stand before a server in which the stream is. */
export type ServerUnderLoad = RunningServer & { readonly upstreamEndpoint?: string };

export interface LoadShape {
  readonly operation: LoadPlan["operation"];
  readonly protocol: LoadPlan["protocol"];
  readonly connections: number;
  readonly recordBytes: number;
  readonly recordsPerRequest: number;
}

export interface LoadTimes {
  readonly warmUpMs: number;
  readonly durationMs: number;
}

/** Different keys, so that records meet every shard. */
const PARTITION_KEYS = { count: 10_000, seed: 1 };
/**
 * A request that is under way when a turn begins or ends is not counted, so a turn is this many times as long as a
 * request; for the slowest that is an error of a tenth against them.
 */
const REQUESTS_PER_TURN = 10;
const TURN_MS_MAX = 20_000;
const TRIAL_REQUESTS_PER_CONNECTION = 2;

/** Starts the server and creates the stream that the load is for. */
export async function startWithStream(server: BenchServer, shardCount: number): Promise<ServerUnderLoad> {
  const running: ServerUnderLoad = await server.start();
  try {
    await createStream(running.upstreamEndpoint ?? running.endpoint, STREAM, shardCount);
    return running;
  } catch (error) {
    await running.stop().catch(() => undefined);
    throw error;
  }
}

/** A server that takes puts as fast as it answers them; its value is records in a second. */
export function putSession(running: ServerUnderLoad, shape: LoadShape, times: LoadTimes): Session {
  const plan: LoadPlan = {
    endpoint: running.endpoint,
    streamName: STREAM,
    partitionKeys: PARTITION_KEYS,
    ...shape,
  };
  return {
    pids: running.pids,
    trial: async () => {
      const { latencyMs } = await runLoad({
        ...plan,
        requests: shape.connections * TRIAL_REQUESTS_PER_CONNECTION,
      });
      return turnMs(latencyMs.max, times);
    },
    turn: async (durationMs) => {
      const measured = await measureLoad(running, { ...plan, warmUpMs: times.warmUpMs, durationMs });
      const { load } = measured;
      return { ...figuresOf(measured), value: (load.records * 1_000) / load.elapsedMs };
    },
    close: () => running.stop(),
  };
}

/** A server that is read from TRIM_HORIZON to the tip, again and again; its value is megabytes of data in a second. */
export function getSession(
  running: ServerUnderLoad,
  shape: Omit<LoadShape, "operation" | "recordsPerRequest">,
  times: LoadTimes,
): Session {
  // Iterators live for five minutes, so each turn begins with new ones.
  const plan = async (): Promise<LoadPlan> => ({
    endpoint: running.endpoint,
    streamName: STREAM,
    operation: "GetRecords",
    ...shape,
    target: { shardIterators: await trimHorizons(running.endpoint, STREAM) },
  });
  return {
    pids: running.pids,
    trial: async () => {
      const { latencyMs } = await runLoad({ ...(await plan()), passes: 1 });
      return turnMs(latencyMs.max, times);
    },
    turn: async (durationMs) => {
      const measured = await measureLoad(running, {
        ...(await plan()),
        warmUpMs: times.warmUpMs,
        durationMs,
      });
      return { ...figuresOf(measured), value: measured.load.bytes / measured.load.elapsedMs / 1_000 };
    },
    close: () => running.stop(),
  };
}

/** Stores records for readers. They go to the server itself where a ceiling stands before it. */
export async function fillStream(
  running: ServerUnderLoad,
  recordCount: number,
  recordBytes: number,
): Promise<void> {
  const recordsPerRequest = Math.min(500, recordCount);
  const { records } = await runLoad({
    endpoint: running.upstreamEndpoint ?? running.endpoint,
    streamName: STREAM,
    operation: "PutRecords",
    protocol: "json",
    connections: 4,
    recordBytes,
    recordsPerRequest,
    partitionKeys: PARTITION_KEYS,
    requests: Math.ceil(recordCount / recordsPerRequest),
  });
  if (records < recordCount) throw new Error(`only ${records} of ${recordCount} records were stored`);
}

function turnMs(latencyMaxMs: number, { durationMs }: LoadTimes): number {
  return Math.round(Math.max(durationMs, Math.min(TURN_MS_MAX, latencyMaxMs * REQUESTS_PER_TURN)));
}

function figuresOf({
  load,
  serverCores,
  generatorCores,
}: Awaited<ReturnType<typeof measureLoad>>): Omit<Figures, "value"> {
  return { p50Ms: load.latencyMs.p50, p99Ms: load.latencyMs.p99, serverCores, generatorCores };
}
