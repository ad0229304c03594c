/** Moments in which a gateway was once left waiting, or told what is not so; each was first met by a history of the simulation. */
import { encodeBatch, type LogEngine, type ShardLogId } from "@millrace/log";
import { seededRandom, simulatedClock } from "@millrace/runtime";
import { describe, expect, test } from "vitest";
import type { Broker } from "./broker/broker.ts";
import { joinUnderTest } from "./gateway-under-test.ts";
import { simulatedCluster } from "./simulated/simulated-cluster.ts";

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];
const PATIENCE_MS = 60_000;
const A_PASS_MS = 16 * 60_000;

const RIVALS = { lostNews: 1 };

function worldOf(seed: number, cacheBytes = 8 << 20) {
  const clock = simulatedClock();
  const random = seededRandom(seed);
  const cluster = simulatedCluster({ clock, random });
  // Nobody hears of anybody: all are rivals.
  cluster.setFaults(RIVALS);
  const crashed: string[] = [];
  const begin = (around: (broker: Broker) => Broker = (broker) => broker) => {
    const process = clock.forProcess((reason, cause) => void crashed.push(`${reason}: ${String(cause)}`));
    const engine = joinUnderTest({
      broker: around(cluster.connect(process).broker),
      ...{ clock: process, serviceClock: clock, random, cacheBytes },
    });
    return { process, engine };
  };
  /** Runs until it is done; undefined when it is not within a minute. */
  const within = <Result>(promise: Promise<Result>): Promise<Result | undefined> =>
    clock.finish(Promise.race([promise, clock.sleep(PATIENCE_MS).then(() => undefined)]));
  const join = async (around?: (broker: Broker) => Broker) => {
    const { process, engine } = begin(around);
    return { process, engine: await clock.finish(engine) };
  };
  const openLog = async (engine: LogEngine): Promise<ShardLogId> => {
    const logId = engine.allocateLogId();
    await clock.finish(engine.state.commit({ opens: [logId] }));
    return logId;
  };
  return { clock, cluster, crashed, begin, join, openLog, within };
}

function put(engine: LogEngine, logId: ShardLogId, data = Buffer.from("x")) {
  return engine.append(logId, encodeBatch([{ key: undefined, data }]));
}

/** As `broker`, but that the outcome of each *nothing* is told only after `isReleased`. */
function withLateNothings(broker: Broker, isReleased: Promise<void>): Broker {
  return new Proxy(broker, {
    get(target, name) {
      if (name === "publish") {
        return async (...all: Parameters<Broker["publish"]>) => {
          const outcome = await target.publish(...all);
          if (all[1].endsWith(".nothing")) await isReleased;
          return outcome;
        };
      }
      const member = Reflect.get(target, name) as unknown;
      return typeof member === "function" ? (member.bind(target) as unknown) : member;
    },
  });
}

describe("a put", () => {
  test("that got lost, and that no other follows, is stored and answered all the same", async () => {
    const { clock, cluster, join, openLog, within } = worldOf(1);
    const { engine } = await join();
    const log = await openLog(engine);
    expect(await within(put(engine, log))).toMatchObject({ kind: "appended" });
    cluster.setFaults({ ...RIVALS, lostPublish: 1 });
    const lost = put(engine, log);
    await clock.runFor(100);
    cluster.setFaults(RIVALS);
    expect(await within(lost)).toMatchObject({ kind: "appended", index: 2 });
    await clock.finish(engine.close());
  });

  test("goes on behind what came while the acknowledgement before it was on its way", async () => {
    const { clock, crashed, join, openLog, within } = worldOf(1);
    let release = (): void => undefined;
    const isReleased = new Promise<void>((resolve) => (release = resolve));
    const one = await join((broker) => withLateNothings(broker, isReleased));
    const other = await join();
    const log = await openLog(one.engine);
    const stop = one.engine.watch(log, () => undefined);
    const first = put(one.engine, log);
    await clock.runFor(500);
    for (let at = 0; at < 3; at += 1) {
      expect(await within(put(other.engine, log))).toMatchObject({ kind: "appended", index: at + 1 });
    }
    await clock.runFor(500);
    expect(one.engine.describe(log)).toMatchObject({ nextIndex: 4 });
    release();
    expect(await within(first)).toMatchObject({ kind: "appended", index: 4 });
    stop();
    // Who begins to read again begins where it was.
    await clock.runFor(A_PASS_MS);
    expect(await within(put(one.engine, log))).toMatchObject({ kind: "appended", index: 5 });
    expect(crashed).toEqual([]);
    for (const { engine } of [one, other]) await clock.finish(engine.close());
  });

  test("does not wait for what a leader had only proposed when it was cut off", async () => {
    for (const seed of SEEDS) {
      const { clock, cluster, join, openLog, within } = worldOf(seed);
      const [one, other] = [await join(), await join()];
      const log = await openLog(one.engine);
      for (const { engine } of [one, other]) await within(put(engine, log));
      void put(one.engine, log);
      await clock.runFor(0.8);
      one.process.end();
      cluster.deposeLeader("millrace_g1");
      expect(await within(put(other.engine, log)), `seed ${seed}`).toMatchObject({ kind: "appended" });
      await clock.finish(other.engine.close());
    }
  });
});

