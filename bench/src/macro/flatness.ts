/** Whether what is stored makes what is done dearer. */
import { type Bench, bench, type BenchContext } from "../harness/bench.ts";
import { budgets } from "../harness/budgets.ts";
import { digestOf } from "../harness/digest.ts";
import { inTurns, median } from "../harness/rounds.ts";
import { shardsOf } from "../load/call.ts";
import type { LoadPlan } from "../load/plan.ts";
import type { ServerProcess } from "../servers/server-process.ts";
import {
  countsAtFixedSize,
  endOf,
  fill,
  type MeasuredLoad,
  measureLoad,
  recordRate,
  withClient,
} from "./measured-load.ts";

const STREAM = "bench";
const SEED = 11;

interface Prepared {
  readonly server: ServerProcess;
  readonly dataDir: string;
  /** Where the newest records begin, in every shard that has some. */
  readonly newest: readonly Place[];
  readonly digest: string;
}

interface Place {
  readonly shardId: string;
  readonly sequenceNumber: string;
}

interface FlatSize {
  readonly shards: number;
  readonly recordBytes: number;
  /** As many records as the server with few has are the newest of the server with many. */
  readonly fewRecords: number;
}

async function prepare(context: BenchContext, size: FlatSize, records: number): Promise<Prepared> {
  const dataDir = `${context.scratch()}/data`;
  const server = await context.millrace({ dataDir, streams: { [STREAM]: size.shards } });
  const { endpoint } = server;
  const filling = { endpoint, streamName: STREAM, recordBytes: size.recordBytes, seed: SEED };
  const older = records - size.fewRecords;
  const digests: string[] = [];
  if (older > 0) digests.push((await fill(context, { ...filling, recordCount: older })).digest);
  const newest = await iterators(endpoint, "LATEST");
  digests.push((await fill(context, { ...filling, recordCount: size.fewRecords })).digest);
  return { server, dataDir, newest: await placesOf(endpoint, newest), digest: digestOf(...digests) };
}

/** What iterators point at. They expire after five minutes, and a place does not. */
async function placesOf(endpoint: string, shardIterators: readonly string[]): Promise<Place[]> {
  return withClient(endpoint, async (client) => {
    const places: Place[] = [];
    for (const [at, { ShardId }] of (await shardsOf(client, STREAM)).entries()) {
      const { Records } = await client.getRecords({ ShardIterator: shardIterators[at]!, Limit: 1 });
      const [first] = Records ?? [];
      if (first !== undefined) places.push({ shardId: ShardId!, sequenceNumber: first.SequenceNumber! });
    }
    return places;
  });
}

async function iteratorsAt(endpoint: string, places: readonly Place[]): Promise<string[]> {
  return withClient(endpoint, async (client) => {
    const made: string[] = [];
    for (const { shardId, sequenceNumber } of places) {
      const { ShardIterator } = await client.getShardIterator({
        ...{ StreamName: STREAM, ShardId: shardId, ShardIteratorType: "AT_SEQUENCE_NUMBER" },
        StartingSequenceNumber: sequenceNumber,
      });
      made.push(ShardIterator!);
    }
    return made;
  });
}

async function iterators(endpoint: string, type: "LATEST" | "TRIM_HORIZON"): Promise<string[]> {
  return withClient(endpoint, async (client) => {
    const made: string[] = [];
    for (const { ShardId } of await shardsOf(client, STREAM)) {
      const { ShardIterator } = await client.getShardIterator({
        StreamName: STREAM,
        ShardId,
        ShardIteratorType: type,
      });
      made.push(ShardIterator!);
    }
    return made;
  });
}

