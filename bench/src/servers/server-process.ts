/** A server as a process of its own: started on a free port, watched, stopped. */
import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { RunningServer } from "./bench-server.ts";
import { cpuMsOf, rssBytesOf } from "./process-usage.ts";
import { undoAtExit } from "./scratch.ts";

export interface ServerProcessOptions {
  /** For messages. */
  readonly name: string;
  readonly command: string;
  readonly args: (port: number) => readonly string[];
  /** On top of this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Asked again and again, about once a millisecond, until it is true. What it throws means: not yet. */
  readonly readyWhen: (endpoint: string) => Promise<boolean>;
  /** Working directory of the process. */
  readonly directory?: string;
  /** Default: one that is free at this moment, and that no other server of this process was given. */
  readonly port?: number;
  /**
   * Finds the endpoint in what the server has printed so far, for one that takes a port by itself (`args` gets 0). Only so it
   * is certain that this server answers there, and no other that took the port meanwhile.
   */
  readonly endpointIn?: (output: string) => string | undefined;
  /** How long it may take to be ready. Default: a minute. */
  readonly readyTimeoutMs?: number;
  /** How long it may take to end after SIGTERM, before it is killed. Default: 20 s. */
  readonly stopTimeoutMs?: number;
  /** Called when it has ended. */
  readonly onEnd?: () => void;
}

export interface ServerProcess extends RunningServer {
  readonly pid: number;
  /** From the start of the process to the first time that `readyWhen` was true. Milliseconds. */
  readonly readyMs: number;
  /** Processor time so far, in milliseconds. */
  cpuMs(): number;
  rssBytes(): number;
  /** Sends SIGTERM. Rejects when it does not end by itself, or not with code 0 (or by SIGTERM itself). */
  stop(): Promise<void>;
  /** Sends SIGKILL. */
  kill(): Promise<void>;
}

const OUTPUT_CHARACTERS_MAX = 16_384;

/** Starts a server and resolves when it is ready; rejects with its last output when it ends or takes too long. */
export async function startServerProcess(options: ServerProcessOptions): Promise<ServerProcess> {
  const { name, command, args, env = {}, directory, readyTimeoutMs = 60_000 } = options;
  const { endpointIn } = options;
  const port = options.port ?? (endpointIn === undefined ? await freePort() : 0);
  const startedMs = performance.now();
  const child = spawn(command, args(port), {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...plainEnvironment(), ...env },
    ...(directory === undefined ? {} : { cwd: directory }),
  });
  const forget = undoAtExit(() => child.kill("SIGKILL"));
  let output = "";
  const hear = (text: string) => {
    output = (output + text).slice(-OUTPUT_CHARACTERS_MAX);
  };
  child.stdout.setEncoding("utf8").on("data", hear);
  child.stderr.setEncoding("utf8").on("data", hear);
  let ended: string | undefined;
  const end = new Promise<void>((resolve) => {
    const done = (how: string) => {
      if (ended !== undefined) return;
      ended = how;
      forget();
      options.onEnd?.();
      resolve();
    };
    child.on("error", (error) => done(error.message));
    child.on("close", (code, signal) => done(signal ?? `exit code ${code}`));
  });

  let endpoint = endpointIn === undefined ? `http://127.0.0.1:${port}` : undefined;
  for (;;) {
    endpoint ??= endpointIn?.(output);
    if (endpoint !== undefined && (await options.readyWhen(endpoint).catch(() => false))) break;
    const lateBy = performance.now() - startedMs - readyTimeoutMs;
    if (ended !== undefined) throw new Error(`${name} ended before it was ready (${ended})\n${output}`);
    if (lateBy > 0) {
      child.kill("SIGKILL");
      await end;
      throw new Error(`${name} was not ready after ${readyTimeoutMs} ms\n${output}`);
    }
    await Promise.race([sleep(1), end]);
  }
  const readyMs = performance.now() - startedMs;
  const pid = child.pid ?? 0;
  return {
    endpoint,
    pid,
    pids: [pid],
    readyMs,
    cpuMs: () => cpuMsOf([pid]),
    rssBytes: () => rssBytesOf([pid]),
    async stop() {
      await terminate(child, end, options.stopTimeoutMs ?? 20_000);
      if (ended !== "exit code 0" && ended !== "SIGTERM")
        throw new Error(`${name} did not end well after SIGTERM (${ended})\n${output}`);
    },
    async kill() {
      child.kill("SIGKILL");
      await end;
    },
  };
}

async function terminate(child: ChildProcess, end: Promise<void>, timeoutMs: number): Promise<void> {
  child.kill("SIGTERM");
  const controller = new AbortController();
  const late = sleep(timeoutMs, "late", { signal: controller.signal }).catch(() => undefined);
  if ((await Promise.race([end, late])) === "late") child.kill("SIGKILL");
  controller.abort();
  await end;
}

const givenPorts = new Set<number>();

/** A port that nobody listens on at this moment, and that was not given before. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await portOfTheMoment();
    if (givenPorts.has(port)) continue;
    givenPorts.add(port);
    return port;
  }
}

function portOfTheMoment(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/**
 * Settings of whoever runs the benches must not become settings of a server. Nor must certificates that the machine's
 * owner adds to Node's: reading them takes it several times as long as its whole start, and no server here speaks to others.
 */
function plainEnvironment(): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !/^(MILLRACE_|VITEST|NODE_OPTIONS$|NODE_EXTRA_CA_CERTS$)/.test(name))
      plain[name] = value;
  }
  return plain;
}