describe("a replica that is behind", () => {
  async function withStaleReplicas(seed: number) {
    const world = worldOf(seed, 0);
    const { clock, cluster, join, openLog } = world;
    const { engine } = await join();
    const log = await openLog(engine);
    await clock.finish(put(engine, log));
    for (const server of ["n1", "n2", "n3"]) {
      if (server !== cluster.leaderOf("millrace_g1")) cluster.holdFollower("millrace_g1", server, true);
    }
    const arrivalsMs: number[] = [];
    for (let index = 2; index <= 40; index += 1) {
      await clock.runFor(10);
      const outcome = await clock.finish(put(engine, log));
      if (outcome.kind === "appended") arrivalsMs[outcome.index] = outcome.arrivalMs;
    }
    return { ...world, engine, log, arrivalsMs };
  }

  test("does not have a seek pass over what it does not show", async () => {
    for (const seed of SEEDS) {
      const { clock, engine, log, arrivalsMs } = await withStaleReplicas(seed);
      for (const index of [2, 11, 40])
        expect(await clock.finish(engine.seek(log, arrivalsMs[index]!)), `seed ${seed}`).toBe(index);
      await clock.finish(engine.close());
    }
  });

  test("does not have a purge take what is above the trim point", async () => {
    for (const seed of SEEDS) {
      const { clock, engine, log } = await withStaleReplicas(seed);
      await clock.finish(engine.state.commit({ trims: [[log, 5]] }));
      await clock.runFor(A_PASS_MS);
      const outcome = await clock.finish(engine.read(log, 5, { maxBytes: 1e9, maxRecords: 1_000 }));
      expect(outcome.kind === "entries" && outcome.entries[0]?.index, `seed ${seed}`).toBe(5);
      await clock.finish(engine.close());
    }
  });
});

describe("a read", () => {
  test("of a closed log gives an entry where there is one, though the log was not followed to its end yet", async () => {
    let behindCount = 0;
    for (const seed of SEEDS) {
      const { clock, cluster, join, openLog, within } = worldOf(seed);
      const [{ engine }, { engine: other }] = [await join(), await join()];
      const log = await openLog(engine);
      await within(other.state.refresh!());
      other.watch(log, () => undefined);
      await clock.runFor(2_000);
      await within(put(engine, log));
      await clock.runFor(2_000);
      for (const server of ["n1", "n2", "n3"]) {
        if (server !== cluster.leaderOf("millrace_g1")) cluster.holdFollower("millrace_g1", server, true);
      }
      cluster.setFaults({ ...RIVALS, lostAnnouncement: 1 });
      await within(put(engine, log));
      await within(engine.state.commit({ closes: [log] }));
      await within(other.state.refresh!());
      if (other.describe(log)?.endIndex !== 3) continue;
      if (other.describe(log)?.lastArrivalMs !== engine.describe(log)?.lastArrivalMs) behindCount += 1;
      const outcome = await within(other.read(log, 2, { maxBytes: 1e9, maxRecords: 1 }));
      expect(outcome, `seed ${seed}`).toMatchObject({ kind: "entries", nextIndex: 3, ended: true });
      await clock.finish(Promise.all([engine.close(), other.close()]));
    }
    expect(behindCount).toBeGreaterThan(0);
  });

  test("goes past an entry of several messages", async () => {
    const { clock, join, openLog, within } = worldOf(1, 0);
    const { engine } = await join();
    const log = await openLog(engine);
    await within(put(engine, log, Buffer.alloc(2_500_000)));
    await within(put(engine, log));
    const outcome = await within(engine.read(log, 2, { maxBytes: 1, maxRecords: 1 }));
    expect(outcome).toMatchObject({ kind: "entries", nextIndex: 3 });
    await clock.finish(engine.close());
  });
});

test("a log that was dropped is not begun anew by what was still to be read or written of it", async () => {
  for (const seed of SEEDS) {
    const { clock, cluster, crashed, join, openLog, within } = worldOf(seed);
    const [{ engine }, { engine: other }] = [await join(), await join()];
    const [log, kept] = [await openLog(engine), await openLog(engine)];
    await within(other.state.refresh!());
    other.watch(log, () => undefined);
    for (let count = 0; count < 3; count += 1) await within(put(engine, log));
    await clock.runFor(2_000);
    for (const server of ["n1", "n2", "n3"]) {
      if (server !== cluster.leaderOf("millrace_g1")) cluster.holdFollower("millrace_g1", server, true);
    }
    cluster.setFaults({ ...RIVALS, lostAnnouncement: 1 });
    for (let count = 0; count < 3; count += 1) await within(put(engine, log));
    await within(engine.state.commit({ drops: [log] }));
    const late = [put(other, log), put(other, kept)];
    await within(other.state.refresh!());
    cluster.setFaults(RIVALS);
    const [dropped, stored] = [await within(late[0]!), await within(late[1]!)];
    // It was put before this gateway learnt of the drop, so it is either behind the others or nowhere.
    if (dropped?.kind === "appended") expect(dropped.index, `seed ${seed}`).toBe(7);
    else expect(dropped?.kind, `seed ${seed}`).toBe("closed");
    expect(stored).toMatchObject({ kind: "appended", index: 1 });
    await clock.runFor(5_000);
    expect(crashed).toEqual([]);
    await clock.finish(Promise.all([engine.close(), other.close()]));
  }
});

test("a gateway may take long to join while somebody's close is not finished", async () => {
  const { clock, cluster, crashed, begin, join, openLog, within } = worldOf(1);
  const { engine, process } = await join();
  const log = await openLog(engine);
  await within(put(engine, log));
  cluster.deposeLeader("millrace_g1");
  void engine.state.commit({ closes: [log] });
  await clock.runFor(50);
  process.end();
  cluster.setFaults({ ...RIVALS, lostPublish: 1 });
  const joining = begin();
  await clock.runFor(12_000);
  cluster.setFaults(RIVALS);
  const late = await within(joining.engine);
  await clock.runFor(20_000);
  expect(crashed).toEqual([]);
  expect(late?.describe(log)).toMatchObject({ endIndex: 2 });
  if (late !== undefined) await clock.finish(late.close());
});
