import { memoryLogger, seededRandom, simulatedClock } from "@millrace/runtime";
import { describe, expect, test } from "vitest";
import { type SimulatedCluster, simulatedCluster } from "../simulated/simulated-cluster.ts";
import { StateLog } from "./state-log.ts";

interface World {
  readonly clock: ReturnType<typeof simulatedClock>;
  readonly cluster: SimulatedCluster;
  join(): Promise<StateLog>;
}

function worldOf(seed: number): World {
  const clock = simulatedClock();
  const random = seededRandom(seed);
  const cluster = simulatedCluster({ clock, random });
  const join = () =>
    StateLog.join(
      {
        broker: cluster.connect(clock).broker,
        clock,
        random,
        log: memoryLogger(),
        crash: (reason, cause) => {
          throw new Error(reason, { cause });
        },
        replicas: 3,
        prefix: "m",
      },
      { changed: () => undefined, closing: () => undefined },
    );
  return { clock, cluster, join };
}

/** Adds one to a counter, again and again; gives how often that was told to have happened, and how often it may have. */
async function count(state: StateLog, times: number): Promise<{ sure: number; maybe: number }> {
  const counted = { sure: 0, maybe: 0 };
  while (counted.sure + counted.maybe < times) {
    const before = state.machine.get("counter");
    const outcome = await state.commit({
      expect: [["counter", before?.revision ?? 0]],
      puts: [["counter", String(Number(before?.value ?? 0) + 1)]],
    });
    if (outcome.kind === "committed") counted.sure += 1;
    else if (outcome.kind === "unknown") counted.maybe += 1;
    else expect(outcome.kind).toBe("conflict");
  }
  return counted;
}

describe("the state log", () => {
  test("rival gateways that count together lose nothing and count nothing twice, whatever the cluster does", async () => {
    let faultCount = 0;
    for (let seed = 1; seed <= 20; seed += 1) {
      const { clock, cluster, join } = worldOf(seed);
      const gateways = await clock.finish(Promise.all([join(), join(), join()]));
      cluster.setFaults({
        lostPublish: 0.05,
        delayedPublish: 0.05,
        duplicatedPublish: 0.1,
        lostAcknowledgement: 0.1,
        lostAnswer: 0.05,
        laggingFollower: 0.1,
        lostAnnouncement: 0.2,
      });
      const work = Promise.all(gateways.map((state) => count(state, 20)));
      clock.schedule(700, () => cluster.stepDown("m_state"));
      clock.schedule(3_000, () => cluster.killServer(cluster.leaderOf("m_state")!));
      const counted = await clock.finish(work);
      const sure = counted.reduce((sum, one) => sum + one.sure, 0);
      const maybe = counted.reduce((sum, one) => sum + one.maybe, 0);
      cluster.setFaults({});
      const late = await clock.finish(join());
      const total = Number(late.machine.get("counter")?.value);
      expect(total).toBeGreaterThanOrEqual(sure);
      expect(total).toBeLessThanOrEqual(sure + maybe);
      faultCount += cluster.faultCount("duplicatedPublish") * cluster.faultCount("lostAcknowledgement");
      for (const state of [...gateways, late]) state.close();
    }
    expect(faultCount).toBeGreaterThan(0);
  });

  test("a gateway that joins late begins with a snapshot, and knows what the others know", async () => {
    const { clock, join } = worldOf(1);
    const first = await clock.finish(join());
    for (let round = 0; round < 2_100; round += 1) {
      await clock.finish(first.commit({ puts: [[`key ${round % 7}`, String(round)]] }));
    }
    await clock.runFor(1_000);
    const second = await clock.finish(join());
    expect(second.machine.snapshot().values).toEqual(first.machine.snapshot().values);
    expect(second.joinSequence).toBeGreaterThan(2_100);
    first.close();
    second.close();
  });

  test("a change larger than a message goes as one", async () => {
    const { clock, join } = worldOf(1);
    const [first, second] = await clock.finish(Promise.all([join(), join()]));
    const puts = Array.from({ length: 30 }, (_, index) => [`key ${index}`, "x".repeat(100_000)] as const);
    expect(await clock.finish(first.commit({ puts }))).toMatchObject({ kind: "committed" });
    await clock.runFor(2_000);
    expect([...second.machine.list("key ")]).toHaveLength(30);
    first.close();
    second.close();
  });
});
