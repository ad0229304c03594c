/** Who takes turns on a cluster: messages without more, the log engine alone, and servers with clients before them. */
import { fileURLToPath } from "node:url";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { NatsCluster } from "@millrace/verification-cluster";
import { createStream } from "../compare/control.ts";
import { median } from "../harness/rounds.ts";
import { runLoadHere, runLoads, runTogether } from "../load/run-load.ts";
import type { Latencies } from "../load/plan.ts";
import { cpuMsOf, loopbackBytes, rssBytesOf, writtenBytesOf } from "../servers/process-usage.ts";
import type { Cell, CellTimes } from "./cell.ts";
import type { FedShard, FeedPlan, FeedResult } from "./feed-plan.ts";
import { startGateways } from "./gateway-server.ts";

export interface Turn {
  readonly megabytesPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Entries that were acknowledged ever, of all phases. */
  readonly entriesEver: number;
  /** Processor time over wall time; 1 is one core. Of whoever speaks with the cluster: a publisher, or the gateways. */
  readonly writerCores: number;
  /** Of the three NATS servers together. */
  readonly natsCores: number;
  /** Of the clients of gateways; 0 where there are none. */
  readonly loadCores: number;
  /** What the three NATS servers wrote for each acknowledged byte, on all disks together. */
  readonly diskFactor: number;
  /** What went over the loopback for each: between servers, from the writer to them, and from clients to gateways. */
  readonly networkFactor: number;
}

export interface Contestant {
  readonly name: string;
  /** Streams that hold what it wrote have a subject that matches. */
  readonly subjects: string;
  turn(): Promise<Turn>;
}

const feedProgram = fileURLToPath(new URL("../../dist/cluster/feed-main.js", import.meta.url));
const STREAM = "bench";

export interface FeedOptions extends CellTimes {
  readonly name: string;
  readonly groupCount: number;
  readonly nodeFlags: readonly string[];
  readonly kind: FeedPlan["kind"];
  readonly prefix: string;
  readonly shards: readonly FedShard[];
  /** They share the groups among them. */
  readonly processCount: number;
}

/** Publishers: each writes all shards of its own groups, so that none meets another. */
export function feeds(cluster: NatsCluster, cell: Cell, options: FeedOptions): Contestant {
  const { name, groupCount, nodeFlags, kind, prefix, shards, processCount, warmUpMs, ends } = options;
  const { user, password } = cluster.login;
  const shares = Array.from({ length: processCount }, (_, at) =>
    shards.filter(({ group }) => group % processCount === at),
  ).filter((share) => share.length > 0);
  const plans = shares.map((share): FeedPlan => ({
    ...{ kind, servers: cluster.urls, user, password, prefix, shards: share, warmUpMs, ...ends },
    entryBytes: cell.entryBytes,
    inFlight: Math.ceil(inFlightOf(cell, groupCount) / shares.length),
  }));
  return {
    name,
    subjects: `${prefix}.g.*.>`,
    async turn() {
      const servers = usageOf(cluster);
      const results = await runTogether<FeedResult>(feedProgram, plans, { onGo: servers.begin, nodeFlags });
      const figures = figuresOf(cell, results);
      return {
        ...figures,
        ...servers.end(figures.megabytesPerSecond),
        entriesEver: sum(results, ({ entriesEver }) => entriesEver),
        writerCores: sum(results, ({ cpuMs, elapsedMs }) => cpuMs / elapsedMs),
        loadCores: 0,
      };
    },
  };
}

export interface GatewayOptions extends CellTimes {
  readonly gatewayCount: number;
  readonly groupCount: number;
  /** For Node, before the program: `--cpu-prof` and its like. */
  readonly nodeFlags: readonly string[];
}

/** Different records that a client has ready. */
const PREPARED_BYTES_MAX = 64 << 20;

/** Gateways under load: each is sent records of all shards, as clients behind a balancer do. They start for each turn, as publishers do. */
export function gateways(cluster: NatsCluster, cell: Cell, options: GatewayOptions): Contestant {
  const { gatewayCount, groupCount, nodeFlags, warmUpMs, ends } = options;
  const { entryBytes, shards } = cell;
  const shape = {
    streamName: STREAM,
    operation: "PutRecord",
    protocol: "cbor",
    recordBytes: entryBytes,
    connections: Math.ceil(inFlightOf(cell, groupCount) / gatewayCount),
    // Of very large records not every shard gets one, but every group does.
    partitionKeys: {
      count: Math.min(Math.max(256, 4 * shards), Math.floor(PREPARED_BYTES_MAX / entryBytes)),
      seed: 1,
    },
    warmUpMs,
    countsSentBefore: true,
    ...("entries" in ends ? { requests: ends.entries } : ends),
  } as const;
  return {
    name: gatewayCount === 1 ? "1 gateway" : `${gatewayCount} gateways`,
    subjects: "millrace.g.*.>",
    async turn() {
      const started = await startGateways(cluster, gatewayCount, nodeFlags);
      try {
        await haveStream(started[0]!.endpoint, shards);
        const servers = usageOf(cluster);
        const own = coresOf(() => started.map(({ pid }) => pid));
        const results = await runLoads(
          started.map(({ endpoint }) => ({ endpoint, ...shape })),
          () => {
            servers.begin();
            own.begin();
          },
        );
        const writerCores = own.end();
        const counted = results.map((result) => ({ ...result, entries: result.records }));
        const figures = figuresOf(cell, counted);
        return {
          ...figures,
          ...servers.end(figures.megabytesPerSecond),
          entriesEver: sum(counted, ({ entries }) => entries),
          writerCores,
          loadCores: sum(results, ({ cpuMs, elapsedMs }) => cpuMs / elapsedMs),
        };
      } finally {
        await Promise.all(started.map((gateway) => gateway.stop()));
      }
    },
  };
}

