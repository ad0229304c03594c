import { encodeBatch, type LogEngine, type ShardLogId } from "@millrace/log";
import { seededRandom, simulatedClock } from "@millrace/runtime";
import { describe, expect, test } from "vitest";
import { joinUnderTest } from "../gateway-under-test.ts";
import { simulatedCluster } from "../simulated/simulated-cluster.ts";

/** Longer than the time between two passes. */
const A_PASS_MS = 16 * 60_000;

function worldOf(seed: number) {
  const clock = simulatedClock();
  const random = seededRandom(seed);
  const cluster = simulatedCluster({ clock, random });
  const { broker } = cluster.connect(clock);
  const join = (): Promise<LogEngine> =>
    clock.finish(
      joinUnderTest({
        broker: cluster.connect(clock).broker,
        clock,
        random,
      }),
    );
  const openLogs = async (engine: LogEngine, count: number): Promise<ShardLogId[]> => {
    const opens = Array.from({ length: count }, () => engine.allocateLogId());
    expect(await clock.finish(engine.state.commit({ opens }))).toMatchObject({ kind: "committed" });
    return opens;
  };
  const put = async (engine: LogEngine, logId: ShardLogId, count: number): Promise<void> => {
    for (let at = 0; at < count; at += 1) {
      const outcome = await clock.finish(
        engine.append(logId, encodeBatch([{ key: undefined, data: Buffer.from(`${at}`) }])),
      );
      expect(outcome).toMatchObject({ kind: "appended" });
    }
  };
  const subjects = async (group: number): Promise<Record<string, number>> => {
    const outcome = await clock.finish(
      broker.read(`millrace_g${group}`, { fromSequence: 1, maxBytes: 1e9, maxMessages: 1_000 }),
    );
    if (outcome.kind !== "messages") throw new Error(outcome.reason);
    const counts: Record<string, number> = {};
    for (const { subject } of outcome.messages) counts[subject] = (counts[subject] ?? 0) + 1;
    return counts;
  };
  return { clock, broker, join, openLogs, put, subjects };
}

