/**
 * One history of a cluster: a seed, and all that follows from it. Rival gateways write to the same logs, split and merge them, and
 * crash, while their cluster fares no better; afterwards, when everything is well, all is asked back from every gateway, and
 * from one that has just joined.
 */
import type { ShardLogId } from "@millrace/log";
import { BrokenPromise } from "../broken-promise.ts";
import {
  type ClusterCast,
  Misfortunes,
  put,
  reader,
  resharder,
  retention,
  writer,
} from "./cluster-actors.ts";
import { ClusterCopy } from "./cluster-copy.ts";
import { ClusterLedger } from "./cluster-ledger.ts";
import { type ClusterProfile, clusterProfileOf, type Misfortune } from "./cluster-profile.ts";
import { ClusterWorld, type Gateway, LOGS_KEY, openLogsOf } from "./cluster-world.ts";

export interface ClusterHistoryResult {
  /** Of everything that was asked and answered, with its time. */
  readonly digest: string;
  readonly acknowledged: number;
  readonly unknown: number;
  readonly read: number;
  /** Entries of the log that is copied from two places. */
  readonly copied: number;
  readonly closed: number;
  readonly misfortunes: ReadonlyMap<Misfortune, number>;
}

/** Why a history failed, with what is needed to look into it. */
export class FailedClusterHistory extends Error {
  override readonly name = "FailedClusterHistory";
  /** The checker that failed; undefined when it was no checker. */
  readonly checker: string | undefined;

  constructor(seed: number, world: ClusterWorld, cause: unknown) {
    const reason = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    const trace =
      process.env["SIMULATION_TRACE"] === undefined
        ? []
        : ["", ...world.recent, JSON.stringify(world.profile)];
    const lines = [
      `seed ${seed}: ${reason}`,
      `replay: npm run test:simulation -- --cluster --seed ${seed}`,
      ...trace,
    ];
    super(lines.join("\n"), { cause });
    this.checker = cause instanceof BrokenPromise ? cause.checker : undefined;
  }
}

/** Within which everything is done once everything is well, in virtual milliseconds. */
const CALM_MS = 240_000;
/** Longer than the time between two passes of a gateway that gives back what nobody can read. */
const PURGE_MS = 16 * 60_000;

/** @throws {FailedClusterHistory} */
export async function runClusterHistory(
  seed: number,
  changes: Partial<ClusterProfile> = {},
): Promise<ClusterHistoryResult> {
  const profile = { ...clusterProfileOf(seed), ...changes };
  const world = new ClusterWorld(seed, profile);
  const ledger = new ClusterLedger();
  const misfortunes = new Misfortunes(world);
  let copied: number;
  try {
    copied = await story({ world, ledger }, misfortunes);
  } catch (error) {
    throw new FailedClusterHistory(seed, world, error);
  }
  return {
    digest: world.digest(),
    acknowledged: ledger.countOf("appended"),
    unknown: ledger.countOf("unknown"),
    read: ledger.readCount,
    copied,
    closed: [...ledger.logs.values()].filter(({ isClosed }) => isClosed).length,
    misfortunes: misfortunes.counts,
  };
}

/** Returns how many entries were copied. */
async function story(cast: ClusterCast, misfortunes: Misfortunes): Promise<number> {
  const { world, ledger } = cast;
  const { clock, profile, cluster } = world;
  const first = await clock.finish(world.join());
  const logs = Array.from({ length: profile.logs }, () => first.engine.allocateLogId());
  const copy = new ClusterCopy(first.engine.allocateLogId());
  const opening = {
    opens: [...logs, copy.logId],
    puts: [[LOGS_KEY, JSON.stringify(logs)]] as const,
  };
  await clock.finish(first.engine.state.commit(opening));
  for (const logId of logs) ledger.log(logId);
  await clock.finish(Promise.all(Array.from({ length: profile.gateways - 1 }, () => world.join())));
  cluster.setFaults(profile.faults);
  const work = [
    ...Array.from({ length: profile.writers }, (_, number) => writer(cast, number)),
    ...Array.from({ length: profile.readers }, (_, number) => reader(cast, number)),
    resharder(cast),
    ...[0, 1].map((number) => copy.copier(world, number)),
    ...(profile.retention ? [retention(cast)] : []),
    misfortunes.run(),
  ].map((actor) => actor.catch((error: unknown) => clock.fail(error)));
  await clock.runFor(profile.troubleMs);
  world.endTrouble();
  cluster.setFaults({});
  await within(world, "those who were at work", Promise.all([misfortunes.end(), ...work]));
  // Its replicas may be behind when it joins.
  const late = await within(world, "a gateway that joins late", world.join());
  for (const gateway of world.alive) {
    await audit(cast, gateway);
    await within(world, "the copy", copy.audit(gateway.engine));
  }
  await within(world, "a put to every log", putEverywhere(cast, late));
  if (profile.troubleMs > PURGE_MS / 2) {
    await clock.runFor(PURGE_MS);
    await audit(cast, late);
    await givenBack(cast, late);
  }
  for (const gateway of world.alive) await within(world, "a stop", gateway.engine.close());
  return copy.count;
}

