/** How long it takes until a server answers: on nothing, on much, and after it was killed. */
import { type Bench, bench } from "../harness/bench.ts";
import { budgets } from "../harness/budgets.ts";
import { digestOf } from "../harness/digest.ts";
import { inTurns, median } from "../harness/rounds.ts";
import { checkStored, fill } from "./measured-load.ts";

const STREAM = "bench";
const RECORD_BYTES = 10_000;

export const start: Bench = bench({
  name: "start",
  kind: "macro",
  question: "How long from the start of the process to its first answer, with nothing and with much on disk?",
  sizes: {
    smoke: { shards: 2, storedMegabytes: 5, checksRecords: 1 },
    full: { shards: 16, storedMegabytes: 10_000, checksRecords: 0 },
  },
  smokeDigest: "24f084a248cc2f82",
  async run(size, context) {
    const dataDir = `${context.scratch()}/data`;
    const first = await context.millrace({ dataDir, streams: { [STREAM]: size.shards } });
    const stored = await fill(context, {
      endpoint: first.endpoint,
      streamName: STREAM,
      recordCount: Math.ceil((size.storedMegabytes * 1e6) / RECORD_BYTES),
      recordBytes: RECORD_BYTES,
      seed: 8,
    });
    await first.stop();
    const readyMs = async (directory: string) => {
      const server = await context.millrace({ dataDir: directory });
      if (size.checksRecords > 0 && directory === dataDir)
        await checkStored(server.endpoint, STREAM, RECORD_BYTES, stored.digest);
      await server.stop();
      return server.readyMs;
    };
    const times = await inTurns(context.rounds, {
      empty: () => readyMs(`${context.scratch()}/data`),
      full: () => readyMs(dataDir),
    });
    return {
      rows: [
        {
          what: "first answer, empty",
          value: median(times.empty),
          unit: "ms",
          budget: budgets.startEmptyMs,
        },
        {
          what: `first answer, ${size.storedMegabytes} MB after a clean stop`,
          value: median(times.full),
          unit: "ms",
          budget: budgets.startAfterCleanStopMs,
        },
      ],
      digest: digestOf(stored.digest, stored.recordCount),
    };
  },
});

export const recovery: Bench = bench({
  name: "recovery",
  kind: "macro",
  question: "How long from the start of the process to its first answer after kill -9?",
  sizes: {
    smoke: { shards: 2, storedMegabytes: 5, checksRecords: 1 },
    full: { shards: 16, storedMegabytes: 1_000, checksRecords: 0 },
  },
  smokeDigest: "37bc7eab27bc0889",
  async run(size, context) {
    const { runs } = await inTurns(context.rounds, {
      runs: async (round) => {
        const dataDir = `${context.scratch()}/data`;
        const killed = await context.millrace({ dataDir, streams: { [STREAM]: size.shards } });
        const stored = await fill(context, {
          endpoint: killed.endpoint,
          streamName: STREAM,
          recordCount: Math.ceil((size.storedMegabytes * 1e6) / RECORD_BYTES),
          recordBytes: RECORD_BYTES,
          seed: 9,
        });
        await killed.kill();
        context.progress(`starting again: round ${round + 1} of ${context.rounds}`);
        const server = await context.millrace({ dataDir });
        if (size.checksRecords > 0) await checkStored(server.endpoint, STREAM, RECORD_BYTES, stored.digest);
        await server.stop();
        return { stored, readyMs: server.readyMs };
      },
    });
    return {
      rows: [
        {
          what: `first answer, ${size.storedMegabytes} MB after kill -9`,
          value: median(runs.map(({ readyMs }) => readyMs)),
          unit: "ms",
          budget: budgets.startAfterKillMs,
        },
      ],
      digest: digestOf(...new Set(runs.map(({ stored }) => stored.digest))),
    };
  },
});
