/** One size of entries over one number of shards, on a cluster of its own. */
import type { Broker } from "@millrace/log-jetstream";
import { connectNatsBroker, joinCluster } from "@millrace/log-jetstream";
import { PayloadBatch } from "@millrace/log";
import { nodeRuntime } from "@millrace/runtime";
import type { NatsCluster } from "@millrace/verification-cluster";
import { startNatsCluster } from "@millrace/verification-cluster";
import { median } from "../harness/rounds.ts";
import { scratchDirectory } from "../servers/scratch.ts";
import type { Contestant, Idle, Turn } from "./contestants.ts";
import { feeds, gateways, measureIdle } from "./contestants.ts";
import type { FedShard } from "./feed-plan.ts";

export interface Cell {
  readonly entryBytes: number;
  readonly shards: number;
}

export interface CellTimes {
  readonly warmUpMs: number;
  /** How long a turn is counted; or, for seeing that everything works, how many entries each process stores. */
  readonly ends: { readonly durationMs: number } | { readonly entries: number };
}

export interface CellOptions extends CellTimes {
  readonly rounds: number;
  /** How many there are at once, one after the other: 1 and 3, say. Each number has a publisher of as many processes beside it. */
  readonly gatewayCounts: readonly number[];
  /** For everybody who writes: `--cpu-prof` and its like. */
  readonly nodeFlags: readonly string[];
  progress(text: string): void;
}

export interface CellOutcome {
  readonly cell: Cell;
  /** Streams of JetStream that the shards lie in. */
  readonly groups: number;
  readonly idle: Idle;
  readonly contestants: readonly ContestantOutcome[];
}

export interface ContestantOutcome {
  readonly name: string;
  /** Whom it is measured against; undefined for a publisher. */
  readonly against: string | undefined;
  readonly turns: readonly Turn[];
  /** Of each figure by itself. */
  readonly medians: Omit<Turn, "entriesEver">;
}

export const ENGINE_ALONE = "engine alone";

/** Rejects when anything was not stored, or less is stored than was acknowledged. */
export async function runCell(cell: Cell, options: CellOptions): Promise<CellOutcome> {
  const { rounds, progress } = options;
  const scratch = scratchDirectory("cluster");
  const cluster = await startNatsCluster({ under: scratch.path });
  const connecting = { clock: nodeRuntime().clock, servers: cluster.urls, name: "millrace-bench" };
  try {
    const broker = await connectNatsBroker({ ...connecting, login: cluster.login });
    try {
      progress("shards are made");
      const logIds = await makeLogs(cluster, cell);
      const groups = await streamsOf(broker, ENGINE_SUBJECTS);
      await makeRawStreams(broker, groups.length);
      // What was just made is written to the disk in the meantime, too.
      const idle = await measureIdle(cluster, 2 * groups.length, idleMsOf(options));
      const entrants = entrantsOf(cluster, cell, { ...options, logIds, groupCount: groups.length });
      for (let round = 0; round < rounds; round += 1) {
        for (const { contestant, turns } of entrants) {
          progress(`${contestant.name}: round ${round + 1} of ${rounds}`);
          turns.push(await contestant.turn());
        }
      }
      await checkStored(broker, cell, entrants);
      const contestants = entrants.map(({ contestant: { name }, against, turns }) => ({
        ...{ name, against, turns },
        medians: mediansOf(turns),
      }));
      return { cell, groups: groups.length, idle, contestants };
    } finally {
      await broker.close();
    }
  } finally {
    await cluster.close();
    scratch.remove();
  }
}

const IDLE_MS = 5_000;

function idleMsOf({ ends }: CellTimes): number {
  return "entries" in ends ? 100 : IDLE_MS;
}

interface Entrant {
  readonly contestant: Contestant;
  readonly against: string | undefined;
  readonly turns: Turn[];
}

