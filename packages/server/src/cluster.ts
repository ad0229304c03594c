/** The cluster engine of a server. What it needs is loaded only by servers that use it. */
import type { LogEngine } from "@millrace/log";
import type { Broker, ClusterCheck, GatewayDescription, StreamDescription } from "@millrace/log-jetstream";
import type { Clock, MemoryBudget, Runtime } from "@millrace/runtime";
import type { ServerOptions } from "./options/declarations.ts";

/** The cluster does not keep what a server of it promises, or cannot be reached. */
export class ClusterRefusedError extends Error {
  override readonly name = "ClusterRefusedError";
}

/** Which cluster, and as whom. */
export type ClusterAddress = Pick<
  ServerOptions,
  "nats" | "natsUser" | "natsPassword" | "natsSystemUser" | "natsSystemPassword"
>;

export interface ClusterSurroundings {
  readonly memory: MemoryBudget;
  readonly clock: { nowMs(): number };
  readonly broker?: Broker;
  readonly machineName?: string;
  readonly version?: string;
}

/** Newest entries kept for readers: a share of the memory for all groups together, and no more than that of one. */
const CACHE_SHARE = 1 / 16;
const CACHE_BYTES_MAX = 8 << 20;

/**
 * Joins the cluster, when it passes its checks.
 *
 * @throws {ClusterRefusedError}
 */
export async function openCluster(
  runtime: Runtime,
  options: ServerOptions,
  { memory, clock, broker: given, machineName = "gateway", version }: ClusterSurroundings,
): Promise<LogEngine> {
  const { joinCluster, refusalsOf } = await import("@millrace/log-jetstream");
  const broker = given ?? (await connectCluster(runtime.clock, options));
  try {
    const checks = await clusterChecks(broker);
    for (const { kind, name, found, wanted, remedy } of checks) {
      if (kind === "warning") runtime.log.warn(`the cluster: ${found}`, { check: name, wanted, remedy });
    }
    const refusals = refusalsOf(checks);
    if (refusals.length > 0)
      throw new ClusterRefusedError(`the cluster cannot be used. ${refusals.join(" ")}`);
    return await joinCluster({
      broker,
      clock: runtime.clock,
      serviceClock: clock,
      random: runtime.random,
      log: runtime.log,
      crash: runtime.crash,
      name: options.port === 0 ? machineName : `${machineName}:${options.port}`,
      ...(version === undefined ? {} : { version }),
      prefix: options.natsPrefix,
      cacheBytes: Math.min(CACHE_BYTES_MAX, Math.floor(memory.limitBytes * CACHE_SHARE)),
    });
  } catch (error) {
    await broker.close();
    throw error;
  }
}

/**
 * A connection to the cluster.
 *
 * @throws {ClusterRefusedError} when none of its servers takes it.
 */
export async function connectCluster(clock: Clock, address: ClusterAddress): Promise<Broker> {
  const { connectNatsBroker } = await import("@millrace/log-jetstream");
  const { nats = "", natsUser, natsPassword = "", natsSystemUser, natsSystemPassword = "" } = address;
  const servers = nats.split(",").map((server) => server.trim());
  try {
    return await connectNatsBroker({
      clock,
      servers,
      name: "millrace",
      ...(natsUser === undefined ? {} : { login: { user: natsUser, password: natsPassword } }),
      ...(natsSystemUser === undefined
        ? {}
        : { systemLogin: { user: natsSystemUser, password: natsSystemPassword } }),
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ClusterRefusedError(
      `none of ${servers.join(", ")} takes a connection: ${reason}. See that the servers run, and that user and password are right.`,
    );
  }
}

/** What the cluster says of itself, beside what is wanted of it. */
export async function clusterChecks(broker: Broker): Promise<readonly ClusterCheck[]> {
  const { checkCluster } = await import("@millrace/log-jetstream");
  return checkCluster(await broker.describeServers());
}

/** A gateway of a cluster, with the log groups that are its to write. */
export interface ClusterGateway extends GatewayDescription {
  readonly groups: readonly number[];
}

/** The gateways that are there, by name. `streams` are the cluster's. */
export async function clusterGateways(
  broker: Broker,
  clock: Clock,
  prefix: string,
  streams: readonly StreamDescription[],
): Promise<readonly ClusterGateway[]> {
  const { groupKey, listenForGateways, ownerAmong } = await import("@millrace/log-jetstream");
  const gateways = await listenForGateways(broker, clock, prefix);
  const sessions = gateways.map(({ session }) => session);
  const groups = streams
    .map(({ settings }) => groupNumber(settings.name, prefix))
    .filter((group) => group !== undefined)
    .sort((one, other) => one - other);
  return gateways.map((gateway) => ({
    ...gateway,
    groups: groups.filter((group) => ownerAmong(sessions, groupKey(group)) === gateway.session),
  }));
}

function groupNumber(stream: string, prefix: string): number | undefined {
  const start = `${prefix}_g`;
  const group = stream.startsWith(start) ? Number(stream.slice(start.length)) : NaN;
  return Number.isInteger(group) ? group : undefined;
}

/** The streams of a cluster in which records and state lie, sorted by name. Those that nobody answers for are left out. */
export async function clusterStreams(broker: Broker, prefix: string): Promise<readonly StreamDescription[]> {
  const listed = await Promise.all(
    [`${prefix}.state`, `${prefix}.snapshot`, `${prefix}.g.*.>`].map((subject) =>
      broker.listStreams(subject),
    ),
  );
  const names = listed.flatMap((outcome) => (outcome.kind === "streams" ? outcome.names : []));
  const described = await Promise.all(names.map((name) => broker.describeStream(name)));
  return described.flatMap((outcome) => (outcome.kind === "stream" ? [outcome.stream] : []));
}
