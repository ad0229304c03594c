/**
 * Ceilings as servers to measure: what is left of the work when a part of it is left out. Each stands before a
 * Millrace of its own, in memory, which gives the answers that the ceiling repeats and is idle from then on.
 */
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import type { BenchServer, RunningServer } from "../servers/bench-server.ts";
import { startMillraceServer } from "../servers/millrace-server.ts";
import { startServerProcess } from "../servers/server-process.ts";

export interface CeilingServer extends BenchServer {
  start(): Promise<RunningCeiling>;
}

export interface RunningCeiling extends RunningServer {
  /** Where streams are created and filled: the Millrace behind the ceiling. */
  readonly upstreamEndpoint: string;
}

const ceilingProgram = fileURLToPath(new URL("../../dist/ceilings/main.js", import.meta.url));

/** Reads the same bodies on the same listener and answers with the bytes that Millrace answered the first time. */
export function replayCeiling(name: string, operations: readonly string[]): CeilingServer {
  return ceiling(name, "replay", operations.join(","), answersOverHttp1);
}

/** On the same listener: scans, decodes, hashes and answers PutRecords to a stream of so many shards. */
export function decodeCeiling(name: string, shardCount: number): CeilingServer {
  return ceiling(name, "decode", String(shardCount), answersOverHttp1);
}

/** A bare `node:http2` server that answers with the bytes that Millrace answered the first time. */
export function bareHttp2Ceiling(name: string, operations: readonly string[]): CeilingServer {
  return ceiling(name, "http2", operations.join(","), acceptsConnections);
}

function ceiling(
  name: string,
  kind: string,
  option: string,
  readyWhen: (endpoint: string) => Promise<boolean>,
): CeilingServer {
  return {
    name,
    async start() {
      const upstream = await startMillraceServer({ durability: "memory" });
      try {
        const running = await startServerProcess({
          name,
          command: process.execPath,
          args: (port) => [ceilingProgram, kind, String(port), upstream.endpoint, option],
          readyWhen,
        });
        return {
          endpoint: running.endpoint,
          pids: running.pids,
          upstreamEndpoint: upstream.endpoint,
          async stop() {
            await running.stop();
            await upstream.stop();
          },
        };
      } catch (error) {
        await upstream.kill();
        throw error;
      }
    },
  };
}

async function answersOverHttp1(endpoint: string): Promise<boolean> {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: { "x-amz-target": "Kinesis_20131202.ListStreams", "content-type": "application/x-amz-json-1.1" },
    body: "{}",
  });
  await response.arrayBuffer();
  return response.status === 200;
}

function acceptsConnections(endpoint: string): Promise<boolean> {
  const { hostname, port } = new URL(endpoint);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}
