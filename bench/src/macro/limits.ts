/** What it costs to count limits that nobody reaches. */
import { type Bench, bench } from "../harness/bench.ts";
import { inTurns, median } from "../harness/rounds.ts";
import type { ServerProcess } from "../servers/server-process.ts";
import { checkStored, digestOfLoads, endOf, loadRows, measureLoad, recordRate } from "./measured-load.ts";

const STREAM = "bench";

export const limitsCost: Bench = bench({
  name: "limits-cost",
  kind: "macro",
  question: "What does counting every limit cost, with all of them out of reach, against counting none?",
  sizes: {
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
      durationMs: 3_000,
      warmUpMs: 500,
    },
  },
  smokeDigest: "7ccbb5f123986004",
  async run(size, context) {
    const { shards, connections, recordBytes, recordsPerRequest } = size;
    const streams = { [STREAM]: shards };
    const [counted, uncounted] = await Promise.all([
      context.millrace({ streams, limits: "out of reach" }),
      context.millrace({ streams, limits: "off" }),
    ]);
    const load = (what: string, server: ServerProcess) => (round: number) => {
      context.progress(`limits ${what}: round ${round + 1} of ${context.rounds}`);
      return measureLoad(server, {
        endpoint: server.endpoint,
        streamName: STREAM,
        operation: "PutRecords",
        protocol: "json",
        connections,
        recordBytes,
        recordsPerRequest,
        partitionKeys: { count: 16_000, seed: 10 },
        ...endOf(size),
      });
    };
    const runs = await inTurns(context.rounds, {
      counted: load("counted", counted),
      off: load("off", uncounted),
    });
    if (size.requests > 0)
      await checkStored(counted.endpoint, STREAM, recordBytes, digestOfLoads(runs.counted));
    return {
      rows: [
        ...loadRows("limits counted", runs.counted),
        ...loadRows("limits off", runs.off),
        {
          what: "limits counted, of the rate without",
          value: median(runs.counted.map((run, round) => recordRate(run) / recordRate(runs.off[round]!))),
          unit: "×",
        },
      ],
      digest: digestOfLoads([...runs.counted, ...runs.off]),
    };
  },
});
