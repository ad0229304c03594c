/** What reads cost: from the tail cache, from the system's page cache, and from the disk. */
import { type Bench, bench, type Row } from "../harness/bench.ts";
import { budgets } from "../harness/budgets.ts";
import { digestOf } from "../harness/digest.ts";
import { inTurns, median } from "../harness/rounds.ts";
import type { LoadPlan } from "../load/plan.ts";
import { LoadError } from "../load/run-load.ts";
import {
  byteRate,
  checkStored,
  countsAtFixedSize,
  endOf,
  fill,
  loadRows,
  type MeasuredLoad,
  measureLoad,
} from "./measured-load.ts";
import { dropPageCache, readPlainly } from "./page-cache.ts";

const STREAM = "bench";
const MIB = 1 << 20;
/** Holds an answer of 10 MiB for each connection, and next to nothing beside them. */
const LITTLE_MEMORY_BYTES = 128 * MIB;

export const getRecordsFromTail: Bench = bench({
  name: "get-records-tail",
  kind: "macro",
  question:
    "How many stored records a second are read from TRIM_HORIZON on, when the tail cache holds all of them?",
  sizes: {
    smoke: {
      shards: 2,
      connections: 2,
      records: 1_000,
      recordBytes: 1_024,
      requests: 6,
      durationMs: 0,
      warmUpMs: 0,
    },
    full: {
      shards: 8,
      connections: 4,
      records: 200_000,
      recordBytes: 1_024,
      requests: 0,
      durationMs: 3_000,
      warmUpMs: 1_000,
    },
  },
  smokeDigest: "4ccdc2adb6c091e3",
  async run(size, context) {
    const { shards, connections, records, recordBytes } = size;
    const memoryBytes = 4 * records * (recordBytes + 64) + 512 * MIB;
    const server = await context.millrace({ streams: { [STREAM]: shards }, memoryBytes });
    const { endpoint } = server;
    const stored = await fill(context, {
      endpoint,
      streamName: STREAM,
      recordCount: records,
      recordBytes,
      seed: 3,
    });
    const reading = (protocol: LoadPlan["protocol"]) => (round: number) => {
      context.progress(`GetRecords as ${protocol}: round ${round + 1} of ${context.rounds}`);
      return measureLoad(server, {
        endpoint,
        streamName: STREAM,
        operation: "GetRecords",
        protocol,
        connections,
        recordBytes,
        ...endOf(size),
      });
    };
    const runs = await inTurns(context.rounds, { JSON: reading("json"), CBOR: reading("cbor") });
    if (size.requests > 0) await checkStored(endpoint, STREAM, recordBytes, stored.digest);
    return {
      rows: [...loadRows("JSON", runs.JSON), ...loadRows("CBOR", runs.CBOR)],
      digest: digestOf(stored.digest, ...countsAtFixedSize(size.requests, [...runs.JSON, ...runs.CBOR])),
    };
  },
});

export const getRecordsFromDisk: Bench = bench({
  name: "get-records-disk",
  kind: "macro",
  question:
    "How much slower are reads that the tail cache does not serve, with the page cache warm and dropped?",
  sizes: {
    smoke: {
      shards: 2,
      connections: 2,
      records: 1_000,
      recordBytes: 1_024,
      dropsPageCache: 0,
      checksRecords: 1,
    },
    full: {
      shards: 8,
      connections: 2,
      records: 500_000,
      recordBytes: 1_024,
      dropsPageCache: 1,
      checksRecords: 0,
    },
  },
  smokeDigest: "0701ceb36e6f7d3a",
  async run(size, context) {
    const { shards, connections, records, recordBytes } = size;
    // With much memory the cache holds everything. With little it holds the last chunks, and a reader that begins
    // at the oldest never meets one.
    const dataDir = `${context.scratch()}/data`;
    const streams = { [STREAM]: shards };
    const [cached, uncached] = await Promise.all([
      context.millrace({ streams, memoryBytes: 4 * records * (recordBytes + 64) + 512 * MIB }),
      context.millrace({ streams, dataDir, memoryBytes: LITTLE_MEMORY_BYTES }),
    ]);
    const filling = { streamName: STREAM, recordCount: records, recordBytes, seed: 4 };
    await fill(context, { ...filling, endpoint: cached.endpoint });
    const stored = await fill(context, { ...filling, endpoint: uncached.endpoint });

    const read = async (server: typeof cached): Promise<MeasuredLoad> => {
      const run = await measureLoad(server, {
        endpoint: server.endpoint,
        streamName: STREAM,
        operation: "GetRecords",
        protocol: "json",
        connections,
        recordBytes,
        passes: 1,
      });
      if (run.load.records !== stored.recordCount)
        throw new LoadError(`${run.load.records} of ${stored.recordCount} records were read`);
      return run;
    };
    const contestants: Record<string, () => Promise<MeasuredLoad>> = {
      "tail cache": () => read(cached),
      "page cache": () => read(uncached),
    };
    const plainMBs: number[] = [];
    const drop = size.dropsPageCache > 0 ? dropPageCache() : "not asked for";
    if (drop === undefined) {
      contestants["dropped page cache"] = () => {
        dropPageCache();
        const { bytes, elapsedMs } = readPlainly(`${dataDir}/journal`);
        plainMBs.push(bytes / elapsedMs / 1_000);
        dropPageCache();
        return read(uncached);
      };
    } else context.progress(`the page cache is not dropped: ${drop}`);

    const runs = await inTurns(context.rounds, contestants);
    const share = (what: string) =>
      median(runs[what]!.map((run, round) => byteRate(run) / byteRate(runs["tail cache"]![round]!)));
    const rows: Row[] = Object.entries(runs).flatMap(([what, measured]) => loadRows(what, measured));
    rows.push({
      what: "page cache, of the rate from the tail cache",
      value: share("page cache"),
      unit: "×",
      budget: budgets.getRecordsWithoutCacheShare,
    });
    if (plainMBs.length > 0) {
      rows.push(
        {
          what: "dropped page cache, of the rate from the tail cache",
          value: share("dropped page cache"),
          unit: "×",
        },
        { what: "plain read of the same files, page cache dropped", value: median(plainMBs), unit: "MB/s" },
      );
    }
    if (size.checksRecords > 0) await checkStored(uncached.endpoint, STREAM, recordBytes, stored.digest);
    return { rows, digest: digestOf(stored.digest, stored.recordCount) };
  },
});
