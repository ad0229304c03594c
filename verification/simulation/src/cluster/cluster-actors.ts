/** Who takes part in a history of a cluster: clients that write, read, reshard and trim, and what goes wrong. */
import { encodeBatch, type ShardLogId } from "@millrace/log";
import type { Random } from "@millrace/runtime";
import { pick } from "../profile.ts";
import type { ClusterLedger, KnownLog } from "./cluster-ledger.ts";
import type { Misfortune } from "./cluster-profile.ts";
import { type ClusterWorld, type Gateway, LOGS_KEY, openLogsOf, SERVERS } from "./cluster-world.ts";

export interface ClusterCast {
  readonly world: ClusterWorld;
  readonly ledger: ClusterLedger;
}

const LARGE_ENTRY_BLANKS = 1_200_000;

/** Puts values of its own, each once, mostly through one gateway. */
export async function writer({ world, ledger }: ClusterCast, number: number): Promise<void> {
  const { profile } = world;
  const random = world.part();
  let count = 0;
  while (!world.isOver) {
    await world.pause(random.fraction() * profile.putPauseMs);
    const gateway = world.gateway(number);
    if (gateway === undefined || world.isOver) continue;
    const logs = openLogsOf(gateway.engine).filter(
      (logId) => !profile.ownLogs || logId % profile.writers === number,
    );
    if (logs.length === 0) continue;
    const puts = Array.from({ length: profile.ownLogs ? 1 : 1 + random.below(3) }, () => {
      count += 1;
      const isLarge = profile.largeEntryShare > 0 && random.fraction() < profile.largeEntryShare;
      return put({ world, ledger }, gateway, pick(random, logs), `w${number}:${count}`, isLarge);
    });
    await Promise.all(puts);
  }
}

export async function put(
  { world, ledger }: ClusterCast,
  gateway: Gateway,
  logId: ShardLogId,
  name: string,
  isLarge: boolean,
): Promise<string | undefined> {
  const data = isLarge ? name + " ".repeat(LARGE_ENTRY_BLANKS) : name;
  const entry = ledger.putBegins(logId, isLarge ? `${name}+${LARGE_ENTRY_BLANKS}` : name);
  const batch = encodeBatch([{ key: undefined, data: Buffer.from(data, "latin1") }]);
  const outcome = await Promise.race([gateway.engine.append(logId, batch), gateway.death]);
  world.note(`${name} to ${logId} through ${gateway.name}: ${JSON.stringify(outcome)}`);
  if (outcome !== undefined) ledger.putEnds(entry, outcome);
  return outcome?.kind;
}

/** Reads every log from its beginning to its end, on one gateway after the other, and now and then again what it has read. */
export async function reader(cast: ClusterCast, number: number): Promise<void> {
  const { world, ledger } = cast;
  const random = world.part();
  const positions = new Map<ShardLogId, number>();
  while (!world.isOver) {
    await world.pause(random.fraction() * world.profile.readPauseMs);
    const gateway = world.gateway(random.below(8));
    if (gateway === undefined) continue;
    for (const logId of openLogsOf(gateway.engine)) ledger.log(logId);
    for (const [logId, log] of ledger.logs) {
      // A gateway that knows nothing of a log yet says that it is gone, as it does of one that never was.
      if (gateway.engine.describe(logId) === undefined || world.isOver) continue;
      const position = positions.get(logId) ?? 1;
      if (log.endIndex === position && random.below(4) > 0) continue;
      const isAgain = random.below(4) === 0;
      const fromIndex = isAgain ? 1 + random.below(position) : position;
      const next = await readOnce(cast, `r${number}`, gateway, logId, fromIndex, random);
      if (next === undefined) break;
      if (!isAgain) positions.set(logId, next);
      if (random.below(8) === 0) await seekOnce(cast, gateway, log, random);
    }
  }
}

