/** More than a shard may take: whether throttles are answered fast, and what is let through is what the limit says. */
import { setTimeout as sleep } from "node:timers/promises";
import { limits } from "@millrace/streams";
import type { BenchContext, Row } from "../harness/bench.ts";
import { budgets } from "../harness/budgets.ts";
import { median } from "../harness/rounds.ts";
import type { PressurePlan, PressureTotals, PressureWindow } from "../load/pressure-plan.ts";
import { LoadError } from "../load/run-load.ts";
import { checkTotals, openPressure } from "../load/run-pressure.ts";
import { checkCount } from "./overload.ts";

const STREAM = "throttled";

export interface Throttling {
  readonly connections: number;
  readonly recordBytes: number;
  /** One: by PutRecord. More: by PutRecords. */
  readonly recordsPerRequest: number;
  /** Above zero: so many, and then it ends; for checking. */
  readonly requests: number;
  /** Of the bytes that one shard takes in a second. */
  readonly timesTheRate: number;
  readonly durationMs: number;
}

export interface ThrottlingRun {
  readonly window: PressureWindow;
  readonly totals: PressureTotals;
}

/** Presses one shard of a server that has the limits of the service. @throws {LoadError} also when nothing was throttled. */
export async function throttling(context: BenchContext, given: Throttling): Promise<ThrottlingRun> {
  const { connections, recordBytes, recordsPerRequest, requests, timesTheRate, durationMs } = given;
  const server = await context.millrace({
    limits: "aws",
    // What was stored is read back as fast as it goes.
    limitOverrides: { shardReadBytes: "off", shardReadCalls: "off" },
    streams: { [STREAM]: 1 },
  });
  const { endpoint } = server;
  // By bytes and not by records, so that a few hundred requests are enough, and the machine is not what is measured.
  const recordsPerSecond = (limits.shardWriteBytes.default * timesTheRate) / recordBytes;
  const plan: PressurePlan = {
    endpoint,
    streamName: STREAM,
    operation: recordsPerRequest === 1 ? "PutRecord" : "PutRecords",
    protocol: "json",
    connections,
    recordBytes,
    recordsPerRequest,
    partitionKeys: { count: 1_000, seed: 22 },
    requestsPerSecond: recordsPerSecond / recordsPerRequest,
    ...(requests > 0 ? { requests } : {}),
  };
  const pressure = await openPressure(plan);
  try {
    await pressure.start();
    if (requests === 0) await sleep(durationMs);
    const ended = requests > 0 ? await pressure.stop() : undefined;
    const window = await pressure.window();
    const totals = ended ?? (await pressure.stop());
    checkTotals(totals);
    if (totals.throttledRecords === 0)
      throw new LoadError(`nothing was throttled at ${timesTheRate} times the rate of a shard`);
    await checkCount(endpoint, STREAM, recordBytes, totals.acknowledgedRecords, totals.unknownRecords);
    await server.stop();
    return { window, totals };
  } finally {
    pressure.kill();
  }
}

export function throttlingRows(what: string, runs: readonly ThrottlingRun[], recordBytes: number): Row[] {
  const of = (value: (run: ThrottlingRun) => number) => median(runs.map(value));
  const perSecond = (count: number, { window }: ThrottlingRun) => (count * 1_000) / window.elapsedMs;
  return [
    {
      what: `${what}: acknowledged, of its rate`,
      value:
        of((run) => perSecond(run.window.acknowledgedRecords * recordBytes, run)) /
        limits.shardWriteBytes.default,
      unit: "×",
    },
    {
      what: `${what}: throttled`,
      value: of((run) => perSecond(run.window.throttled.requests, run)),
      unit: "requests/s",
    },
    {
      what: `${what}: throttled, p50`,
      value: of(({ window }) => window.throttled.latencyMs.p50),
      unit: "ms",
    },
    {
      what: `${what}: throttled, p99`,
      value: of(({ window }) => window.throttled.latencyMs.p99),
      unit: "ms",
      budget: budgets.throttledP99Ms,
    },
    {
      what: `${what}: acknowledged, p99`,
      value: of(({ window }) => window.stored.latencyMs.p99),
      unit: "ms",
    },
  ];
}
