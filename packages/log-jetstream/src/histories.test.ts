import { encodeBatch, type LogEngine, readBatch, type ShardLogId } from "@millrace/log";
import {
  memoryLogger,
  type ProcessClock,
  type Random,
  seededRandom,
  simulatedClock,
} from "@millrace/runtime";
import { describe, expect, test } from "vitest";
import { joinCluster } from "./jetstream-engine.ts";
import {
  type SimulatedClient,
  type SimulatedCluster,
  simulatedCluster,
} from "./simulated/simulated-cluster.ts";

const SERVERS = ["n1", "n2", "n3"] as const;
const LOGS_KEY = "logs";
const TROUBLE_MS = 40_000;
const QUIET_MS = 20_000;

interface Gateway {
  readonly engine: LogEngine;
  readonly client: SimulatedClient;
  readonly process: ProcessClock;
  isAlive: boolean;
}

interface Put {
  readonly logId: ShardLogId;
  readonly value: string;
  readonly writer: string;
  outcome: { readonly kind: string; readonly index?: number } | undefined;
}

/** One history of rival gateways; what it found to be wrong. */
class History {
  readonly puts: Put[] = [];
  readonly seen: { readonly reader: string; readonly logId: ShardLogId; readonly values: string[] }[] = [];
  readonly #clock = simulatedClock();
  readonly #random: Random;
  readonly cluster: SimulatedCluster;
  readonly #gateways: Gateway[] = [];
  readonly #down = new Set<string>();
  readonly counts = { acknowledged: 0, unknown: 0, closes: 0, gatewayCrashes: 0, serverKills: 0, cuts: 0 };
  #isOver = false;
  #lastNumber = 0;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.cluster = simulatedCluster({ clock: this.#clock, random: this.#random });
  }

  async run(): Promise<string[]> {
    const clock = this.#clock;
    await clock.finish(this.#join());
    const [first] = this.#gateways as [Gateway];
    const logs = [first.engine.allocateLogId(), first.engine.allocateLogId()];
    await clock.finish(first.engine.state.commit({ opens: logs, puts: [[LOGS_KEY, JSON.stringify(logs)]] }));
    await clock.finish(Promise.all([this.#join(), this.#join()]));
    const share = () => this.#random.fraction() * 0.08;
    this.cluster.setFaults({
      ...{
        lostPublish: share(),
        delayedPublish: share(),
        duplicatedPublish: share(),
        lostAcknowledgement: share(),
      },
      ...{ lostAnswer: share(), laggingFollower: share(), lostAnnouncement: share() },
    });
    const work = [this.#trouble(), this.#reshard(), ...[0, 1, 2].map((place) => this.#read(place))];
    for (let writer = 0; writer < 6; writer += 1) work.push(this.#write(writer % 3, `w${writer}`));
    await clock.runFor(TROUBLE_MS);
    this.#isOver = true;
    for (const server of this.#down) this.cluster.startServer(server);
    for (const { client } of this.#gateways) client.heal();
    await clock.runFor(QUIET_MS);
    const late = await clock.finish(this.#join());
    const wrong = await clock.finish(this.#check(late.engine));
    for (const { engine, isAlive } of this.#gateways) if (isAlive) await clock.finish(engine.close());
    return wrong;
  }

  async #join(): Promise<Gateway> {
    const process = this.#clock.forProcess((reason, cause) => {
      throw new Error(reason, { cause });
    });
    const client = this.cluster.connect(process);
    const engine = await joinCluster({
      broker: client.broker,
      clock: process,
      serviceClock: process,
      random: this.#random,
      log: memoryLogger(),
      crash: (reason, cause) => {
        throw new Error(reason, { cause });
      },
    });
    const gateway = { engine, client, process, isAlive: true };
    this.#gateways.push(gateway);
    return gateway;
  }

  /** A gateway that lives; the place says which of them it is, as long as it is there. */
  #gateway(place: number): Gateway | undefined {
    const alive = this.#gateways.filter(({ isAlive }) => isAlive);
    return alive[place % Math.max(1, alive.length)];
  }

  async #write(place: number, writer: string): Promise<void> {
    while (!this.#isOver) {
      await this.#clock.sleep(this.#random.fraction() * 300);
      const gateway = this.#gateway(place);
      const logs = gateway === undefined ? [] : this.#logs(gateway.engine);
      const logId = logs[this.#random.below(logs.length || 1)];
      if (gateway === undefined || logId === undefined) continue;
      this.#lastNumber += 1;
      const value = `${writer}:${this.#lastNumber}`;
      const put: Put = { logId, value, writer, outcome: undefined };
      this.puts.push(put);
      const batch = encodeBatch([{ key: undefined, data: Buffer.from(value) }]);
      const outcome = await Promise.race([gateway.engine.append(logId, batch), this.#died(gateway)]);
      if (outcome === undefined) continue;
      put.outcome = outcome;
      if (outcome.kind === "appended") this.counts.acknowledged += 1;
      if (outcome.kind === "unknown") this.counts.unknown += 1;
    }
  }

  async #died(gateway: Gateway): Promise<undefined> {
    while (gateway.isAlive) await this.#clock.sleep(200);
    return undefined;
  }

  #logs(engine: LogEngine): ShardLogId[] {
    return JSON.parse(engine.state.get(LOGS_KEY)?.value ?? "[]") as ShardLogId[];
  }

  /** Splits a log now and then, from any gateway: closes it, and opens two others in its place. */
  async #reshard(): Promise<void> {
    while (!this.#isOver) {
      await this.#clock.sleep(2_000 + this.#random.fraction() * 5_000);
      const gateway = this.#gateway(this.#random.below(3));
      if (gateway === undefined) continue;
      const { engine } = gateway;
      const known = engine.state.get(LOGS_KEY);
      const logs = this.#logs(engine);
      const parent = logs[this.#random.below(logs.length || 1)];
      if (known === undefined || parent === undefined) continue;
      const children = [engine.allocateLogId(), engine.allocateLogId()].slice(0, logs.length > 6 ? 1 : 2);
      const after = [...logs.filter((logId) => logId !== parent), ...children];
      const outcome = await Promise.race([
        engine.state.commit({
          expect: [[LOGS_KEY, known.revision]],
          puts: [[LOGS_KEY, JSON.stringify(after)]],
          closes: [parent],
          opens: children,
        }),
        this.#died(gateway),
      ]);
      if (outcome?.kind === "committed") this.counts.closes += 1;
    }
  }

  /** Reads logs from their beginning, on one gateway after the other. */
  async #read(place: number): Promise<void> {
    const positions = new Map<ShardLogId, { index: number; values: string[] }>();
    while (!this.#isOver) {
      await this.#clock.sleep(this.#random.fraction() * 400);
      const gateway = this.#gateway(place + this.#random.below(2));
      if (gateway === undefined) continue;
      for (const logId of this.#logs(gateway.engine)) {
        let position = positions.get(logId);
        if (position === undefined) {
          position = { index: 1, values: [] };
          positions.set(logId, position);
          this.seen.push({ reader: `r${place}`, logId, values: position.values });
        }
        const read = gateway.engine.read(logId, position.index, { maxBytes: 1e6, maxRecords: 20 });
        const outcome = await Promise.race([read, this.#died(gateway)]);
        if (outcome?.kind !== "entries") continue;
        for (const { payload } of outcome.entries) position.values.push(valueOf(payload));
        position.index = outcome.nextIndex;
      }
    }
  }

  async #trouble(): Promise<void> {
    while (!this.#isOver) {
      await this.#clock.sleep(500 + this.#random.fraction() * 4_000);
      const kind = this.#random.below(6);
      const server = SERVERS[this.#random.below(3)]!;
      const gateway = this.#gateway(this.#random.below(3));
      if (kind === 0 && this.#down.size === 0) {
        this.#down.add(server);
        this.cluster.killServer(server);
        this.counts.serverKills += 1;
      } else if (kind === 1) {
        for (const name of this.#down) this.cluster.startServer(name);
        this.#down.clear();
      } else if (kind === 2) {
        this.cluster.stepDown(`millrace_g${1 + this.#random.below(2)}`);
        this.cluster.stepDown("millrace_state");
      } else if (kind === 3 && gateway !== undefined) {
        gateway.client.cut();
        this.counts.cuts += 1;
        this.#clock.schedule(this.#random.fraction() * 9_000, () => gateway.client.heal());
      } else if (
        kind === 4 &&
        gateway !== undefined &&
        this.#gateways.filter(({ isAlive }) => isAlive).length > 2
      ) {
        gateway.isAlive = false;
        gateway.process.end();
        gateway.client.cut();
        this.counts.gatewayCrashes += 1;
        void this.#join();
      } else if (kind === 5) {
        const stream = this.#random.below(2) === 0 ? "millrace_g1" : "millrace_state";
        this.cluster.holdFollower(stream, server, true);
        this.#clock.schedule(3_000, () => this.cluster.holdFollower(stream, server, false));
      }
    }
  }

  async #check(engine: LogEngine): Promise<string[]> {
    const wrong: string[] = [];
    const logIds = [...new Set([...this.puts.map(({ logId }) => logId), ...this.#logs(engine)])];
    const stored = new Map<ShardLogId, string[]>();
    for (const logId of logIds) {
      const values: string[] = [];
      for (let index = 1; ;) {
        const outcome = await engine.read(logId, index, { maxBytes: 1e6, maxRecords: 50 });
        if (outcome.kind !== "entries") {
          wrong.push(`log ${logId} cannot be read: ${outcome.kind}`);
          break;
        }
        if (outcome.entries.length === 0) break;
        for (const entry of outcome.entries) {
          if (entry.index !== values.length + 1)
            wrong.push(`log ${logId} has ${entry.index} after ${values.length}`);
          values.push(valueOf(entry.payload));
        }
        index = outcome.nextIndex;
      }
      stored.set(logId, values);
    }
    for (const { logId, value, outcome } of this.puts) {
      const places = stored.get(logId)!.flatMap((other, at) => (other === value ? [at + 1] : []));
      if (places.length > 1) wrong.push(`${value} is stored ${places.length} times`);
      if (outcome?.kind === "appended" && places[0] !== outcome.index) {
        wrong.push(
          `${value} was acknowledged at ${logId}/${outcome.index}, and is at ${places.join() || "no place"}`,
        );
      }
      if ((outcome?.kind === "closed" || outcome?.kind === "read-only") && places.length > 0) {
        wrong.push(`${value} was refused (${outcome.kind}) and is stored`);
      }
    }
    for (const { reader, logId, values } of this.seen) {
      const all = stored.get(logId)!;
      if (values.some((value, at) => all[at] !== value))
        wrong.push(`${reader} saw another order of log ${logId}`);
    }
    return wrong;
  }
}

function valueOf(payload: Uint8Array): string {
  const { dataStart, dataEnd } = readBatch(payload).records[0]!;
  return Buffer.from(payload.subarray(dataStart, dataEnd)).toString();
}

describe("rival gateways on one cluster, under crashes, cuts, leader changes and resharding", () => {
  test("lose nothing, acknowledge nothing past a close, and show everybody the same order", async () => {
    const totals = { acknowledged: 0, unknown: 0, closes: 0, gatewayCrashes: 0, serverKills: 0, cuts: 0 };
    const first = Number(process.env["SEED"] ?? 1);
    for (let seed = first; seed < first + Number(process.env["SEEDS"] ?? 4); seed += 1) {
      const history = new History(seed);
      expect(await history.run(), `seed ${seed}`).toEqual([]);
      for (const name of Object.keys(totals) as (keyof typeof totals)[]) totals[name] += history.counts[name];
    }
    expect(totals.acknowledged).toBeGreaterThan(300);
    expect(totals.closes).toBeGreaterThan(5);
    expect(totals.gatewayCrashes).toBeGreaterThan(0);
    expect(totals.serverKills).toBeGreaterThan(0);
  }, 300_000);
});
