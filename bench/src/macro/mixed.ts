/** Everything at once: what a server does when producers and readers share it. */
import { type Bench, bench } from "../harness/bench.ts";
import { inTurns, median } from "../harness/rounds.ts";
import type { LoadPlan } from "../load/plan.ts";
import { sumOfDigests } from "../load/record-digest.ts";
import { runLoads } from "../load/run-load.ts";
import { checkStored, endOf, fill, loadRows } from "./measured-load.ts";

const STREAM = "bench";

export const mixedLoad: Bench = bench({
  name: "mixed",
  kind: "macro",
  question: "What do batches, single puts and readers get when all three press at once?",
  sizes: {
    smoke: { shards: 4, records: 500, recordBytes: 1_024, requests: 20, durationMs: 0, warmUpMs: 0 },
    full: {
      shards: 50,
      records: 100_000,
      recordBytes: 1_024,
      requests: 0,
      durationMs: 4_000,
      warmUpMs: 1_000,
    },
  },
  smokeDigest: "c920f43ea4525b4b",
  async run(size, context) {
    const { shards, records, recordBytes } = size;
    const server = await context.millrace({ streams: { [STREAM]: shards } });
    const { endpoint } = server;
    const stored = await fill(context, {
      endpoint,
      streamName: STREAM,
      recordCount: records,
      recordBytes,
      seed: 5,
    });
    const base = { endpoint, streamName: STREAM, recordBytes, ...endOf(size) };
    const plans: LoadPlan[] = [
      {
        ...base,
        operation: "PutRecords",
        protocol: "json",
        connections: 2,
        recordsPerRequest: 100,
        partitionKeys: { count: 16_000, seed: 6 },
      },
      {
        ...base,
        operation: "PutRecord",
        protocol: "json",
        connections: 16,
        partitionKeys: { count: 10_000, seed: 7 },
      },
      { ...base, operation: "GetRecords", protocol: "json", connections: 4, recordsPerRequest: 1_000 },
    ];
    const { runs } = await inTurns(context.rounds, {
      runs: async (round) => {
        context.progress(`round ${round + 1} of ${context.rounds}`);
        const cpuBeforeMs = server.cpuMs();
        const loads = await runLoads(plans);
        const wallMs = Math.max(...loads.map(({ elapsedMs }) => elapsedMs)) + size.warmUpMs;
        const serverCores = (server.cpuMs() - cpuBeforeMs) / wallMs;
        return loads.map((load) => ({ load, serverCores, generatorCores: load.cpuMs / load.elapsedMs }));
      },
    });
    const rows = plans.flatMap(({ operation }, index) =>
      loadRows(
        operation,
        runs.map((run) => run[index]!),
      ).filter(({ what }) => !what.includes(": server")),
    );
    rows.push({ what: "server", value: median(runs.map((run) => run[0]!.serverCores)), unit: "cores" });
    const puts = runs.flatMap((run) => run.slice(0, 2).map(({ load }) => load.digest!));
    const digest = sumOfDigests([stored.digest, ...puts]);
    if (size.requests > 0) await checkStored(endpoint, STREAM, recordBytes, digest);
    return { rows, digest };
  },
});