async function haveStream(endpoint: string, shards: number): Promise<void> {
  try {
    await createStream(endpoint, STREAM, shards);
  } catch (error) {
    // It is there from the turn before.
    if (String(error).includes("ResourceInUseException")) return;
    throw error;
  }
  // The streams of JetStream are made with the first entry of each group, which takes a while where there are many.
  const recordsPerRequest = 500;
  const count = 8 * shards;
  await runLoadHere({
    ...{ endpoint, streamName: STREAM, operation: "PutRecords", protocol: "cbor", connections: 1 },
    ...{ recordBytes: 1, recordsPerRequest, partitionKeys: { count, seed: 2 } },
    requests: Math.ceil(count / recordsPerRequest),
  });
}

const APPEND_BYTES = 1 << 20;
const IN_FLIGHT_BYTES_MAX = 32 << 20;
const IN_FLIGHT_MAX = 1_024;

/**
 * How many entries wait at once: for each group those of two appends of a mebibyte, the one under way and the next; so that whether
 * new ones come together or one by one, as they do over sockets, makes no difference. At most 32 MiB, and 1,024.
 */
export function inFlightOf({ entryBytes }: Cell, groupCount: number): number {
  const wanted = (groupCount * 2 * APPEND_BYTES) / entryBytes;
  return Math.floor(Math.min(Math.max(16, wanted), IN_FLIGHT_BYTES_MAX / entryBytes, IN_FLIGHT_MAX));
}

/** Cores that processes used from `begin` on to `end`. */
function coresOf(pids: () => readonly number[]): { begin(): void; end(): number } {
  let cpuMs = 0;
  let atMs = 0;
  return {
    begin() {
      cpuMs = cpuMsOf(pids());
      atMs = performance.now();
    },
    end: () => (cpuMsOf(pids()) - cpuMs) / (performance.now() - atMs),
  };
}

/** What the servers, their disks and the network did from `begin` on to `end`, which is told the rate meanwhile. */
function usageOf(cluster: NatsCluster) {
  const cores = coresOf(() => cluster.pids);
  let writtenBytes = 0;
  let sentBytes = 0;
  let atMs = 0;
  return {
    begin() {
      cores.begin();
      writtenBytes = writtenBytesOf(cluster.pids);
      sentBytes = loopbackBytes();
      atMs = performance.now();
    },
    end(megabytesPerSecond: number) {
      const acknowledgedBytes = megabytesPerSecond * 1_000 * (performance.now() - atMs);
      return {
        natsCores: cores.end(),
        diskFactor: (writtenBytesOf(cluster.pids) - writtenBytes) / acknowledgedBytes,
        networkFactor: (loopbackBytes() - sentBytes) / acknowledgedBytes,
      };
    },
  };
}

/** What a cluster costs on which nothing happens. */
export interface Idle {
  readonly streams: number;
  /** Of the three NATS servers together. */
  readonly natsCores: number;
  /** Resident memory of one of them, on average. */
  readonly natsBytes: number;
}

export async function measureIdle(cluster: NatsCluster, streams: number, durationMs: number): Promise<Idle> {
  const cores = coresOf(() => cluster.pids);
  cores.begin();
  await sleep(durationMs);
  return { streams, natsCores: cores.end(), natsBytes: rssBytesOf(cluster.pids) / cluster.pids.length };
}

interface Counted {
  readonly entries: number;
  readonly elapsedMs: number;
  readonly latencyMs: Latencies;
}

function figuresOf({ entryBytes }: Cell, results: readonly Counted[]) {
  return {
    megabytesPerSecond: sum(results, ({ entries, elapsedMs }) => (entries * entryBytes) / elapsedMs / 1_000),
    p50Ms: median(results.map(({ latencyMs }) => latencyMs.p50)),
    p99Ms: Math.max(...results.map(({ latencyMs }) => latencyMs.p99)),
  };
}

function sum<Value>(values: readonly Value[], of: (value: Value) => number): number {
  return values.reduce((total, value) => total + of(value), 0);
}
