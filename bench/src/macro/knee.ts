/** How much is too much, and what happens then. */
import { setTimeout as sleep } from "node:timers/promises";
import { LISTENER_LIMITS } from "@millrace/wire";
import { type Bench, bench, type BenchContext, type Row } from "../harness/bench.ts";
import { budgets } from "../harness/budgets.ts";
import { digestOf } from "../harness/digest.ts";
import { formatNumber } from "../harness/table.ts";
import { inTurns, median } from "../harness/rounds.ts";
import type { PressureWindow } from "../load/pressure-plan.ts";
import { checkTotals, openPressure } from "../load/run-pressure.ts";
import { doublings, kneeOf } from "./knee-point.ts";
import { acknowledgedRate, checkCount, type Overload, overload, overloadRows } from "./overload.ts";
import { throttling, throttlingRows } from "./overload-throttles.ts";

/** Times the connections of the knee, and times the rate of a shard. */
const BEYOND = 10;
const MIB = 1_048_576;

type Kind = "PutRecords" | "PutRecord";

interface StepSize {
  readonly shards: number;
  readonly recordBytes: number;
  readonly requests: number;
  readonly stepMs: number;
  readonly warmUpMs: number;
}

interface OverloadSize extends Pick<StepSize, "shards" | "recordBytes" | "requests"> {
  readonly recordsPerRequest: number;
  readonly overloadMs: number;
  readonly idleMs: number;
  readonly probes: number;
  readonly memoryMiB: number;
  /** Beyond those that are held or wait; none: left out. */
  readonly refusedConnections: number;
}

interface StepRun {
  readonly window: PressureWindow;
  readonly digest: string | undefined;
}

function loadOf(operation: Kind, recordBytes: number, recordsPerRequest: number): Overload["load"] {
  return {
    operation,
    protocol: "json",
    recordBytes,
    ...(operation === "PutRecords" ? { recordsPerRequest } : {}),
    partitionKeys: { count: 16_000, seed: 21 },
  };
}

/** One round: the same server, and more connections at each step. */
async function sweep(
  context: BenchContext,
  load: Overload["load"],
  steps: readonly number[],
  size: StepSize,
): Promise<StepRun[]> {
  const { shards, recordBytes, requests, stepMs, warmUpMs } = size;
  const streamName = "stepped";
  const server = await context.millrace({ streams: { [streamName]: shards } });
  const runs: StepRun[] = [];
  let acknowledged = 0;
  let unknown = 0;
  for (const connections of steps) {
    const pressure = await openPressure({
      ...load,
      endpoint: server.endpoint,
      streamName,
      connections,
      ...(requests > 0 ? { requests } : {}),
    });
    try {
      await pressure.start();
      if (requests === 0) {
        await sleep(warmUpMs);
        await pressure.window();
        await sleep(stepMs);
      }
      const ended = requests > 0 ? await pressure.stop() : undefined;
      const window = await pressure.window();
      const totals = ended ?? (await pressure.stop());
      checkTotals(totals);
      acknowledged += totals.acknowledgedRecords;
      unknown += totals.unknownRecords;
      runs.push({ window, digest: totals.digest });
      const { p50, p99 } = window.stored.latencyMs;
      context.progress(
        `${load.operation}, ${connections} connections: ${formatNumber(acknowledgedRate({ window }))} records/s, p50 ${formatNumber(p50)} ms, p99 ${formatNumber(p99)} ms`,
      );
    } finally {
      pressure.kill();
    }
  }
  await checkCount(server.endpoint, streamName, recordBytes, acknowledged, unknown);
  await server.stop();
  return runs;
}

interface Part {
  readonly rows: readonly Row[];
  readonly digests: readonly string[];
}

interface Stepped extends Part {
  readonly knee: { readonly connections: number; readonly rate: number };
}

async function stepUp(
  context: BenchContext,
  load: Overload["load"],
  connectionsMax: number,
  size: StepSize,
): Promise<Stepped> {
  const steps = doublings(connectionsMax);
  const { runs } = await inTurns(context.rounds, { runs: () => sweep(context, load, steps, size) });
  const of = (index: number, value: (run: StepRun) => number) =>
    median(runs.map((round) => value(round[index]!)));
  const rates = steps.map((connections, index) => ({ connections, rate: of(index, acknowledgedRate) }));
  const knee = kneeOf(rates);
  const rows = rates.flatMap(({ connections, rate }, index): Row[] => [
    { what: `${load.operation}, ${connections} connections: records`, value: rate, unit: "records/s" },
    {
      what: `${load.operation}, ${connections} connections: latency p50`,
      value: of(index, ({ window }) => window.stored.latencyMs.p50),
      unit: "ms",
    },
    {
      what: `${load.operation}, ${connections} connections: latency p99`,
      value: of(index, ({ window }) => window.stored.latencyMs.p99),
      unit: "ms",
    },
  ]);
  rows.push({ what: `${load.operation}: knee`, value: knee.connections, unit: "connections" });
  return { rows, knee, digests: runs.flat().flatMap(({ digest }) => digest ?? []) };
}

