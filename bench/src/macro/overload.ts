/** More than a server can do: whether it holds its memory bound, still answers, loses nothing, and is soon itself again. */
import { setTimeout as sleep } from "node:timers/promises";
import type { BenchContext, Budget, Row } from "../harness/bench.ts";
import { budgets } from "../harness/budgets.ts";
import { median } from "../harness/rounds.ts";
import type { Latencies, LoadPlan } from "../load/plan.ts";
import type { PressurePlan, PressureTotals, PressureWindow } from "../load/pressure-plan.ts";
import { LoadError, runLoadHere } from "../load/run-load.ts";
import { checkTotals, openPressure } from "../load/run-pressure.ts";
import { checkStored } from "./measured-load.ts";
import { unloadedPuts } from "./overload-recovery.ts";
import { watch, type Watched } from "./overload-watch.ts";

const STREAM = "pressed";
const PROBE_STREAM = "probe";
const MB = 1e6;
/**
 * What docs/guides/running-it.md tells operators to add to `--memory`: what any load takes that keeps a server busy (code, heap
 * and young generation), and what connections take. Fixed, so that nothing that grows with a load can hide in it.
 */
const BUSY_SERVER_BYTES = 160 * MB;
const CONNECTION_BYTES = 12_000;

export interface Overload {
  /** What presses, on every connection as fast as answers come. */
  readonly load: Pick<LoadPlan, "protocol" | "recordBytes" | "recordsPerRequest" | "partitionKeys"> &
    Pick<PressurePlan, "operation">;
  readonly shards: number;
  readonly connections: number;
  /** `--memory` of the server. */
  readonly memoryBytes: number;
  /** Above zero: so many requests, and then it ends; for checking. */
  readonly requests: number;
  readonly durationMs: number;
  /** Before anything is measured. */
  readonly idleMs: number;
  /** Puts without a load, to know what they take. */
  readonly probes: number;
}

export interface OverloadRun {
  readonly idleBytes: number;
  readonly watched: Watched;
  readonly window: PressureWindow;
  readonly totals: PressureTotals;
  readonly unloadedMs: Latencies;
  readonly recoveredMs: number;
  readonly recoveryMs: number;
}

/** Presses a server of its own. @throws {LoadError} for errors, broken connections, and records that are not there. */
export async function overload(context: BenchContext, given: Overload): Promise<OverloadRun> {
  const { load, shards, connections, memoryBytes, requests, durationMs, idleMs, probes } = given;
  const server = await context.millrace({ memoryBytes, streams: { [STREAM]: shards, [PROBE_STREAM]: 1 } });
  const { endpoint } = server;
  await sleep(idleMs);
  const idleBytes = server.rssBytes();
  const prober = await unloadedPuts(endpoint, PROBE_STREAM, probes);
  const pressure = await openPressure({
    ...load,
    endpoint,
    streamName: STREAM,
    connections,
    ...(requests > 0 ? { requests } : {}),
  });
  try {
    const endWatch = watch(server);
    await pressure.start();
    if (requests === 0) await sleep(durationMs);
    const ending = requests > 0 ? await pressure.stop() : undefined;
    const window = await pressure.window();
    // What is on its way when the load ends is answered while the server is asked whether it is itself again.
    const stopping = ending === undefined ? pressure.stop() : Promise.resolve(ending);
    const [recoveryMs, totals] = await Promise.all([prober.recovery(), stopping]);
    const watched = await endWatch();
    checkTotals(totals);
    await checkHeld(endpoint, load, totals);
    await checkCount(endpoint, PROBE_STREAM, load.recordBytes, prober.acknowledged, 0);
    await server.stop();
    const { unloadedMs, recoveredMs } = prober;
    return { idleBytes, watched, window, totals, unloadedMs, recoveredMs, recoveryMs };
  } finally {
    pressure.kill();
  }
}

