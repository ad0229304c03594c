/**
 * The server without its sockets: bytes of requests in, bytes of answers out. The simulator and tests in
 * process work with this; `startServer` puts a listener in front of it.
 */
import { kinesis, ServiceError } from "@millrace/api";
import { createKinesisClient, inProcessTransport } from "@millrace/client";
import type { Journal, LogEngine } from "@millrace/log";
import type { Broker } from "@millrace/log-jetstream";
import { MemoryBudget, serviceClock } from "@millrace/runtime";
import type { Runtime, ServiceClock } from "@millrace/runtime";
import { createStreams } from "@millrace/streams";
import type { Streams } from "@millrace/streams";
import { createTables } from "@millrace/tables";
import { callersFromHeaders, createService } from "@millrace/wire";
import type { Handlers, WireRequest, WireResponse, WireService } from "@millrace/wire";
import { openEngine } from "./engine.ts";
import { Faults } from "./faults/faults.ts";
import type { ListShardsHandler } from "./faults/faults.ts";
import { createInitialStreams } from "./initial-streams.ts";
import { ServerMetrics } from "./metrics/server-metrics.ts";
import type { ProcessFigures } from "./metrics/server-metrics.ts";
import { PROMETHEUS_CONTENT_TYPE } from "./metrics/prometheus.ts";
import { checkOptions } from "./options/check-options.ts";
import type { ServerOptions } from "./options/declarations.ts";
import { limitOptions } from "./options/limit-override.ts";
import { defaultMemoryBytes } from "./options/memory.ts";
import type { MachineMemory } from "./options/memory.ts";
import { backups } from "./routes/backup.ts";
import { control } from "./routes/control.ts";
import { importRoute } from "./routes/import.ts";
import { metricPoints } from "./routes/metric-points.ts";
import { health, localstackHealth } from "./routes/health.ts";
import { errorAnswer } from "./routes/json-answer.ts";
import { sideServices } from "./side-services.ts";
import { ServiceTime } from "./service-time.ts";
import { memoryShares } from "./threads/memory-shares.ts";
import type { MemoryShares } from "./threads/memory-shares.ts";
import { watched } from "./watched.ts";

/** What a server is made with, beside its options. */
export interface ServerSurroundings {
  /** Shown by health and metrics. */
  readonly version?: string;
  /** What the machine has; without it the memory bound is 256 MiB unless the options say. */
  readonly machineMemory?: MachineMemory;
  /** By which people tell servers of a cluster apart, with the port. */
  readonly machineName?: string;
  /** For `--engine jetstream` the cluster itself, in place of a connection to its servers: for tests and the simulator. */
  readonly broker?: Broker;
  /** Account ids by access key id, for requests signed with those keys. */
  readonly accounts?: Readonly<Record<string, string>>;
}

export interface ServerCore {
  readonly service: WireService;
  /** Complete and checked. */
  readonly options: ServerOptions;
  /** Service time. Move it with {@link ServerCore.advance}, which makes the move durable. */
  readonly clock: ServiceClock;
  readonly engine: LogEngine;
  /** Of the thread of the service. */
  readonly memory: MemoryBudget;
  readonly memoryShares: MemoryShares;
  readonly faults: Faults;
  /** Moves service time forward, durably; resolves when all work that fell due is done. */
  advance(durationMs: number): Promise<void>;
  /** Says whether requests are taken, for health. True from the start. */
  setReady(ready: boolean): void;
  /** Figures that only the process around the server has, for metrics. */
  setProcessFigures(figures: () => Promise<ProcessFigures>): void;
  /** Stops the work behind the requests and lets go of the engine. Requests must have ended before. */
  close(): Promise<void>;
}

/**
 * Opens the engine and puts the services on it.
 *
 * @throws {OptionError} for options that cannot be used; {@link DamagedDataError}; `DirectoryInUseError` and
 * `UnknownFormatError` of the journal; {@link ClockBehindError} when the newest record lies in the future.
 */
export async function createServer(
  runtime: Runtime,
  given: Partial<ServerOptions> = {},
  surroundings: ServerSurroundings = {},
): Promise<ServerCore> {
  const options = checkOptions(given);
  const boundBytes = options.memory ?? defaultMemoryBytes(surroundings.machineMemory);
  const shares = memoryShares(boundBytes, options.threads);
  const memory = new MemoryBudget(shares.service);
  const clock = serviceClock(runtime.clock);
  const { engine, journal } = await openEngine(runtime, {
    options,
    memory,
    clock,
    surroundings,
  });
  try {
    const time = ServiceTime.resume(runtime, clock, engine, {
      acceptClock: options.acceptClock,
      place: options.engine === "jetstream" ? "the cluster" : options.dataDir,
      isFixed: options.engine === "jetstream",
    });
    return await compose(runtime, options, surroundings, { memory, shares, engine, journal, time });
  } catch (error) {
    await engine.close();
    throw error;
  }
}

interface Parts {
  readonly memory: MemoryBudget;
  readonly shares: MemoryShares;
  readonly engine: LogEngine;
  readonly journal: Journal | undefined;
  readonly time: ServiceTime;
}

