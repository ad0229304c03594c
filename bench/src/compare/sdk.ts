/** The JavaScript SDK as it comes: a new HTTP/2 session for every request. */
import { bareHttp2Ceiling } from "../ceilings/ceiling-servers.ts";
import type { Sizes } from "../harness/bench.ts";
import type { BenchServer } from "../servers/bench-server.ts";
import { cpuMsOf } from "../servers/process-usage.ts";
import { startWithStream, STREAM } from "./load-session.ts";
import { MILLRACE, millraces, participant, peers } from "./participants.ts";
import { runSdkLoad } from "./run-sdk-load.ts";
import type { Scenario, Session } from "./scenario.ts";

const BARE_HTTP2 = "ceiling: bare node:http2";

interface SdkSizes {
  readonly inFlight: number;
  readonly recordBytes: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
}

/** A stream of one shard is within everybody's defaults. */
const SHARDS = 1;

export const sdkRequests: Scenario = {
  name: "sdk-put-record",
  question: "How many PutRecord calls a second does the JavaScript SDK v3 get through with its own settings?",
  unit: "requests/s",
  better: "more",
  sizes: {
    smoke: { inFlight: 2, recordBytes: 100, warmUpMs: 100, durationMs: 1_000 },
    // The server has done nothing before its first turn, and more code to be compiled than the ceiling.
    full: { inFlight: 16, recordBytes: 1_024, warmUpMs: 4_000, durationMs: 8_000 },
  },
  participants(given) {
    const size = given as Sizes & SdkSizes;
    const open = (server: BenchServer) => session(server, size);
    return [
      ...millraces(open),
      ...peers(SHARDS, ({ http2 }) => http2, open),
      participant("ceiling", bareHttp2Ceiling(BARE_HTTP2, ["PutRecord"]), open),
    ];
  },
  budgets: [
    {
      text: "within 25 % of bare node:http2",
      of: MILLRACE,
      figure: "value",
      against: BARE_HTTP2,
      atLeast: 0.75,
    },
  ],
};

async function session(server: BenchServer, size: SdkSizes): Promise<Session> {
  const running = await startWithStream(server, SHARDS);
  const { endpoint, pids } = running;
  const { inFlight, recordBytes, warmUpMs } = size;
  const load = (durationMs: number, warmUp: number) =>
    runSdkLoad({ endpoint, streamName: STREAM, inFlight, recordBytes, warmUpMs: warmUp, durationMs });
  return {
    pids,
    trial: async () => {
      await load(size.durationMs, 0);
      return size.durationMs;
    },
    turn: async (durationMs) => {
      const cpuBeforeMs = cpuMsOf(pids);
      const { requests, elapsedMs, latencyMs, cpuMs } = await load(durationMs, warmUpMs);
      return {
        value: (requests * 1_000) / elapsedMs,
        p50Ms: latencyMs.p50,
        p99Ms: latencyMs.p99,
        serverCores: (cpuMsOf(pids) - cpuBeforeMs) / (elapsedMs + warmUpMs),
        generatorCores: cpuMs / elapsedMs,
      };
    },
    close: () => running.stop(),
  };
}
