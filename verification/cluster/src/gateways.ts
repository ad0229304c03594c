/** Millrace servers as processes, over a cluster or alone, to be killed, frozen and started again. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { NatsCluster } from "./nats-cluster.ts";
import type { Network } from "./network.ts";

export const PROGRAM = fileURLToPath(new URL("../../../packages/millrace/dist/main.js", import.meta.url));
const READY_WITHIN_MS = 40_000;

type Variables = Readonly<Record<string, string>>;

export interface GatewayOptions {
  /** Where in the network it runs; without one on this machine's loopback. */
  readonly node?: string;
  /** More of its command line. */
  readonly words?: readonly string[];
}

export interface Gateway {
  readonly endpoint: string;
  /** Starts it, or starts it again; resolves when it takes requests. */
  start(): Promise<void>;
  /** `kill -9`. Resolves when the process is gone. */
  kill(): Promise<void>;
  freeze(): void;
  thaw(): void;
  /** Asks it to end; resolves to its exit code. */
  stop(): Promise<number | null>;
}

/** Servers that are started one after the other; `close` kills what runs. */
export class Gateways {
  readonly #cluster: NatsCluster;
  readonly #directory = mkdtempSync(join(tmpdir(), "millrace-gateways-"));
  readonly #running = new Set<ChildProcess>();

  readonly #network: Network | undefined;

  constructor(cluster: NatsCluster, network?: Network) {
    this.#cluster = cluster;
    this.#network = network;
    process.once("exit", this.#killAll);
  }

  /** A server on the cluster. */
  async add({ node, words = [] }: GatewayOptions = {}): Promise<Gateway> {
    const { login, systemLogin, urls } = this.#cluster;
    return this.#add(
      node,
      [
        ...["--engine", "jetstream", "--nats", urls.join(",")],
        ...(node === undefined ? [] : ["--allow-anyone"]),
        ...words,
      ],
      {
        MILLRACE_NATS_USER: login.user,
        MILLRACE_NATS_PASSWORD: login.password,
        MILLRACE_NATS_SYSTEM_USER: systemLogin.user,
        MILLRACE_NATS_SYSTEM_PASSWORD: systemLogin.password,
      },
    );
  }

  /** A server by itself, with a directory of its own. */
  async addAlone(): Promise<Gateway & { readonly dataDir: string }> {
    const dataDir = mkdtempSync(join(this.#directory, "data-"));
    return Object.assign(await this.#add(undefined, ["--data-dir", dataDir], {}), { dataDir });
  }

  async #add(node: string | undefined, words: readonly string[], variables: Variables): Promise<Gateway> {
    const port = await freePort();
    const host = node === undefined ? "127.0.0.1" : this.#network!.addressOf(node);
    const endpoint = `http://${host}:${port}`;
    const logFile = join(this.#directory, `${port}.log`);
    let child: ChildProcess | undefined;
    const gateway: Gateway = {
      endpoint,
      start: async () => {
        child = this.#spawn(node, ["--host", host, "--port", String(port), ...words], variables, logFile);
        const giveUpAtMs = Date.now() + READY_WITHIN_MS;
        while (!(await isReady(endpoint))) {
          if (child.exitCode !== null || Date.now() > giveUpAtMs) {
            throw new Error(`the server at ${endpoint} does not start:\n${readFileSync(logFile, "utf8")}`);
          }
          await sleep(50);
        }
      },
      kill: async () => void (await ended(child, "SIGKILL")),
      freeze: () => child?.kill("SIGSTOP"),
      thaw: () => child?.kill("SIGCONT"),
      stop: () => ended(child, "SIGTERM"),
    };
    await gateway.start();
    return gateway;
  }

  close(): void {
    this.#killAll();
    process.off("exit", this.#killAll);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  readonly #killAll = (): void => {
    for (const child of this.#running) child.kill("SIGKILL");
  };

  #spawn(
    node: string | undefined,
    words: readonly string[],
    variables: Variables,
    logFile: string,
  ): ChildProcess {
    const log = openSync(logFile, "a");
    const parameters = [PROGRAM, "serve", "--limits", "off", ...words];
    const [command, commandParameters] =
      node === undefined
        ? ([process.execPath, parameters] as const)
        : this.#network!.commandAt(node, process.execPath, parameters);
    const child = spawn(command, commandParameters, {
      env: {
        ...process.env,
        ...variables,
      },
      stdio: ["ignore", log, log],
      cwd: this.#directory,
    });
    this.#running.add(child);
    child.once("exit", () => this.#running.delete(child));
    return child;
  }
}

async function ended(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<number | null> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null)
    return child?.exitCode ?? null;
  const exit = once(child, "exit");
  child.kill(signal);
  const [code] = (await exit) as [number | null];
  return code;
}

async function isReady(endpoint: string): Promise<boolean> {
  try {
    return (await fetch(`${endpoint}/_millrace/health`)).ok;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as { port: number };
  await new Promise((resolve) => listener.close(resolve));
  return port;
}
