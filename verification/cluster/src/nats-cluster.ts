/**
 * Three real servers on this machine, started from the configurations in `deploy/nats`, to be killed, frozen and started
 * again. Everything they keep is in a temporary directory.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Login } from "@millrace/log-jetstream";
import type { Network } from "./network.ts";

const DEPLOYED = fileURLToPath(new URL("../../../deploy/nats", import.meta.url));
const ZONES = ["a", "b", "c"] as const;
const HEALTHY_WITHIN_MS = 60_000;
const REMEDY =
  'it comes with "go install github.com/nats-io/nats-server/v2@v2.15.1", and NATS_SERVER names another one';
const PASSWORDS = {
  NATS_ROUTES_PASSWORD: "routes-secret",
  MILLRACE_PASSWORD: "millrace-secret",
  SYSTEM_PASSWORD: "system-secret",
};

export interface NatsCluster {
  /** Where clients connect. */
  readonly urls: readonly string[];
  readonly login: Login;
  readonly systemLogin: Login;
  readonly serverNames: readonly string[];
  /** Of the servers that run. */
  readonly pids: readonly number[];
  urlOf(server: string): string;
  /** `kill -9`. Resolves when the process is gone. */
  kill(server: string): Promise<void>;
  freeze(server: string): void;
  thaw(server: string): void;
  /** Starts a server that was killed, on the data that it had. */
  start(server: string): void;
  /** Resolves when the servers that run are healthy: in the cluster, and caught up in every stream. */
  healthy(): Promise<void>;
  /** Kills what runs and removes everything. */
  close(): Promise<void>;
}

export interface NatsClusterOptions {
  /** Changes a configuration before the servers see it. Must change something. */
  readonly edit?: { readonly file: string; readonly from: string; readonly to: string };
  /** Where the servers' directories are made. Default: that of the machine's temporary files. */
  readonly under?: string;
  /** Where the servers run, each at a node of its name; otherwise all are on this machine's loopback. */
  readonly network?: Network;
}

/** Why there can be no cluster on this machine, with what helps; undefined when there can. */
export function natsServerProblem(): string | undefined {
  const { error, status } = spawnSync(program(), ["--version"], { stdio: "ignore" });
  return error === undefined && status === 0
    ? undefined
    : `${program()} does not run on this machine; ${REMEDY}`;
}

export async function startNatsCluster({
  edit,
  under = tmpdir(),
  network,
}: NatsClusterOptions = {}): Promise<NatsCluster> {
  const directory = mkdtempSync(join(under, "millrace-nats-"));
  let configurations = DEPLOYED;
  if (edit !== undefined) {
    configurations = join(directory, "configurations");
    cpSync(DEPLOYED, configurations, { recursive: true });
    const path = join(configurations, edit.file);
    const text = readFileSync(path, "utf8");
    if (!text.includes(edit.from)) throw new Error(`${edit.file} does not have ${JSON.stringify(edit.from)}`);
    writeFileSync(path, text.replace(edit.from, edit.to));
  }
  const ports = await freePorts(ZONES.length * 3);
  const hosts = ZONES.map((zone) => network?.addressOf(`millrace-${zone}`) ?? "127.0.0.1");
  const routes = ZONES.map(
    (_, at) => `nats://routes:${PASSWORDS.NATS_ROUTES_PASSWORD}@${hosts[at]}:${ports[at * 3 + 1]}`,
  );
  const servers = new Map<string, Server>(
    ZONES.map((zone, at) => {
      const [clients, routesPort, monitor] = ports.slice(at * 3, at * 3 + 3) as [number, number, number];
      const environment = {
        ...PASSWORDS,
        NATS_CLIENTS: `${hosts[at]}:${clients}`,
        NATS_ROUTES_LISTEN: `${hosts[at]}:${routesPort}`,
        NATS_ROUTES: `[${routes.join(", ")}]`,
        NATS_MONITOR: `${hosts[at]}:${monitor}`,
        NATS_STORE: join(directory, zone),
      };
      const configuration = join(configurations, `zone-${zone}.conf`);
      const logFile = join(directory, `${zone}.log`);
      const name = `millrace-${zone}`;
      const command = ["--config", configuration];
      const place = {
        ...{ host: hosts[at]!, clientsPort: clients, monitorPort: monitor },
        command: network?.commandAt(name, program(), command) ?? ([program(), command] as const),
      };
      return [name, new Server(place, environment, logFile)] as const;
    }),
  );
  const serverOf = (name: string): Server => {
    const server = servers.get(name);
    if (server === undefined) throw new Error(`there is no server ${name}`);
    return server;
  };
  const running = (): Server[] => [...servers.values()].filter((server) => server.isRunning);
  const atExit = (): void => {
    for (const server of running()) server.signal("SIGKILL");
  };
  process.once("exit", atExit);
  const cluster: NatsCluster = {
    urls: [...servers.values()].map(({ url }) => url),
    login: { user: "millrace", password: PASSWORDS.MILLRACE_PASSWORD },
    systemLogin: { user: "system", password: PASSWORDS.SYSTEM_PASSWORD },
    serverNames: [...servers.keys()],
    get pids() {
      return running().flatMap(({ pid }) => pid ?? []);
    },
    urlOf: (name) => serverOf(name).url,
    kill: (name) => serverOf(name).kill(),
    freeze: (name) => serverOf(name).signal("SIGSTOP"),
    thaw: (name) => serverOf(name).signal("SIGCONT"),
    start: (name) => serverOf(name).start(),
    async healthy() {
      await Promise.all(running().map((server) => server.healthy()));
      await eventually("the servers have found each other", async () => {
        const others = running().length - 1;
        const seen = await Promise.all(running().map((server) => server.currentPeerCount()));
        // Who leads may have routes to two that have none to each other yet: a request to all would reach one of them.
        const routes = await Promise.all(running().map((server) => server.routeCount()));
        return Math.max(...seen) >= others && Math.min(...routes) >= others;
      });
    },
    async close() {
      await Promise.all(running().map((server) => server.kill()));
      process.off("exit", atExit);
      rmSync(directory, { recursive: true, force: true });
    },
  };
  for (const server of servers.values()) server.start();
  try {
    await cluster.healthy();
  } catch (error) {
    await cluster.close();
    throw error;
  }
  return cluster;
}

