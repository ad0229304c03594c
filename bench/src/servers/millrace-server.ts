/** The server of this tree, built, as a process. */
import { existsSync } from "node:fs";
import { get } from "node:http";
import { fileURLToPath } from "node:url";
import { callRates, limits } from "@millrace/streams";
import type { BenchServer } from "./bench-server.ts";
import { scratchDirectory } from "./scratch.ts";
import { type ServerProcess, startServerProcess } from "./server-process.ts";

export const millraceProgram = fileURLToPath(
  new URL("../../../packages/millrace/dist/main.js", import.meta.url),
);

export interface MillraceServerOptions {
  /** As tables print it. Default: `Millrace`, and what `durability` adds to it. */
  readonly name?: string;
  /** Default: `fsync`. */
  readonly durability?: "fsync" | "memory";
  /** Default: one. */
  readonly threads?: number;
  /**
   * `out of reach` (default): every limit is counted and enforced, at a value that nothing reaches. `off`: none
   * is counted. `aws`: as the service has them.
   */
  readonly limits?: "out of reach" | "off" | "aws";
  /** `--limit NAME=VALUE` on top of those. */
  readonly limitOverrides?: Readonly<Record<string, number | "off">>;
  /** `--memory`, in bytes. Default: the program's own. */
  readonly memoryBytes?: number;
  /** Created at start, by name: how many shards. */
  readonly streams?: Readonly<Record<string, number>>;
  /** Kept after `stop`. Default: an empty one that goes with the server. */
  readonly dataDir?: string;
  /** For Node, before the program: `--cpu-prof` and its like. */
  readonly nodeFlags?: readonly string[];
  /** Further flags of `millrace serve`. */
  readonly flags?: readonly string[];
  readonly readyTimeoutMs?: number;
}

/** Counted in full, and out of reach: no machine gives out this many bytes or records in a second. */
const OUT_OF_REACH = 1_000_000_000_000;

/** Rates and quotas of the service, and its operations whose calls are counted. */
function limitNames(): string[] {
  return [
    ...Object.entries(limits).flatMap(([name, { kind }]) => (kind === "bound" ? [] : [name])),
    ...Object.entries(callRates).flatMap(([operation, { scope }]) => (scope === "none" ? [] : [operation])),
  ];
}

/** Flags of `millrace serve` for these limits. */
export function limitFlags({
  limits: mode = "out of reach",
  limitOverrides = {},
}: Pick<MillraceServerOptions, "limits" | "limitOverrides">): string[] {
  const lifted = mode === "out of reach" ? limitNames().map((name) => [name, OUT_OF_REACH] as const) : [];
  const values = new Map<string, number | "off">([...lifted, ...Object.entries(limitOverrides)]);
  return [
    "--limits",
    mode === "off" ? "off" : "aws",
    ...[...values].flatMap(([name, value]) => ["--limit", `${name}=${value}`]),
  ];
}

/** Starts `millrace serve`; see {@link millraceServer} for one that can be started again and again. */
export function startMillraceServer(options: MillraceServerOptions = {}): Promise<ServerProcess> {
  const { durability = "fsync", threads, memoryBytes, streams = {}, nodeFlags = [], flags = [] } = options;
  if (!existsSync(millraceProgram))
    throw new Error(`${millraceProgram} is missing: run "npm run build" first`);
  const scratch = options.dataDir === undefined ? scratchDirectory("millrace") : undefined;
  const dataDir = options.dataDir ?? `${scratch?.path}/data`;
  return startServerProcess({
    name: nameOf(options),
    command: process.execPath,
    args: (port) => [
      ...nodeFlags,
      millraceProgram,
      "serve",
      ...["--port", String(port), "--data-dir", dataDir, "--durability", durability],
      ...["--log-level", "warn"],
      ...limitFlags(options),
      ...(threads === undefined ? [] : ["--threads", String(threads)]),
      ...(memoryBytes === undefined ? [] : ["--memory", String(memoryBytes)]),
      ...Object.entries(streams).flatMap(([name, shardCount]) => ["--stream", `${name}:${shardCount}`]),
      ...flags,
    ],
    endpointIn: (output) => /^ {2}endpoint {4}(http:\S+)(?: {2}https:\S+)?$/m.exec(output)?.[1],
    readyWhen: isHealthy,
    onEnd: () => scratch?.remove(),
    ...(options.readyTimeoutMs === undefined ? {} : { readyTimeoutMs: options.readyTimeoutMs }),
  });
}

export function millraceServer(options: MillraceServerOptions = {}): BenchServer {
  return { name: nameOf(options), start: () => startMillraceServer(options) };
}

function nameOf({ name, durability = "fsync" }: MillraceServerOptions): string {
  return name ?? (durability === "memory" ? "Millrace in memory" : "Millrace");
}

/** Whether a server says that it takes requests. */
export function isHealthy(endpoint: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    // A connection of its own each time, and no pool: this is asked a thousand times a second while a server starts.
    const asking = get(`${endpoint}/_millrace/health`, { agent: false }, (answer) => {
      answer.resume();
      answer.on("end", () => resolve(answer.statusCode === 200));
      answer.on("error", reject);
    });
    asking.on("error", reject);
  });
}
