/** What puts cost, one record at a time and in batches. */
import { type Bench, bench, type BenchContext, type Row } from "../harness/bench.ts";
import { budgets } from "../harness/budgets.ts";
import { inTurns } from "../harness/rounds.ts";
import type { LoadPlan } from "../load/plan.ts";
import {
  checkStored,
  digestOfLoads,
  endOf,
  loadRows,
  type MeasuredLoad,
  measureLoad,
} from "./measured-load.ts";

const STREAM = "bench";

interface PutSize {
  readonly shards: number;
  readonly connections: number;
  readonly recordBytes: number;
  readonly requests: number;
  readonly durationMs: number;
  readonly warmUpMs: number;
}

/** Puts to a durable server; at smoke size also reads back whether all of it is there. */
async function measurePuts(
  context: BenchContext,
  size: PutSize,
  plan: Pick<LoadPlan, "operation" | "protocol" | "recordsPerRequest" | "partitionKeys">,
): Promise<MeasuredLoad[]> {
  const server = await context.millrace({ streams: { [STREAM]: size.shards } });
  const { runs } = await inTurns(context.rounds, {
    runs: (round) => {
      context.progress(`${plan.operation} as ${plan.protocol}: round ${round + 1} of ${context.rounds}`);
      return measureLoad(server, {
        ...plan,
        endpoint: server.endpoint,
        streamName: STREAM,
        connections: size.connections,
        recordBytes: size.recordBytes,
        ...endOf(size),
      });
    },
  });
  if (size.requests > 0) await checkStored(server.endpoint, STREAM, size.recordBytes, digestOfLoads(runs));
  return runs;
}

export const putRecord: Bench = bench({
  name: "put-record",
  kind: "macro",
  question: "How many single records a second are made durable, and how long does each put take?",
  sizes: {
    smoke: { shards: 4, connections: 4, recordBytes: 1_024, requests: 200, durationMs: 0, warmUpMs: 0 },
    full: {
      shards: 50,
      connections: 32,
      recordBytes: 1_024,
      requests: 0,
      durationMs: 4_000,
      warmUpMs: 1_000,
    },
  },
  smokeDigest: "4aba33ceb6706d6a",
  async run(size, context) {
    const runs = await measurePuts(context, size, {
      operation: "PutRecord",
      protocol: "json",
      partitionKeys: { count: 10_000, seed: 1 },
    });
    const rows = loadRows("", runs).map((row): Row =>
      row.what === "latency p99" ? { ...row, budget: budgets.putRecordP99Ms } : row,
    );
    return { rows, digest: digestOfLoads(runs) };
  },
});

const batchSizes = {
  smoke: {
    shards: 4,
    connections: 2,
    recordBytes: 1_024,
    recordsPerRequest: 50,
    requests: 10,
    durationMs: 0,
    warmUpMs: 0,
  },
  full: {
    shards: 50,
    connections: 8,
    recordBytes: 1_024,
    recordsPerRequest: 500,
    requests: 0,
    durationMs: 4_000,
    warmUpMs: 1_000,
  },
} as const;

function putRecords(protocol: LoadPlan["protocol"], smokeDigest: string): Bench {
  return bench({
    name: `put-records-${protocol}`,
    kind: "macro",
    question: `How many records a second are made durable in batches, sent as ${protocol.toUpperCase()}?`,
    sizes: batchSizes,
    smokeDigest,
    async run(size, context) {
      const runs = await measurePuts(context, size, {
        operation: "PutRecords",
        protocol,
        recordsPerRequest: size.recordsPerRequest,
        partitionKeys: { count: 16_000, seed: 2 },
      });
      return { rows: loadRows("", runs), digest: digestOfLoads(runs) };
    },
  });
}

export const putRecordsJson: Bench = putRecords("json", "4a75de64810084a3");
export const putRecordsCbor: Bench = putRecords("cbor", "4a75de64810084a3");
