/** From a put to the event of a fan-out consumer. */
import type { Sizes } from "../harness/bench.ts";
import { runLatencyProbe } from "../load/run-load.ts";
import type { BenchServer } from "../servers/bench-server.ts";
import { millraceServer } from "../servers/millrace-server.ts";
import { cpuMsOf } from "../servers/process-usage.ts";
import { createStream, registerConsumer } from "./control.ts";
import { STREAM } from "./load-session.ts";
import { millraces, orStop, participant, peers } from "./participants.ts";
import type { Scenario, Session } from "./scenario.ts";

interface LatencySizes {
  readonly recordBytes: number;
  /** At a pace that the slowest keeps up with. */
  readonly recordsPerSecond: number;
  readonly records: number;
  readonly warmUpRecords: number;
  readonly fastRecordsPerSecond: number;
  readonly fastRecords: number;
}

const MILLRACE_FAST = "Millrace at 1000 records/s";

export const eventLatency: Scenario = {
  name: "event-latency",
  question: "How long does a record take from its put to the event of a fan-out consumer, at 20 records/s?",
  unit: "ms, p50",
  better: "less",
  sizes: {
    smoke: {
      recordBytes: 100,
      recordsPerSecond: 50,
      records: 15,
      warmUpRecords: 5,
      fastRecordsPerSecond: 1_000,
      fastRecords: 50,
    },
    full: {
      recordBytes: 1_024,
      recordsPerSecond: 20,
      records: 120,
      warmUpRecords: 20,
      fastRecordsPerSecond: 1_000,
      fastRecords: 5_000,
    },
  },
  participants(given) {
    const size = given as Sizes & LatencySizes;
    const { recordsPerSecond, records, fastRecordsPerSecond, fastRecords } = size;
    const open = (server: BenchServer) => session(server, size, recordsPerSecond, records);
    return [
      ...millraces(open),
      participant("Millrace", millraceServer({ name: MILLRACE_FAST }), (server) =>
        session(server, size, fastRecordsPerSecond, fastRecords),
      ),
      ...peers(1, ({ fanOut }) => fanOut, open),
    ];
  },
  budgets: [
    { text: "p50 in ms at 1,000 records/s", of: MILLRACE_FAST, figure: "p50Ms", atMost: 3 },
    { text: "p99 in ms at 1,000 records/s", of: MILLRACE_FAST, figure: "p99Ms", atMost: 15 },
  ],
};

async function session(
  server: BenchServer,
  { recordBytes, warmUpRecords }: LatencySizes,
  recordsPerSecond: number,
  records: number,
): Promise<Session> {
  const running = await server.start();
  return orStop(running, async () => {
    const { endpoint } = running;
    const streamArn = await createStream(endpoint, STREAM, 1);
    const consumerArns = [await registerConsumer(endpoint, streamArn, "probe")];
    const probe = (count: number) =>
      runLatencyProbe({
        endpoint,
        streamName: STREAM,
        receive: { by: "subscription", consumerArns },
        records: count,
        recordBytes,
        recordsPerSecond,
        warmUpRecords,
      });
    return {
      pids: running.pids,
      trial: async () => (await probe(warmUpRecords + 1)).elapsedMs,
      turn: async () => {
        const cpuBeforeMs = cpuMsOf(running.pids);
        const { latencyMs, elapsedMs, cpuMs } = await probe(records);
        return {
          value: latencyMs.p50,
          p50Ms: latencyMs.p50,
          p99Ms: latencyMs.p99,
          serverCores: (cpuMsOf(running.pids) - cpuBeforeMs) / elapsedMs,
          generatorCores: cpuMs / elapsedMs,
        };
      },
      close: () => running.stop(),
    };
  });
}
