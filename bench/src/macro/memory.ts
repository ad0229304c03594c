/** What a server holds that does nothing. */
import { type Bench, bench, type BenchContext } from "../harness/bench.ts";
import { budgets } from "../harness/budgets.ts";
import { digestOf } from "../harness/digest.ts";
import { inTurns, median } from "../harness/rounds.ts";
import { shardsOf } from "../load/call.ts";
import type { ServerProcess } from "../servers/server-process.ts";
import { createStream, withClient } from "./measured-load.ts";

const MB = 1e6;

/** Resident memory after a time without requests, in megabytes. */
async function idleMB(context: BenchContext, server: ServerProcess, idleMs: number): Promise<number> {
  context.progress(`leaving the server alone for ${idleMs} ms`);
  await new Promise((resolve) => setTimeout(resolve, idleMs));
  return server.rssBytes() / MB;
}

export const idleMemory: Bench = bench({
  name: "idle-memory",
  kind: "macro",
  question: "How much memory does a server hold that was just started and has nothing to do?",
  sizes: { smoke: { idleMs: 0 }, full: { idleMs: 3_000 } },
  smokeDigest: "e4f60d0aa6d7f3d3",
  async run({ idleMs }, context) {
    const { runs } = await inTurns(context.rounds, {
      runs: async () => {
        const server = await context.millrace();
        const names = await withClient(server.endpoint, (client) => client.listStreams({}));
        const memoryMB = await idleMB(context, server, idleMs);
        await server.stop();
        return { memoryMB, streamCount: names.StreamNames.length };
      },
    });
    return {
      rows: [
        {
          what: "resident memory, one thread",
          value: median(runs.map(({ memoryMB }) => memoryMB)),
          unit: "MB",
          budget: budgets.idleMemoryMB,
        },
      ],
      digest: digestOf(...new Set(runs.map(({ streamCount }) => streamCount))),
    };
  },
});

/** Shards of one stream: creating more at once makes for larger commits, and says nothing more. */
const SHARDS_PER_STREAM = 10_000;

export const idleShards: Bench = bench({
  name: "idle-shards",
  kind: "macro",
  question: "How much memory does a server hold that has very many shards without traffic?",
  sizes: { smoke: { shards: 200, idleMs: 0 }, full: { shards: 100_000, idleMs: 5_000 } },
  smokeDigest: "5410a22a7f04032b",
  async run({ shards, idleMs }, context) {
    const dataDir = `${context.scratch()}/data`;
    const first = await context.millrace({ dataDir });
    const streams = Array.from({ length: Math.ceil(shards / SHARDS_PER_STREAM) }, (_, index) => ({
      name: `wide-${index}`,
      shardCount: Math.min(SHARDS_PER_STREAM, shards - index * SHARDS_PER_STREAM),
    }));
    await withClient(first.endpoint, async (client) => {
      for (const { name, shardCount } of streams) {
        context.progress(`creating ${name} with ${shardCount} shards`);
        await createStream(client, name, shardCount);
      }
    });
    const createdMB = await idleMB(context, first, idleMs);
    await first.stop();

    const again = await context.millrace({ dataDir });
    const startedMB = await idleMB(context, again, idleMs);
    const ranges = await withClient(again.endpoint, async (client) => {
      const all: string[] = [];
      for (const { name } of streams) {
        for (const { ShardId, HashKeyRange } of await shardsOf(client, name))
          all.push(`${name} ${ShardId} ${HashKeyRange.StartingHashKey}`);
      }
      return all;
    });
    if (ranges.length !== shards) throw new Error(`${ranges.length} of ${shards} shards are there`);
    return {
      rows: [
        {
          what: `${shards} shards, after they were created`,
          value: createdMB,
          unit: "MB",
          budget: budgets.hundredThousandShardsMB,
        },
        {
          what: `${shards} shards, started again`,
          value: startedMB,
          unit: "MB",
          budget: budgets.hundredThousandShardsMB,
        },
        { what: `${shards} shards, first answer`, value: again.readyMs, unit: "ms" },
      ],
      digest: digestOf(...ranges),
    };
  },
});
