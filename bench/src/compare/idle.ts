/** What a server costs before anybody uses it: the time until it answers, and memory. */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { Sizes } from "../harness/bench.ts";
import type { BenchServer } from "../servers/bench-server.ts";
import { rssBytesOf } from "../servers/process-usage.ts";
import { startServerProcess } from "../servers/server-process.ts";
import { MILLRACE, millraces, participant, peers } from "./participants.ts";
import type { Scenario, Session } from "./scenario.ts";

const BARE_NODE = "ceiling: Node that answers 200 to all";

/** A stream of one shard is within everybody's defaults. */
const SHARDS = 1;

export const startTime: Scenario = {
  name: "start",
  question: "How long does it take from the start of the process to the first answer, with nothing stored?",
  unit: "ms",
  better: "less",
  sizes: { smoke: {}, full: {} },
  participants: () => everybody(startSession),
  budgets: [{ text: "250 ms", of: MILLRACE, figure: "value", atMost: 250 }],
};

export const idleMemory: Scenario = {
  name: "idle-memory",
  question: "How much memory is resident when nothing is stored and nobody asks?",
  unit: "MB",
  better: "less",
  sizes: { smoke: { idleMs: 100 }, full: { idleMs: 3_000 } },
  participants: (given) => everybody((server) => memorySession(server, given as Sizes & { idleMs: number })),
  budgets: [{ text: "70 MB", of: MILLRACE, figure: "value", atMost: 70 }],
};

function everybody(open: (server: BenchServer) => Promise<Session>) {
  return [...millraces(open), ...peers(SHARDS, () => true, open), participant("ceiling", bareNode(), open)];
}

/** Here the turn is the start itself. */
function startSession(server: BenchServer): Promise<Session> {
  const startOnce = async (): Promise<number> => {
    const beganMs = performance.now();
    const running = await server.start();
    const elapsedMs = performance.now() - beganMs;
    await running.stop();
    // Where the server tells it, what came before its process is not its own.
    return "readyMs" in running && typeof running.readyMs === "number" ? running.readyMs : elapsedMs;
  };
  return Promise.resolve({
    pids: [],
    trial: startOnce,
    turn: async () => ({ value: await startOnce() }),
    close: () => Promise.resolve(),
  });
}

async function memorySession(server: BenchServer, { idleMs }: { readonly idleMs: number }): Promise<Session> {
  const running = await server.start();
  return {
    pids: running.pids,
    trial: () => Promise.resolve(idleMs),
    turn: async () => {
      await sleep(idleMs);
      return { value: rssBytesOf(running.pids) / 1_000_000 };
    },
    close: () => running.stop(),
  };
}

function bareNode(): BenchServer {
  const program =
    "require('node:http').createServer((_, answer) => answer.end()).listen(Number(process.argv[1]), '127.0.0.1')";
  return {
    name: BARE_NODE,
    start: () =>
      startServerProcess({
        name: BARE_NODE,
        command: process.execPath,
        args: (port) => ["-e", program, String(port)],
        readyWhen: async (endpoint) => (await fetch(endpoint)).status === 200,
      }),
  };
}
