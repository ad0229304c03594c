/** What a protocol thread adds. */
import { availableParallelism } from "node:os";
import type { KinesisClient } from "@millrace/client";
import { type Bench, bench, type BenchContext, type Row } from "../harness/bench.ts";
import { budgets } from "../harness/budgets.ts";
import { inTurns, median } from "../harness/rounds.ts";
import type { LoadPlan } from "../load/plan.ts";
import { cpuMsOfThreads } from "../servers/process-usage.ts";
import type { ServerProcess } from "../servers/server-process.ts";
import {
  checkStored,
  digestOfLoads,
  endOf,
  loadRows,
  type MeasuredLoad,
  measureLoad,
  recordRate,
  withClient,
} from "./measured-load.ts";

const sizes = {
  smoke: { shards: 4, requests: 10, durationMs: 0, warmUpMs: 0, limitedSeconds: 1 },
  full: { shards: 50, requests: 0, durationMs: 4_000, warmUpMs: 1_000, limitedSeconds: 10 },
} as const;

/** Where a process spends its time, in cores: the thread that it began with, the busiest of the others, and the rest. */
interface Shares {
  readonly first: number;
  readonly second: number;
  readonly rest: number;
}

interface ThreadedLoad extends MeasuredLoad {
  readonly shares: Shares;
}

const KINDS: readonly { readonly name: string; readonly plan: Omit<LoadPlan, "endpoint" | "streamName"> }[] =
  [
    {
      name: "PutRecords JSON",
      plan: {
        operation: "PutRecords",
        protocol: "json",
        connections: 8,
        recordBytes: 1_024,
        recordsPerRequest: 500,
        partitionKeys: { count: 16_000, seed: 21 },
      },
    },
    {
      name: "PutRecord",
      plan: {
        operation: "PutRecord",
        protocol: "json",
        connections: 32,
        recordBytes: 1_024,
        partitionKeys: { count: 10_000, seed: 22 },
      },
    },
  ];

async function measureThreads(server: ServerProcess, plan: LoadPlan): Promise<ThreadedLoad> {
  const [pid] = server.pids as [number];
  const before = cpuMsOfThreads(pid);
  const measured = await measureLoad(server, plan);
  const after = cpuMsOfThreads(pid);
  const wallMs = measured.load.elapsedMs + (plan.warmUpMs ?? 0);
  const used = [...after].map(([id, cpuMs]) => ({ id, cores: (cpuMs - (before.get(id) ?? 0)) / wallMs }));
  const first = used.find(({ id }) => id === pid)?.cores ?? 0;
  const others = used.filter(({ id }) => id !== pid).map(({ cores }) => cores);
  const second = Math.max(0, ...others);
  const rest = others.reduce((sum, cores) => sum + cores, 0) - second;
  return { ...measured, shares: { first, second, rest } };
}

function shareRows(name: string, runs: readonly ThreadedLoad[]): Row[] {
  const cores = (what: string, of: (run: ThreadedLoad) => number): Row => ({
    what: `${name}, 2 threads: ${what}`,
    value: median(runs.map(of)),
    unit: "cores",
  });
  return [
    cores("the thread that serves", ({ shares }) => shares.first),
    cores("the protocol thread", ({ shares }) => shares.second),
    cores("writes and collection of garbage", ({ shares }) => shares.rest),
  ];
}