describe("what nobody can read any more", () => {
  test("goes from the streams, and a log goes on where it was", async () => {
    const { clock, join, openLogs, put, subjects } = worldOf(1);
    const engine = await join();
    const [half, all] = (await openLogs(engine, 2)) as [number, number];
    await put(engine, half, 10);
    await put(engine, all, 10);
    await clock.finish(
      engine.state.commit({
        trims: [
          [half, 6],
          [all, 11],
        ],
      }),
    );
    await clock.runFor(A_PASS_MS);
    // Of the one that is trimmed to its end the newest entry stays: it says where the log goes on.
    expect(await subjects(1)).toMatchObject({
      [`millrace.g.1.log.${half}`]: 5,
      [`millrace.g.1.log.${all}`]: 1,
    });
    await clock.finish(engine.close());
    const next = await join();
    expect(next.describe(all)).toMatchObject({ trimIndex: 11, nextIndex: 11 });
    expect(
      await clock.finish(next.append(all, encodeBatch([{ key: undefined, data: Buffer.from("x") }]))),
    ).toMatchObject({
      index: 11,
    });
    expect(await clock.finish(next.read(half, 6, { maxBytes: 1e9, maxRecords: 100 }))).toMatchObject({
      nextIndex: 11,
    });
    await next.close();
  });

  test("goes with its log and with its group, and what another gateway has just made does not", async () => {
    const { clock, broker, join, openLogs, put, subjects } = worldOf(2);
    const [one, other] = [await join(), await join()];
    const logs = await openLogs(one, 17);
    const [dropped, kept, alone] = [logs[0]!, logs[1]!, logs[16]!];
    for (const logId of [dropped, kept, alone]) await put(one, logId, 3);
    await clock.finish(one.state.commit({ closes: [dropped] }));
    await clock.finish(one.state.commit({ drops: [dropped, alone] }));
    const [young] = (await openLogs(other, 1)) as [number];
    await put(other, young, 3);
    await clock.runFor(A_PASS_MS);
    const left = await subjects(1);
    expect(left).toMatchObject({ [`millrace.g.1.log.${kept}`]: 3 });
    expect(Object.keys(left).filter((subject) => subject.endsWith(`.${dropped}`))).toEqual([]);
    expect(await clock.finish(broker.listStreams("millrace.g.*.>"))).toMatchObject({
      names: ["millrace_g1", "millrace_g3"],
    });
    expect(await clock.finish(other.read(young, 1, { maxBytes: 1e9, maxRecords: 100 }))).toMatchObject({
      nextIndex: 4,
    });
    await clock.finish(one.close());
    await clock.finish(other.close());
  });

  test("does not keep a gateway that joins afterwards from writing where others have written last", async () => {
    const { clock, join, openLogs, put } = worldOf(4);
    const engine = await join();
    const [kept, dropped] = (await openLogs(engine, 2)) as [number, number];
    await put(engine, kept, 3);
    await put(engine, dropped, 3);
    await clock.finish(engine.state.commit({ drops: [dropped] }));
    await clock.runFor(A_PASS_MS);
    const late = await join();
    await put(late, kept, 1);
    expect(late.describe(kept)).toMatchObject({ nextIndex: 5 });
    await clock.finish(engine.close());
    await clock.finish(late.close());
  });

  test("is not missed by a gateway that had not read it before it went", async () => {
    const { clock, join, openLogs, put, subjects } = worldOf(5);
    const gateways = [await join(), await join(), await join()] as const;
    const [one] = gateways;
    const [logId] = (await openLogs(one, 1)) as [number];
    const readAll = async (fromIndex: number): Promise<void> => {
      for (const engine of gateways) {
        await clock.finish(Promise.resolve(engine.refresh?.(logId, "newest")));
        const outcome = await clock.finish(engine.read(logId, fromIndex, { maxBytes: 1e9, maxRecords: 100 }));
        expect(outcome).toMatchObject({ kind: "entries", nextIndex: engine.describe(logId)!.nextIndex });
      }
    };
    await put(one, logId, 3);
    await readAll(1);
    await clock.runFor(A_PASS_MS);
    await put(one, logId, 6);
    await clock.finish(Promise.resolve(one.refresh?.(logId, "newest")));
    // One of them writes and this one trims. The third has not read what goes.
    await clock.finish(one.state.commit({ trims: [[logId, 8]] }));
    await clock.runFor(A_PASS_MS);
    expect(await subjects(1)).toMatchObject({ [`millrace.g.1.log.${logId}`]: 2 });
    await readAll(8);
    for (const engine of gateways) expect(engine.describe(logId)).toMatchObject({ nextIndex: 10 });
    for (const engine of gateways) await put(engine, logId, 1);
    for (const engine of gateways) await clock.finish(engine.close());
  });

  test("is not kept in a gateway's memory either", async () => {
    const { join, openLogs, put, clock } = worldOf(3);
    const engine = await join();
    const logs = await openLogs(engine, 2);
    // They are kept for readers, so there has to be one.
    await clock.finish(Promise.resolve(engine.refresh?.(logs[0]!, "recent")));
    for (const logId of logs) await put(engine, logId, 3);
    const [dropped, kept] = logs as [number, number];
    const before = engine.statistics().tailCacheBytes;
    expect(before).toBeGreaterThan(0);
    await clock.finish(engine.state.commit({ drops: [dropped] }));
    expect(engine.statistics().tailCacheBytes).toBe(before / 2);
    await clock.finish(engine.state.commit({ drops: [kept] }));
    expect(engine.statistics().tailCacheBytes).toBe(0);
    const [next] = (await openLogs(engine, 1)) as [number];
    await put(engine, next, 3);
    await clock.finish(engine.close());
  });
});