/** Where to go on; undefined when the gateway has crashed. */
async function readOnce(
  { world, ledger }: ClusterCast,
  name: string,
  gateway: Gateway,
  logId: ShardLogId,
  fromIndex: number,
  random: Random,
): Promise<number | undefined> {
  const limits = { maxBytes: 1 + random.below(400), maxRecords: 1 + random.below(20) };
  const outcome = await Promise.race([gateway.engine.read(logId, fromIndex, limits), gateway.death]);
  if (outcome === undefined) return undefined;
  const count = outcome.kind === "entries" ? outcome.entries.length : 0;
  world.note(`${name} read ${logId}/${fromIndex} from ${gateway.name}: ${outcome.kind} ${count}`);
  ledger.read(`${name} at ${gateway.name}`, logId, fromIndex, outcome);
  if (outcome.kind === "entries") return outcome.nextIndex;
  return outcome.kind === "trimmed" ? outcome.trimIndex : fromIndex;
}

/** Looks for the time of something that is known. */
async function seekOnce(
  { world, ledger }: ClusterCast,
  gateway: Gateway,
  log: KnownLog,
  random: Random,
): Promise<void> {
  const known = [...log.places];
  if (known.length === 0) return;
  const [, { arrivalMs }] = pick(random, known);
  const found = await Promise.race([gateway.engine.seek(log.logId, arrivalMs), gateway.death]);
  if (found === undefined) return;
  world.note(`sought ${log.logId} at ${arrivalMs} in ${gateway.name}: ${found}`);
  ledger.found(gateway.name, log, arrivalMs, found);
}

/** Splits and merges: closes logs and opens others in one change, through any gateway. */
export async function resharder({ world, ledger }: ClusterCast): Promise<void> {
  const { profile } = world;
  const random = world.part();
  let count = 0;
  while (!world.isOver) {
    await world.pause((0.2 + random.fraction() * 0.8) * profile.reshardPauseMs);
    const gateway = world.gateway(random.below(8));
    if (gateway === undefined || world.isOver) continue;
    const { engine } = gateway;
    const known = engine.state.get(LOGS_KEY);
    const logs = openLogsOf(engine);
    if (known === undefined || logs.length === 0) continue;
    const isMerge = logs.length > 6 || (logs.length > 1 && random.below(3) === 0);
    const first = random.below(logs.length);
    const parents = isMerge ? [logs[first]!, logs[(first + 1) % logs.length]!] : [logs[first]!];
    const children = Array.from({ length: isMerge ? 1 : 2 }, () => engine.allocateLogId());
    count += 1;
    const operation = `operation ${count}`;
    const after = [...logs.filter((logId) => !parents.includes(logId)), ...children];
    const change = {
      expect: [[LOGS_KEY, known.revision]] as const,
      puts: [
        [LOGS_KEY, JSON.stringify(after)],
        [operation, String(parents)],
      ] as const,
      closes: parents,
      opens: children,
    };
    const outcome = await Promise.race([engine.state.commit(change), gateway.death]);
    world.note(`${operation} of ${String(parents)} through ${gateway.name}: ${JSON.stringify(outcome)}`);
    if (outcome?.kind === "conflict" || outcome?.kind === "read-only") ledger.refusedKeys.add(operation);
    if (outcome?.kind !== "committed") continue;
    ledger.replaced(known.revision);
    ledger.committedKeys.set(operation, String(parents));
    for (const logId of parents) ledger.log(logId).isClosed = true;
    for (const logId of children) ledger.log(logId);
  }
}

/** Trims logs, and drops those that are closed. */
export async function retention({ world, ledger }: ClusterCast): Promise<void> {
  const random = world.part();
  while (!world.isOver) {
    await world.pause(random.fraction() * world.profile.reshardPauseMs);
    const gateway = world.gateway(random.below(8));
    const candidates = [...ledger.logs.values()].filter(({ isDropped }) => !isDropped);
    if (gateway === undefined || candidates.length === 0 || world.isOver) continue;
    const log = pick(random, candidates);
    const { logId } = log;
    const bounds = gateway.engine.describe(logId);
    if (bounds === undefined) continue;
    const index = 1 + random.below(bounds.nextIndex);
    const isDrop = log.isClosed && random.below(3) === 0;
    if (isDrop) log.dropAsked = true;
    else log.trimAsked = Math.max(log.trimAsked, index);
    const outcome = await Promise.race([
      gateway.engine.state.commit(isDrop ? { drops: [logId] } : { trims: [[logId, index]] }),
      gateway.death,
    ]);
    world.note(`${isDrop ? "drop" : `trim to ${index}`} of ${logId}: ${JSON.stringify(outcome)}`);
    if (outcome?.kind !== "committed") continue;
    if (isDrop) log.isDropped = true;
    else log.trimmed = Math.max(log.trimmed, index);
  }
}