export const flatRates: Bench = bench({
  name: "flat-rates",
  kind: "macro",
  question: "Do puts and reads keep their rates however many small records are stored?",
  sizes: {
    smoke: {
      shards: 4,
      recordBytes: 100,
      fewRecords: 500,
      manyRecords: 2_000,
      requests: 20,
      durationMs: 0,
      warmUpMs: 0,
    },
    full: {
      shards: 8,
      recordBytes: 100,
      fewRecords: 10_000,
      manyRecords: 10_000_000,
      requests: 0,
      durationMs: 2_000,
      warmUpMs: 500,
    },
  },
  smokeDigest: "6385beca9b6b59ce",
  async run(size, context) {
    const [few, many] = await Promise.all([
      prepare(context, size, size.fewRecords),
      prepare(context, size, size.manyRecords),
    ]);
    const load =
      (
        what: string,
        { server }: Prepared,
        plan: Pick<LoadPlan, "operation" | "connections">,
        shardIterators?: () => Promise<readonly string[]>,
      ) =>
      async (round: number): Promise<MeasuredLoad> => {
        context.progress(`${what}: round ${round + 1} of ${context.rounds}`);
        return measureLoad(server, {
          ...plan,
          ...(shardIterators === undefined ? {} : { target: { shardIterators: await shardIterators() } }),
          endpoint: server.endpoint,
          streamName: STREAM,
          protocol: "json",
          recordBytes: size.recordBytes,
          partitionKeys: { count: 10_000, seed: 12 },
          ...(plan.operation === "GetRecords" ? { recordsPerRequest: 1_000 } : {}),
          ...endOf(size),
        });
      };
    const read = { operation: "GetRecords", connections: 4 } as const;
    const oldest =
      ({ server }: Prepared) =>
      () =>
        iterators(server.endpoint, "TRIM_HORIZON");
    const newest =
      ({ server, newest: places }: Prepared) =>
      () =>
        iteratorsAt(server.endpoint, places);
    const put = { operation: "PutRecord", connections: 32 } as const;
    // Reads first: what they read must not be what the puts of this bench added.
    const reads = await inTurns(context.rounds, {
      "GetRecords of the oldest, few": load("oldest of few", few, read, oldest(few)),
      "GetRecords of the oldest, many": load("oldest of many", many, read, oldest(many)),
      "GetRecords of the newest, few": load("newest of few", few, read, newest(few)),
      "GetRecords of the newest, many": load("newest of many", many, read, newest(many)),
    });
    const puts = await inTurns(context.rounds, {
      "PutRecord, few": load("puts to few", few, put),
      "PutRecord, many": load("puts to many", many, put),
    });
    const runs: Readonly<Record<string, MeasuredLoad[]>> = { ...reads, ...puts };
    const rows = Object.entries(runs).map(([what, measured]) => ({
      what: `${what} (${(what.endsWith("few") ? size.fewRecords : size.manyRecords).toLocaleString("en-US")} stored)`,
      value: median(measured.map(recordRate)),
      unit: "records/s",
    }));
    const shares = ["PutRecord", "GetRecords of the oldest", "GetRecords of the newest"].map((what) => ({
      what: `${what}, many to few`,
      value: median(
        runs[`${what}, many`]!.map(
          (run, round) => recordRate(run) / recordRate(runs[`${what}, few`]![round]!),
        ),
      ),
      unit: "×",
      budget: budgets.flatRate,
    }));
    const counts = countsAtFixedSize(size.requests, Object.values(reads).flat());
    return { rows: [...rows, ...shares], digest: digestOf(few.digest, many.digest, ...counts) };
  },
});

export const flatMemory: Bench = bench({
  name: "flat-memory",
  kind: "macro",
  question:
    "Do memory and start depend on how many records are kept, when each shard's share of a commit is one record?",
  sizes: {
    smoke: { shards: 20, recordBytes: 100, fewRecords: 500, manyRecords: 2_000, idleMs: 0 },
    full: { shards: 1_000, recordBytes: 100, fewRecords: 10_000, manyRecords: 2_000_000, idleMs: 3_000 },
  },
  smokeDigest: "c376b2d0af0b2e87",
  async run(size, context) {
    const [few, many] = await Promise.all([
      prepare(context, size, size.fewRecords),
      prepare(context, size, size.manyRecords),
    ]);
    await Promise.all([few.server.stop(), many.server.stop()]);
    // Started again, neither holds anything of the load that filled it.
    const startAgain =
      ({ dataDir }: Prepared) =>
      async (round: number) => {
        context.progress(`starting again: round ${round + 1} of ${context.rounds}`);
        const server = await context.millrace({ dataDir });
        await new Promise((resolve) => setTimeout(resolve, size.idleMs));
        const memoryMB = server.rssBytes() / 1e6;
        await server.stop();
        return { readyMs: server.readyMs, memoryMB };
      };
    const runs = await inTurns(context.rounds, { few: startAgain(few), many: startAgain(many) });
    const rows = (["few", "many"] as const).flatMap((what) => {
      const stored = (what === "few" ? size.fewRecords : size.manyRecords).toLocaleString("en-US");
      return [
        {
          what: `memory with ${stored} stored`,
          value: median(runs[what].map(({ memoryMB }) => memoryMB)),
          unit: "MB",
        },
        {
          what: `first answer with ${stored} stored`,
          value: median(runs[what].map(({ readyMs }) => readyMs)),
          unit: "ms",
        },
      ];
    });
    const ratio = (figure: "memoryMB" | "readyMs") =>
      median(runs.many.map((run, round) => run[figure] / runs.few[round]![figure]));
    return {
      rows: [
        ...rows,
        { what: "memory, many to few", value: ratio("memoryMB"), unit: "×", budget: budgets.flatCost },
        { what: "first answer, many to few", value: ratio("readyMs"), unit: "×", budget: budgets.flatCost },
      ],
      digest: digestOf(few.digest, many.digest),
    };
  },
});
