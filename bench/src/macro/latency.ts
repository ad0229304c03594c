/** How long a record takes from its producer to a reader. */
import { type Bench, bench, type Row } from "../harness/bench.ts";
import { budgets } from "../harness/budgets.ts";
import { digestOf } from "../harness/digest.ts";
import { inTurns, median } from "../harness/rounds.ts";
import type { LatencyPlan, LatencyResult } from "../load/latency-plan.ts";
import { runLatencyProbe } from "../load/run-load.ts";
import type { ServerProcess } from "../servers/server-process.ts";
import { withClient } from "./measured-load.ts";

const STREAM = "bench";

interface LatencySize {
  readonly records: number;
  readonly warmUpRecords: number;
  readonly recordBytes: number;
  readonly recordsPerSecond: number;
}

interface MeasuredLatency {
  readonly result: LatencyResult;
  readonly serverCpuMs: number;
}

async function probe(
  server: ServerProcess,
  { records, warmUpRecords, recordBytes, recordsPerSecond }: LatencySize,
  receive: LatencyPlan["receive"],
): Promise<MeasuredLatency> {
  const cpuBeforeMs = server.cpuMs();
  const result = await runLatencyProbe({
    endpoint: server.endpoint,
    streamName: STREAM,
    receive,
    records,
    warmUpRecords,
    recordBytes,
    recordsPerSecond,
  });
  return { result, serverCpuMs: server.cpuMs() - cpuBeforeMs };
}

function latencyRows(what: string, size: LatencySize, runs: readonly MeasuredLatency[]): Row[] {
  const of = (value: (run: MeasuredLatency) => number) => median(runs.map(value));
  return [
    { what: `${what}, p50`, value: of(({ result }) => result.latencyMs.p50), unit: "ms" },
    { what: `${what}, p99`, value: of(({ result }) => result.latencyMs.p99), unit: "ms" },
    { what: `${what}, put itself, p50`, value: of(({ result }) => result.putLatencyMs.p50), unit: "ms" },
    {
      what: `${what}, pace`,
      value: of(({ result }) => (size.records * 1_000) / result.elapsedMs),
      unit: "records/s",
    },
    {
      what: `${what}, server`,
      value: of(({ result, serverCpuMs }) => serverCpuMs / result.elapsedMs),
      unit: "cores",
    },
    {
      what: `${what}, probe`,
      value: of(({ result }) => result.cpuMs / result.elapsedMs),
      unit: "cores",
    },
  ];
}

function withBudget(rows: readonly Row[], what: string, budget: Row["budget"]): Row[] {
  return rows.map((row) => (row.what === what && budget !== undefined ? { ...row, budget } : row));
}

/** Digests of the rounds, which all put the same records. */
function digestOfProbes(runs: readonly MeasuredLatency[]): string {
  return digestOf(...new Set(runs.map(({ result }) => result.digest)));
}

export const pollLatency: Bench = bench({
  name: "poll-latency",
  kind: "macro",
  question: "How long does a record take from its put to a GetRecords that is repeated every millisecond?",
  sizes: {
    smoke: { records: 50, warmUpRecords: 5, recordBytes: 100, recordsPerSecond: 1_000, pollPauseMs: 1 },
    full: { records: 1_000, warmUpRecords: 100, recordBytes: 1_024, recordsPerSecond: 200, pollPauseMs: 1 },
  },
  smokeDigest: "68613a12abf49c48",
  async run(size, context) {
    const server = await context.millrace({ streams: { [STREAM]: 1 } });
    const { runs } = await inTurns(context.rounds, {
      runs: (round) => {
        context.progress(`round ${round + 1} of ${context.rounds}`);
        return probe(server, size, { by: "poll", pauseMs: size.pollPauseMs });
      },
    });
    const rows = withBudget(
      latencyRows("put to poll", size, runs),
      "put to poll, p50",
      budgets.putToPollP50Ms,
    );
    return { rows, digest: digestOfProbes(runs) };
  },
});

export const fanOutLatency: Bench = bench({
  name: "fan-out-latency",
  kind: "macro",
  question:
    "How long does a record take from its put to the event of a fan-out consumer, and what do ten cost?",
  sizes: {
    smoke: { records: 50, warmUpRecords: 5, recordBytes: 100, recordsPerSecond: 1_000, consumers: 3 },
    full: {
      records: 5_000,
      warmUpRecords: 1_000,
      recordBytes: 1_024,
      recordsPerSecond: 1_000,
      consumers: 10,
    },
  },
  smokeDigest: "68613a12abf49c48",
  async run(size, context) {
    const server = await context.millrace({ streams: { [STREAM]: 1 } });
    const some = (count: number) => async (round: number) => {
      context.progress(`${count} consumers: round ${round + 1} of ${context.rounds}`);
      // A consumer that was subscribed within the last five seconds may not be subscribed again.
      const consumerArns = await registerConsumers(server.endpoint, `${round}-of-${count}`, count);
      return probe(server, size, { by: "subscription", consumerArns });
    };
    const runs = await inTurns(context.rounds, { one: some(1), all: some(size.consumers) });
    const all = `${size.consumers} consumers`;
    let rows = [...latencyRows("one consumer", size, runs.one), ...latencyRows(all, size, runs.all)];
    for (const what of ["one consumer", all]) {
      rows = withBudget(rows, `${what}, p50`, budgets.putToEventP50Ms);
      rows = withBudget(rows, `${what}, p99`, budgets.putToEventP99Ms);
    }
    rows.push({
      what: `processor time of the server, ${all} to one`,
      value: median(
        runs.all.map(({ serverCpuMs }, round) => serverCpuMs / Math.max(1, runs.one[round]!.serverCpuMs)),
      ),
      unit: "×",
      ...(size.consumers === 10 ? { budget: budgets.tenConsumersCost } : {}),
    });
    return { rows, digest: digestOfProbes([...runs.one, ...runs.all]) };
  },
});

/** Registers fan-out consumers and resolves with their ARNs when all can be used. */
async function registerConsumers(endpoint: string, group: string, count: number): Promise<string[]> {
  return withClient(endpoint, async (client) => {
    const { StreamDescriptionSummary } = await client.describeStreamSummary({ StreamName: STREAM });
    const arns: string[] = [];
    for (let index = 0; index < count; index += 1) {
      const { Consumer } = await client.registerStreamConsumer({
        StreamARN: StreamDescriptionSummary.StreamARN,
        ConsumerName: `consumer-${group}-${index}`,
      });
      arns.push(Consumer.ConsumerARN);
    }
    for (const ConsumerARN of arns) {
      for (;;) {
        const { ConsumerDescription } = await client.describeStreamConsumer({ ConsumerARN });
        if (ConsumerDescription.ConsumerStatus === "ACTIVE") break;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
    return arns;
  });
}