interface Place {
  readonly host: string;
  readonly clientsPort: number;
  readonly monitorPort: number;
  readonly command: readonly [program: string, parameters: readonly string[]];
}

class Server {
  readonly url: string;
  readonly #place: Place;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #logFile: string;
  #process: ChildProcess | undefined;

  constructor(place: Place, environment: Readonly<Record<string, string>>, logFile: string) {
    this.#place = place;
    this.#environment = environment;
    this.#logFile = logFile;
    this.url = `nats://${place.host}:${place.clientsPort}`;
  }

  get isRunning(): boolean {
    return this.#process !== undefined;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  start(): void {
    if (this.#process !== undefined) throw new Error("the server runs already");
    const log = openSync(this.#logFile, "a");
    const [command, parameters] = this.#place.command;
    const child = spawn(command, parameters, {
      env: { ...process.env, ...this.#environment },
      stdio: ["ignore", log, log],
    });
    const ended = (): void => {
      if (this.#process === child) this.#process = undefined;
    };
    child.once("error", ended);
    child.once("exit", ended);
    this.#process = child;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  async healthy(): Promise<void> {
    let answer = "";
    try {
      await eventually("the server is healthy", async () => {
        if (this.#process === undefined) throw new Error("it has ended");
        const { status, text } = await this.#ask("/healthz");
        answer = text;
        return status === 200;
      });
    } catch (error) {
      const log = readFileSync(this.#logFile, "utf8").split("\n").slice(-20).join("\n");
      throw new Error(`${String(error)}: ${answer}. ${program()}: ${REMEDY}. Its last lines:\n${log}`, {
        cause: error,
      });
    }
  }

  /** How many other servers it sees in the cluster's catalog; -1 when it is not the one that leads it. */
  async currentPeerCount(): Promise<number> {
    const { status, text } = await this.#ask("/jsz");
    if (status !== 200) return -1;
    const { meta_cluster: meta } = JSON.parse(text) as {
      meta_cluster?: { replicas?: { current: boolean; offline?: boolean }[] };
    };
    return meta?.replicas?.filter(({ current, offline = false }) => current && !offline).length ?? -1;
  }

  /** To how many other servers it has routes. */
  async routeCount(): Promise<number> {
    const { status, text } = await this.#ask("/routez");
    if (status !== 200) return -1;
    const { routes } = JSON.parse(text) as { routes?: { remote_id: string }[] };
    return new Set(routes?.map(({ remote_id: other }) => other)).size;
  }

  #ask(path: string): Promise<{ status: number; text: string }> {
    return new Promise((resolve) => {
      const { host, monitorPort } = this.#place;
      const request = get(`http://${host}:${monitorPort}${path}`, (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      });
      request.on("error", (error) => resolve({ status: 0, text: String(error) }));
    });
  }
}

async function eventually(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const giveUpAtMs = Date.now() + HEALTHY_WITHIN_MS;
  while (!(await isSo())) {
    if (Date.now() > giveUpAtMs)
      throw new Error(`after ${HEALTHY_WITHIN_MS} ms it is still not so that ${what}`);
    await sleep(50);
  }
}

function program(): string {
  return process.env["NATS_SERVER"] ?? "nats-server";
}

/** Ports that were free a moment ago. All are held until the last one is found, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const listeners = await Promise.all(
    Array.from({ length: count }, async () => {
      const listener = createServer().listen(0, "127.0.0.1");
      await once(listener, "listening");
      return listener;
    }),
  );
  const ports = listeners.map((listener) => (listener.address() as { port: number }).port);
  await Promise.all(listeners.map((listener) => new Promise((resolve) => listener.close(resolve))));
  return ports;
}