function entrantsOf(
  cluster: NatsCluster,
  cell: Cell,
  {
    logIds,
    groupCount,
    gatewayCounts,
    nodeFlags,
    warmUpMs,
    ends,
  }: CellOptions & { readonly logIds: readonly number[]; readonly groupCount: number },
): Entrant[] {
  const common = { groupCount, nodeFlags, warmUpMs, ends };
  // As the engine deals them out: the first ones into the first group.
  const rawShards = logIds.map((logId, at): FedShard => ({
    logId,
    group: Math.floor((at * groupCount) / logIds.length),
  }));
  const engineShards = logIds.map((logId): FedShard => ({ logId, group: 0 }));
  const entrants: Entrant[] = [];
  for (const gatewayCount of gatewayCounts) {
    const name = gatewayCount === 1 ? "raw publisher" : `${gatewayCount} raw publishers`;
    const raw = { name, kind: "raw", prefix: RAW, shards: rawShards, processCount: gatewayCount } as const;
    entrants.push({ contestant: feeds(cluster, cell, { ...raw, ...common }), against: undefined, turns: [] });
    if (gatewayCount === 1) {
      const engine = { name: ENGINE_ALONE, kind: "engine", prefix: ENGINE, shards: engineShards } as const;
      const contestant = feeds(cluster, cell, { ...engine, processCount: 1, ...common });
      entrants.push({ contestant, against: name, turns: [] });
    }
    const contestant = gateways(cluster, cell, { gatewayCount, ...common });
    entrants.push({ contestant, against: name, turns: [] });
  }
  return entrants;
}

const RAW = "raw";
const ENGINE = "engine";
const ENGINE_SUBJECTS = `${ENGINE}.g.*.>`;

/** Logs for the engine alone, with an entry in each, so that their streams are there. */
async function makeLogs({ urls, login }: NatsCluster, { shards }: Cell): Promise<number[]> {
  const { clock, random, log, crash } = nodeRuntime({ logLevel: "warn" });
  const broker = await connectNatsBroker({ clock, servers: urls, name: "millrace-bench", login });
  const engine = await joinCluster({
    ...{ broker, clock, serviceClock: clock, random, log, crash, prefix: ENGINE },
  });
  try {
    const logIds = Array.from({ length: shards }, () => engine.allocateLogId());
    const made = await engine.state.commit({ opens: logIds });
    if (made.kind !== "committed") throw new Error(`the logs could not be made: ${made.kind}`);
    const first = new PayloadBatch(Buffer.alloc(1), 1);
    const outcomes = await Promise.all(logIds.map((logId) => engine.append(logId, first)));
    for (const { kind } of outcomes) if (kind !== "appended") throw new Error(`a first entry was ${kind}`);
    return logIds;
  } finally {
    await engine.close();
  }
}

/** The same kind of streams as the engine's, but for the announcements to readers. */
async function makeRawStreams(broker: Broker, count: number): Promise<void> {
  for (let group = 0; group < count; group += 1) {
    const outcome = await broker.createStream({
      ...{ name: `${RAW}_g${group}`, subjects: [`${RAW}.g.${group}.>`], replicas: 3 },
    });
    if (outcome.kind !== "done") throw new Error(`a stream could not be made: ${JSON.stringify(outcome)}`);
  }
}

async function streamsOf(broker: Broker, subjects: string): Promise<readonly string[]> {
  const listed = await broker.listStreams(subjects);
  if (listed.kind !== "streams") throw new Error(`the streams are not listed: ${listed.reason}`);
  return listed.names;
}

/** What was acknowledged is there. */
async function checkStored(
  broker: Broker,
  { entryBytes }: Cell,
  entrants: readonly Entrant[],
): Promise<void> {
  for (const subjects of new Set(entrants.map(({ contestant }) => contestant.subjects))) {
    let storedBytes = 0;
    for (const name of await streamsOf(broker, subjects)) {
      const described = await broker.describeStream(name);
      if (described.kind !== "stream") throw new Error(`stream ${name} is ${described.kind}`);
      storedBytes += described.stream.storedBytes;
    }
    const turns = entrants.flatMap(({ contestant, turns: all }) =>
      contestant.subjects === subjects ? all : [],
    );
    const acknowledgedBytes = turns.reduce((total, { entriesEver }) => total + entriesEver * entryBytes, 0);
    if (acknowledgedBytes === 0) throw new Error(`nothing was acknowledged in ${subjects}`);
    if (storedBytes < acknowledgedBytes)
      throw new Error(
        `${acknowledgedBytes} bytes were acknowledged in ${subjects}, ${storedBytes} are stored`,
      );
  }
}

function mediansOf(turns: readonly Turn[]): ContestantOutcome["medians"] {
  const of = (value: (turn: Turn) => number) => median(turns.map(value));
  return {
    megabytesPerSecond: of((turn) => turn.megabytesPerSecond),
    p50Ms: of((turn) => turn.p50Ms),
    p99Ms: of((turn) => turn.p99Ms),
    writerCores: of((turn) => turn.writerCores),
    natsCores: of((turn) => turn.natsCores),
    loadCores: of((turn) => turn.loadCores),
    diskFactor: of((turn) => turn.diskFactor),
    networkFactor: of((turn) => turn.networkFactor),
  };
}