/** What goes wrong with servers and gateways, and how it is put right. */
export class Misfortunes {
  readonly counts = new Map<Misfortune, number>();
  readonly #world: ClusterWorld;
  readonly #random: Random;
  readonly #down = new Set<string>();
  readonly #held = new Set<string>();
  readonly #joining: Promise<unknown>[] = [];

  constructor(world: ClusterWorld) {
    this.#world = world;
    this.#random = world.part();
  }

  async run(): Promise<void> {
    const { profile } = this.#world;
    if (profile.misfortunePauseMs === 0 || profile.misfortunes.length === 0) return;
    while (!this.#world.isOver) {
      await this.#world.pause(this.#random.fraction() * profile.misfortunePauseMs);
      if (!this.#world.isOver) this.#happens(pick(this.#random, profile.misfortunes));
    }
  }

  /** Everything is well from now on. Resolves when those who were joining have. */
  async end(): Promise<void> {
    const { cluster, gateways } = this.#world;
    for (const server of this.#down) cluster.startServer(server);
    this.#down.clear();
    for (const held of this.#held) this.#hold(held, false);
    for (const gateway of gateways.filter(({ isAlive }) => isAlive)) {
      gateway.client.heal();
      gateway.goOn();
    }
    await Promise.all(this.#joining);
  }

  #happens(misfortune: Misfortune): void {
    const world = this.#world;
    const random = this.#random;
    const gateway = world.gateway(random.below(8));
    const server = pick(random, SERVERS);
    const later = (mostMs: number, repair: () => void): void =>
      void world.clock.schedule(random.fraction() * mostMs, repair);
    switch (misfortune) {
      case "server killed":
      case "server frozen": {
        if (this.#down.size > 0) return;
        // Now and then all of them.
        for (const name of random.below(6) === 0 ? SERVERS : [server]) {
          if (misfortune === "server killed") world.cluster.killServer(name);
          else world.cluster.freezeServer(name);
          this.#down.add(name);
          later(9_000, () => {
            if (this.#down.delete(name)) world.cluster.startServer(name);
          });
        }
        break;
      }
      case "leaders step down":
        world.cluster.stepDown(`millrace_g${1 + random.below(2)}`);
        if (random.below(2) === 0) world.cluster.stepDown("millrace_state");
        break;
      case "leader cut off":
        world.cluster.deposeLeader(random.below(3) === 0 ? "millrace_state" : "millrace_g1");
        break;
      case "gateway cut off":
        if (gateway === undefined) return;
        gateway.client.cut();
        later(9_000, () => gateway.isAlive && gateway.client.heal());
        break;
      case "gateway stopped":
        if (gateway === undefined) return;
        gateway.stop();
        later(12_000, () => gateway.isStopped && gateway.goOn());
        break;
      case "gateway crashes":
        if (gateway === undefined || world.alive.length < world.profile.gateways) return;
        gateway.crash();
        this.#joining.push(world.join());
        break;
      case "replica held": {
        const held = `${pick(random, ["millrace_g1", "millrace_state", "millrace_snapshots"])} ${server}`;
        this.#hold(held, true);
        later(6_000, () => this.#hold(held, false));
        break;
      }
    }
    this.counts.set(misfortune, (this.counts.get(misfortune) ?? 0) + 1);
    world.note(`${misfortune}: ${gateway?.name ?? ""} ${server}`);
  }

  #hold(held: string, isHeld: boolean): void {
    const [stream, server] = held.split(" ") as [string, string];
    this.#world.cluster.holdFollower(stream, server, isHeld);
    if (isHeld) this.#held.add(held);
    else this.#held.delete(held);
  }
}
