/** Looks at a server from the outside while it is pressed: its memory, and whether it still answers. */
import { performance } from "node:perf_hooks";
import { get } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { LatencyRecorder } from "../load/latencies.ts";
import type { Latencies } from "../load/plan.ts";
import { LoadError } from "../load/run-load.ts";
import { rssPeakBytesOf } from "../servers/process-usage.ts";
import type { ServerProcess } from "../servers/server-process.ts";

const PAUSE_MS = 50;

export interface Watched {
  /** The most that it had resident since it was started, in bytes. */
  readonly rssPeakBytes: number;
  /** The most that it had reserved of its memory bound, in bytes, of what was seen. */
  readonly reservedBytesMax: number;
  /** Of `GET /_millrace/health`, each over a connection of its own. */
  readonly healthMs: Latencies;
}

/** Begins to look; what it returns ends it. */
export function watch(server: ServerProcess): () => Promise<Watched> {
  let isOver = false;
  const health = new LatencyRecorder();
  let reservedBytesMax = 0;
  const watching = (async () => {
    while (!isOver) {
      const startedMs = performance.now();
      await getText(`${server.endpoint}/_millrace/health`);
      health.add(performance.now() - startedMs);
      const figures = await readFigures(server.endpoint);
      reservedBytesMax = Math.max(reservedBytesMax, figures["millrace_memory_used_bytes"] ?? 0);
      await sleep(PAUSE_MS);
    }
  })();
  // Whoever ends it is told.
  watching.catch(() => undefined);
  return async () => {
    isOver = true;
    await watching;
    return { rssPeakBytes: rssPeakBytesOf(server.pids), reservedBytesMax, healthMs: health.summary() };
  };
}

/** The figures of `GET /_millrace/metrics` by name, those with labels by `name{labels}`. */
export async function readFigures(endpoint: string): Promise<Readonly<Record<string, number>>> {
  const text = await getText(`${endpoint}/_millrace/metrics`);
  const figures: Record<string, number> = {};
  for (const [, name = "", value] of text.matchAll(/^([a-z_]+(?:\{[^}]*\})?) (\S+)$/gm)) {
    figures[name] = Number(value);
  }
  return figures;
}

function getText(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asking = get(url, { agent: false }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (piece: string) => (text += piece));
      answer.on("error", reject);
      answer.on("end", () => {
        if (answer.statusCode === 200) resolve(text);
        else reject(new LoadError(`${url} was answered ${answer.statusCode}: ${text}`));
      });
    });
    asking.on("error", reject);
  });
}