async function checkHeld(
  endpoint: string,
  { recordBytes }: Overload["load"],
  totals: PressureTotals,
): Promise<void> {
  const { acknowledgedRecords, unknownRecords, digest } = totals;
  await checkCount(endpoint, STREAM, recordBytes, acknowledgedRecords, unknownRecords);
  // Digesting what a whole load has stored would take longer than the load.
  if (digest !== undefined && acknowledgedRecords < DIGESTED_RECORDS_MAX && unknownRecords === 0)
    await checkStored(endpoint, STREAM, recordBytes, digest);
}

const DIGESTED_RECORDS_MAX = 10_000;

/** Fails unless a stream holds every acknowledged record, and no more than may be stored. @throws {LoadError} */
export async function checkCount(
  endpoint: string,
  streamName: string,
  recordBytes: number,
  acknowledged: number,
  unknown: number,
): Promise<void> {
  const { records } = await runLoadHere({
    endpoint,
    streamName,
    operation: "GetRecords",
    protocol: "json",
    connections: 4,
    recordBytes,
    passes: 1,
  });
  if (records < acknowledged || records > acknowledged + unknown)
    throw new LoadError(
      `${streamName} holds ${records} records; ${acknowledged} were acknowledged, and of ${unknown} nothing is known`,
    );
}

/** What an overload came to: medians, but for what must hold every time the worst. */
export function overloadRows(
  what: string,
  runs: readonly OverloadRun[],
  { memoryBytes, connections }: Pick<Overload, "memoryBytes" | "connections">,
): Row[] {
  const of = (value: (run: OverloadRun) => number) => median(runs.map(value));
  const worst = (value: (run: OverloadRun) => number) => Math.max(...runs.map(value));
  const row = (name: string, value: number, unit: string, budget?: Budget): Row => ({
    what: `${what}: ${name}`,
    value,
    unit,
    ...(budget === undefined ? {} : { budget }),
  });
  const refused = of(({ window }) => (window.refused.requests * 1_000) / window.elapsedMs);
  const refusedP99Ms = worst(({ window }) => window.refused.latencyMs.p99);
  const besideBytes = BUSY_SERVER_BYTES + connections * CONNECTION_BYTES;
  return [
    row("records", of(acknowledgedRate), "records/s"),
    row(
      "latency p50",
      of(({ window }) => window.stored.latencyMs.p50),
      "ms",
    ),
    row(
      "latency p99",
      of(({ window }) => window.stored.latencyMs.p99),
      "ms",
    ),
    row("refused with 503", refused, "requests/s"),
    ...(refused > 0 ? [row("refused with 503, p99", refusedP99Ms, "ms, worst", budgets.refusedP99Ms)] : []),
    row(
      "health p99",
      worst(({ watched }) => watched.healthMs.p99),
      "ms, worst",
    ),
    row("memory bound", memoryBytes / MB, "MB"),
    row("reserved of it", worst(({ watched }) => watched.reservedBytesMax) / MB, "MB, most seen"),
    row("resident memory, idle", of(({ idleBytes }) => idleBytes) / MB, "MB"),
    row("resident memory, most", worst(({ watched }) => watched.rssPeakBytes) / MB, "MB, worst"),
    row(
      "resident beyond idle, of the bound",
      worst(({ watched, idleBytes }) => watched.rssPeakBytes - idleBytes) / memoryBytes,
      "×, worst",
      budgets.overloadMemoryShare,
    ),
    row(
      "resident beyond 160 MB and 12 KB a connection, of the bound",
      Math.max(0, worst(({ watched }) => watched.rssPeakBytes) - besideBytes) / memoryBytes,
      "×, worst",
      budgets.overloadMemoryShare,
    ),
    row(
      "single put without the load, p50",
      of(({ unloadedMs }) => unloadedMs.p50),
      "ms",
    ),
    row(
      "single put without the load, p99",
      of(({ unloadedMs }) => unloadedMs.p99),
      "ms",
    ),
    row(
      "until a single put is as fast again",
      worst(({ recoveryMs }) => recoveryMs),
      "ms, worst",
      budgets.recoveryAfterOverloadMs,
    ),
  ];
}

export function acknowledgedRate({ window }: Pick<OverloadRun, "window">): number {
  return (window.acknowledgedRecords * 1_000) / window.elapsedMs;
}