export const knee: Bench = bench({
  name: "knee",
  kind: "macro",
  question: "From how many connections on do puts get no faster, and what happens at ten times as many?",
  sizes: {
    smoke: {
      shards: 4,
      recordBytes: 1_024,
      recordsPerRequest: 50,
      batchConnections: 2,
      singleConnections: 2,
      requests: 20,
      stepMs: 0,
      warmUpMs: 0,
      overloadMs: 0,
      idleMs: 0,
      probes: 5,
      memoryMiB: 32,
      refusedConnections: 0,
      throttledRecordBytes: 1_024,
      throttledRecordsPerRequest: 500,
      throttledConnections: 4,
    },
    full: {
      shards: 50,
      recordBytes: 1_024,
      recordsPerRequest: 500,
      batchConnections: 64,
      singleConnections: 256,
      requests: 0,
      stepMs: 1_200,
      warmUpMs: 400,
      overloadMs: 5_000,
      idleMs: 1_000,
      probes: 200,
      memoryMiB: 32,
      refusedConnections: 100,
      throttledRecordBytes: 20_480,
      throttledRecordsPerRequest: 1,
      throttledConnections: 64,
    },
  },
  smokeDigest: "8e2ddf73ad31bc04",
  async run(size, context) {
    const press = (operation: Kind, connectionsMax: number) => async (): Promise<Part> => {
      const load = loadOf(operation, size.recordBytes, size.recordsPerRequest);
      const stepped = await stepUp(context, load, connectionsMax, size);
      const connections = BEYOND * stepped.knee.connections;
      const what = `${operation}, ${BEYOND} × the knee`;
      const beyond = await pressBeyond(context, { what, load, connections }, size);
      const share: Row = {
        what: `${what}: records, of the knee's`,
        value: beyond.rate / stepped.knee.rate,
        unit: "×",
      };
      return {
        rows: [...stepped.rows, ...beyond.rows, share],
        digests: [...stepped.digests, ...beyond.digests],
      };
    };
    const parts = [
      press("PutRecords", size.batchConnections),
      press("PutRecord", size.singleConnections),
      () => refuse(context, size),
      () => throttle(context, size),
    ];
    const done: Part[] = [];
    // Nothing is measured with a fixed number of requests: then the parts need not have the machine to themselves.
    if (size.requests > 0) done.push(...(await Promise.all(parts.map((part) => part()))));
    else for (const part of parts) done.push(await part());
    return {
      rows: done.flatMap(({ rows }) => rows),
      digest: digestOf(...done.flatMap(({ digests }) => digests)),
    };
  },
});

async function pressBeyond(
  context: BenchContext,
  { what, load, connections }: Pick<Overload, "load" | "connections"> & { readonly what: string },
  size: OverloadSize,
): Promise<Part & { readonly rate: number }> {
  const memoryBytes = size.memoryMiB * MIB;
  const { runs } = await inTurns(context.rounds, {
    runs: (round) => {
      context.progress(
        `${what}: ${connections} connections, --memory ${size.memoryMiB}MiB: round ${round + 1} of ${context.rounds}`,
      );
      return overload(context, {
        load,
        shards: size.shards,
        connections,
        memoryBytes,
        requests: size.requests,
        durationMs: size.overloadMs,
        idleMs: size.idleMs,
        probes: size.probes,
      });
    },
  });
  return {
    rows: overloadRows(what, runs, { memoryBytes, connections }),
    rate: median(runs.map(acknowledgedRate)),
    digests: runs.flatMap(({ totals }) => totals.digest ?? []),
  };
}

/** Further still: more requests than may be held and than may wait for memory, so that some are refused. */
async function refuse(context: BenchContext, size: OverloadSize): Promise<Part> {
  if (size.refusedConnections === 0) return { rows: [], digests: [] };
  const load = loadOf("PutRecords", size.recordBytes, size.recordsPerRequest);
  const bodyBytes = (size.recordsPerRequest * size.recordBytes * 4) / 3;
  const held = Math.ceil((size.memoryMiB * MIB) / bodyBytes);
  const connections = held + LISTENER_LIMITS.memoryWaiterCountMax + size.refusedConnections;
  const pressed = await pressBeyond(
    context,
    { what: "PutRecords, more than may wait", load, connections },
    size,
  );
  return {
    // A second is promised of ten times the knee, and so is the memory.
    rows: pressed.rows.map(({ budget, ...row }) =>
      budget === budgets.refusedP99Ms ? { ...row, budget } : row,
    ),
    digests: pressed.digests,
  };
}

async function throttle(
  context: BenchContext,
  size: {
    readonly requests: number;
    readonly overloadMs: number;
    readonly throttledRecordBytes: number;
    readonly throttledRecordsPerRequest: number;
    readonly throttledConnections: number;
  },
): Promise<Part> {
  const { runs } = await inTurns(context.rounds, {
    runs: (round) => {
      context.progress(`10 × the rate of a shard: round ${round + 1} of ${context.rounds}`);
      return throttling(context, {
        connections: size.throttledConnections,
        recordBytes: size.throttledRecordBytes,
        recordsPerRequest: size.throttledRecordsPerRequest,
        requests: size.requests,
        timesTheRate: BEYOND,
        durationMs: size.overloadMs,
      });
    },
  });
  // How much of it is throttled is a matter of time.
  return {
    rows: throttlingRows(`one shard with limits, ${BEYOND} × its rate`, runs, size.throttledRecordBytes),
    digests: [],
  };
}