async function compose(
  runtime: Runtime,
  options: ServerOptions,
  { version = "unknown", accounts = {} }: ServerSurroundings,
  { memory, shares, engine, journal, time }: Parts,
): Promise<ServerCore> {
  const { clock, random, secrets, log } = runtime;
  const metrics = new ServerMetrics({ engine, memory, clock: time.clock, version });
  const streams = await createStreams(
    { clock: time.clock, random, secrets, log, engine, memory, meter: metrics.meter },
    { transitionDelayMs: options.transitionDelay, limits: limitOptions(options) },
  );
  const handlers = handlersOf(streams);
  const faults = new Faults({ clock, listShards: handlers.ListShards as unknown as ListShardsHandler });
  const tables = createTables(
    { clock: time.clock, random, secrets, log, engine },
    { transitionDelayMs: options.transitionDelay },
  );
  const callers = callersFromHeaders({ accounts });
  const kinesisService = createService({
    contract: kinesis,
    handlers,
    callers,
    clock,
    random,
    log,
    ...(options.dev ? { intercept: faults.intercept } : {}),
  });
  const dataService = watched(kinesisService, { clock, metrics, faults });
  const sideService = sideServices({
    tables,
    callers,
    clock,
    random,
    log,
    metrics,
    faults,
    dev: options.dev,
  });

  let ready = true;
  let processFigures: () => Promise<ProcessFigures> = () => Promise.resolve({});
  const healthSources = {
    engine,
    durability: options.engine === "jetstream" ? "cluster" : options.durability,
    version,
    ready: () => ready,
  };
  const controlOptions = { dev: options.dev, time, faults, machineNowMs: () => clock.nowMs() };
  const backup = backups({ journal, dataDir: options.dataDir, files: runtime.files, log });
  const ownRoutes = async (request: WireRequest, path: string): Promise<WireResponse> => {
    const reading = request.method === "GET" || request.method === "HEAD";
    if (path === "/_millrace/health" && reading) return health(healthSources);
    if (path === "/_localstack/health" && reading) return localstackHealth(healthSources);
    if (path === "/_millrace/metrics" && reading) {
      return {
        status: 200,
        headers: { "content-type": PROMETHEUS_CONTENT_TYPE },
        body: Buffer.from(metrics.write(await processFigures(), streams.consumersServed())),
      };
    }
    if (path === "/_millrace/metrics/points" && reading) return metricPoints(request, tables.points);
    if (path === "/_millrace/backup") return backup(request);
    if (path.startsWith("/_millrace/clock") || path.startsWith("/_millrace/faults")) {
      return control(request, path, controlOptions);
    }
    if (path.startsWith("/_millrace/import/")) {
      return importRoute(request, path, { allowed: options.allowImport, imports: streams.imports });
    }
    return errorAnswer(
      404,
      "ResourceNotFoundException",
      `There is nothing for ${request.method} at ${path}.`,
    );
  };
  const service: WireService = (request) => {
    const path = pathOf(request.path);
    if (isOurs(path)) return ownRoutes(request, path);
    return (sideService(request) ?? dataService)(request);
  };

  if (options.stream.length > 0) {
    const client = createKinesisClient({ transport: inProcessTransport(service), clock, random });
    try {
      await createInitialStreams(client, options.stream, {
        clock,
        log,
        transitionDelayMs: options.transitionDelay,
      });
    } catch (error) {
      // Its timers would keep the process alive.
      await streams.close();
      await tables.close();
      throw error;
    }
  }
  return {
    service,
    options,
    clock: time.clock,
    engine,
    memory,
    memoryShares: shares,
    faults,
    advance: (durationMs) => time.advance(durationMs),
    setReady: (now) => {
      ready = now;
    },
    setProcessFigures: (figures) => {
      processFigures = figures;
    },
    close: async () => {
      await streams.close();
      await tables.close();
      await engine.close();
    },
  };
}

/** Paths that begin with an underscore are ours; every other belongs to the service, which ignores it. */
function isOurs(path: string): boolean {
  return path.startsWith("/_millrace/") || path === "/_localstack/health";
}

/** Without the query, and without the scheme and host that a proxy's form of a request has. */
function pathOf(target: string): string {
  if (target === "/") return target;
  const path = target.startsWith("/") ? target : target.replace(/^https?:\/\/[^/]*/i, "");
  const query = path.indexOf("?");
  return query < 0 ? path : path.slice(0, query);
}

/** The handlers of the service, and a refusal for each operation that it does not serve. */
function handlersOf(streams: Streams): Handlers<typeof kinesis> {
  const served: Partial<Handlers<typeof kinesis>> = streams.handlers;
  const missing = Object.keys(kinesis.operations)
    .filter((name) => !(name in served))
    .map((name) => {
      const refuse = () =>
        Promise.reject(
          new ServiceError("UnknownOperationException", `${name} is not served by this version.`),
        );
      return [name, refuse] as const;
    });
  return { ...Object.fromEntries(missing), ...served } as Handlers<typeof kinesis>;
}