/** Every log takes puts again, unless somebody's close of it is still being finished. */
async function putEverywhere(cast: ClusterCast, gateway: Gateway): Promise<void> {
  const { clock } = cast.world;
  let count = 0;
  for (const logId of openLogsOf(gateway.engine)) {
    while (openLogsOf(gateway.engine).includes(logId)) {
      count += 1;
      if ((await put(cast, gateway, logId, `last:${count}`, false)) === "appended") break;
      await clock.sleep(500);
    }
  }
}

/** Everything as one gateway has it. */
async function audit({ world, ledger }: ClusterCast, { engine, name }: Gateway): Promise<void> {
  if (engine.state.refresh !== undefined) await within(world, "a refresh", engine.state.refresh());
  for (const [key, value] of ledger.committedKeys) {
    if (engine.state.get(key)?.value !== value)
      throw new BrokenPromise(
        "acknowledged-is-durable",
        `${key} was committed, and ${name} does not have it`,
      );
  }
  for (const key of ledger.refusedKeys) {
    if (engine.state.get(key) !== undefined)
      throw new BrokenPromise("one-total-order", `${key} was refused, and ${name} has it`);
  }
  for (const logId of openLogsOf(engine)) ledger.log(logId);
  for (const [logId, log] of ledger.logs) {
    const refreshed = engine.refresh?.(logId, "newest");
    if (refreshed !== undefined) await within(world, "a refresh of a log", refreshed);
    const bounds = engine.describe(logId);
    if (log.isDropped && bounds !== undefined)
      throw new BrokenPromise(
        "kept-until-retention-and-gone-after",
        `log ${logId} was dropped, and ${name} has it`,
      );
    if (bounds === undefined) {
      ledger.read(name, logId, 1, { kind: "gone" });
      continue;
    }
    for (let index = bounds.trimIndex; ;) {
      const reading = engine.read(logId, index, { maxBytes: 4_000_000, maxRecords: 50 });
      const outcome = await within(world, "a read", reading);
      ledger.read(name, logId, index, outcome);
      if (outcome.kind !== "entries" || outcome.nextIndex === index) break;
      index = outcome.nextIndex;
    }
    ledger.wholeLog(name, log, bounds);
  }
  ledger.refusedIsNowhere();
}

/** What nobody can read any more has gone from the streams of the cluster. */
async function givenBack({ world, ledger }: ClusterCast, { engine }: Gateway): Promise<void> {
  const { broker } = world.cluster.connect(world.clock);
  const names = await within(world, "a list", broker.listStreams("millrace.g.*.>"));
  const counts = new Map<ShardLogId, number>();
  for (const stream of names.kind === "streams" ? names.names : []) {
    const request = { fromSequence: 1, maxBytes: Infinity, maxMessages: Infinity };
    const read = await within(world, "a read of a stream", broker.read(stream, request));
    for (const { subject } of read.kind === "messages" ? read.messages : []) {
      const logId = Number(/\.log\.(\d+)$/.exec(subject)?.[1]);
      counts.set(logId, (counts.get(logId) ?? 0) + 1);
    }
  }
  for (const [logId, { isDropped }] of ledger.logs) {
    const bounds = engine.describe(logId);
    const count = counts.get(logId) ?? 0;
    // The newest entry stays: it says where the log goes on.
    const kept = bounds === undefined ? 0 : Math.max(1, bounds.nextIndex - bounds.trimIndex);
    const isCounted = isDropped || (bounds?.endIndex === undefined && world.profile.largeEntryShare === 0);
    if (isCounted && count > kept) {
      throw new BrokenPromise(
        "kept-until-retention-and-gone-after",
        `of log ${logId} ${count} messages are kept, of which ${kept} can be read`,
      );
    }
  }
}

/** Runs until something is done, which must not take for ever. */
async function within<Result>(world: ClusterWorld, what: string, promise: Promise<Result>): Promise<Result> {
  const tooLong = world.clock.sleep(CALM_MS).then((): Result => {
    throw new BrokenPromise("faults-never-lose", `${what}: not done ${CALM_MS} ms after all is well`);
  });
  return world.clock.finish(Promise.race([promise, tooLong]));
}