async function measureKind(
  context: BenchContext,
  size: {
    readonly shards: number;
    readonly requests: number;
    readonly durationMs: number;
    readonly warmUpMs: number;
  },
  { name, plan }: (typeof KINDS)[number],
) {
  const streamName = plan.operation.toLowerCase();
  const streams = { [streamName]: size.shards };
  const [one, two] = await Promise.all([
    context.millrace({ streams, threads: 1 }),
    context.millrace({ streams, threads: 2 }),
  ]);
  const load = (threads: number, server: ServerProcess) => (round: number) => {
    context.progress(`${name} with ${threads} thread(s): round ${round + 1} of ${context.rounds}`);
    return measureThreads(server, { ...plan, endpoint: server.endpoint, streamName, ...endOf(size) });
  };
  const runs = await inTurns(context.rounds, { one: load(1, one), two: load(2, two) });
  if (size.requests > 0)
    await checkStored(two.endpoint, streamName, plan.recordBytes, digestOfLoads(runs.two));
  await Promise.all([one.stop(), two.stop()]);
  const cores = availableParallelism();
  return {
    runs: [...runs.one, ...runs.two],
    rows: [
      ...loadRows(`${name}, 1 thread`, runs.one),
      ...loadRows(`${name}, 2 threads`, runs.two),
      ...shareRows(name, runs.two),
      {
        what: `${name}, 2 threads: the machine, of its ${cores} cores`,
        value: median(runs.two.map((run) => (run.serverCores + run.generatorCores) / cores)),
        unit: "×",
      },
      {
        what: `${name}: 2 threads, of the rate of 1`,
        value: median(runs.two.map((run, round) => recordRate(run) / recordRate(runs.one[round]!))),
        unit: "×",
        budget: cores >= 4 ? budgets.secondThreadFreeCores : budgets.secondThreadTwoCores,
      },
    ] satisfies Row[],
  };
}

const LIMITED_STREAM = "limited";
const LIMITED_THREADS = 4;

/**
 * What a shard takes in a second with the limits of the service, asked for more through every thread. A second's
 * allowance is given out at its beginning, so whole seconds are counted from the middle of one to the middle of another.
 */
async function measureLimit(context: BenchContext, { limitedSeconds }: { readonly limitedSeconds: number }) {
  const server = await context.millrace({
    streams: { [LIMITED_STREAM]: 1 },
    threads: LIMITED_THREADS,
    limits: "aws",
  });
  context.progress(`the rate of one shard through ${LIMITED_THREADS} threads, for ${limitedSeconds} s`);
  const Records = Array.from({ length: 100 }, () => ({ PartitionKey: "a", Data: Buffer.from("x") }));
  let isOver = false;
  const asking = Array.from({ length: 8 }, () =>
    withClient(server.endpoint, async (client) => {
      while (!isOver) await client.putRecords({ StreamName: LIMITED_STREAM, Records });
    }),
  );
  const arrivals = await withClient(server.endpoint, (client) =>
    arrivalsOf(client, LIMITED_STREAM, limitedSeconds * 1_000 + 1_000),
  );
  isOver = true;
  await Promise.all(asking);
  await server.stop();
  const fromMs = arrivals[0]! + 500;
  const counted = arrivals.filter((atMs) => atMs > fromMs && atMs <= fromMs + limitedSeconds * 1_000);
  return counted.length / limitedSeconds;
}

/** When the records of a shard arrived, until they come `durationMs` after the first one. */
async function arrivalsOf(client: KinesisClient, StreamName: string, durationMs: number): Promise<number[]> {
  const { ShardIterator } = await client.getShardIterator({
    StreamName,
    ShardId: "shardId-000000000000",
    ShardIteratorType: "TRIM_HORIZON",
  });
  const arrivals: number[] = [];
  for (let iterator = ShardIterator; iterator !== undefined;) {
    const answer = await client.getRecords({ ShardIterator: iterator });
    for (const record of answer.Records) arrivals.push(record.ApproximateArrivalTimestamp!);
    if (arrivals.length > 0 && arrivals.at(-1)! - arrivals[0]! > durationMs) break;
    iterator = answer.NextShardIterator;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  return arrivals;
}

export const threads: Bench = bench({
  name: "threads",
  kind: "macro",
  question: "What does a second thread add, and where is the time spent?",
  sizes,
  smokeDigest: "eac557e381c37f32",
  async run(size, context) {
    const rows: Row[] = [];
    const runs: MeasuredLoad[] = [];
    for (const kind of KINDS) {
      const measured = await measureKind(context, size, kind);
      rows.push(...measured.rows);
      runs.push(...measured.runs);
    }
    rows.push({
      what: `limits of AWS, ${LIMITED_THREADS} threads: what one shard takes`,
      value: await measureLimit(context, size),
      unit: "records/s",
      budget: budgets.shardRecordsPerSecond,
    });
    return { rows, digest: digestOfLoads(runs) };
  },
});
