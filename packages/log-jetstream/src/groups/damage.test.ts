import { encodeBatch, type LogEngine, readBatch, type ShardLogId } from "@millrace/log";
import { memoryLogger, seededRandom, simulatedClock } from "@millrace/runtime";
import { describe, expect, test } from "vitest";
import { joinUnderTest } from "../gateway-under-test.ts";
import { simulatedCluster } from "../simulated/simulated-cluster.ts";

const SERVERS = ["n1", "n2", "n3"] as const;
const ALL = { maxBytes: 1e9, maxRecords: 1e9 };
/** Longer than the time between two passes. */
const A_PASS_MS = 16 * 60_000;

function worldOf(seed: number) {
  const clock = simulatedClock();
  const random = seededRandom(seed);
  const cluster = simulatedCluster({ clock, random });
  const { broker } = cluster.connect(clock);
  const log = memoryLogger();
  const join = (client = cluster.connect(clock)): Promise<LogEngine> =>
    clock.finish(
      joinUnderTest({
        broker: client.broker,
        ...{ clock, random, log, cacheBytes: 0 },
      }),
    );
  const put = async (engine: LogEngine, logId: ShardLogId, text: string): Promise<number> => {
    const batch = encodeBatch([{ key: undefined, data: Buffer.from(text) }]);
    const outcome = await clock.finish(engine.append(logId, batch));
    if (outcome.kind !== "appended") throw new Error(JSON.stringify(outcome));
    await clock.runFor(5);
    return outcome.index;
  };
  /** Opens two logs and puts `0` to `9` into each, by turns. */
  const filled = async (engine: LogEngine): Promise<[ShardLogId, ShardLogId]> => {
    const logs: [ShardLogId, ShardLogId] = [engine.allocateLogId(), engine.allocateLogId()];
    await clock.finish(engine.state.commit({ opens: logs }));
    for (let at = 0; at < 10; at += 1) for (const logId of logs) await put(engine, logId, `${at}`);
    return logs;
  };
  /** Flips a bit of the nth message of a log, on some servers. */
  const damage = async (what: string, nth: number, servers: readonly string[] = SERVERS): Promise<void> => {
    await clock.runFor(50);
    const outcome = await clock.finish(
      broker.read("millrace_g1", {
        ...{ fromSequence: 1, subject: `millrace.g.1.${what}` },
        ...{ maxBytes: 1e9, maxMessages: 1_000 },
      }),
    );
    if (outcome.kind !== "messages") throw new Error(outcome.reason);
    const { sequence } = outcome.messages[nth - 1]!;
    for (const server of servers) cluster.damageMessage("millrace_g1", server, sequence);
  };
  const read = async (engine: LogEngine, logId: ShardLogId, from: number): Promise<unknown> => {
    const outcome = await clock.finish(engine.read(logId, from, ALL));
    return outcome.kind === "entries"
      ? outcome.entries.map(({ index, payload }) => `${index}=${textOf(payload)}`).join(" ")
      : outcome;
  };
  return { clock, cluster, log, join, put, filled, damage, read };
}

function textOf(payload: Uint8Array): string {
  const { dataStart, dataEnd } = readBatch(payload).records[0]!;
  const text = Buffer.from(payload.subarray(dataStart, dataEnd)).toString();
  return text.length > 9 ? `${text.length} bytes` : text;
}

const WHOLE = "1=0 2=1 3=2 4=3 5=4 6=5 7=6 8=7 9=8 10=9";

describe("a message of a group that is not what was written", () => {
  test("on one server is read from another one", async () => {
    const { clock, join, filled, damage, read } = worldOf(1);
    const engine = await join();
    const [log] = await filled(engine);
    for (const nth of [1, 5, 10]) await damage(`log.${log}`, nth, ["n2"]);
    const late = await join();
    for (const gateway of [engine, late]) expect(await read(gateway, log, 1)).toBe(WHOLE);
    await clock.finish(Promise.all([engine.close(), late.close()]));
  });

  test("on every server is told by the read that meets it, and nothing else is concerned", async () => {
    const { clock, join, put, filled, damage, read } = worldOf(2);
    const engine = await join();
    const [log, other] = await filled(engine);
    await damage(`log.${log}`, 4);
    await damage(`log.${log}`, 5);
    const late = await join();
    for (const gateway of [engine, late]) {
      expect(await read(gateway, log, 1)).toBe("1=0 2=1 3=2");
      for (const index of [4, 5])
        expect(await read(gateway, log, index)).toEqual({
          kind: "damaged",
          index,
          toIndex: 6,
          detail: expect.stringContaining("millrace_g1 does not have the checksum") as string,
        });
      expect(await read(gateway, log, 6)).toBe("6=5 7=6 8=7 9=8 10=9");
      expect(await read(gateway, other, 1)).toBe(WHOLE);
    }
    expect(await put(late, log, "new")).toBe(11);
    expect(await clock.finish(engine.state.commit({ closes: [log] }))).toMatchObject({ kind: "committed" });
    expect(late.describe(log)).toMatchObject({ nextIndex: 12, endIndex: 12 });
    await clock.finish(Promise.all([engine.close(), late.close()]));
  });

  test("at the end of a log has its number, also for a gateway that has just joined, and the log goes on behind it", async () => {
    const { clock, log: lines, join, put, filled, damage, read } = worldOf(3);
    const engine = await join();
    const [log, other] = await filled(engine);
    await damage(`log.${log}`, 10);
    const late = await join();
    expect(late.describe(log)).toMatchObject({ nextIndex: 11 });
    expect(await read(late, log, 9)).toBe("9=8");
    expect(await read(late, log, 10)).toMatchObject({ kind: "damaged", index: 10, toIndex: 11 });
    expect(await put(late, log, "new")).toBe(11);
    expect(await put(engine, log, "newer")).toBe(12);
    expect(await read(late, log, 10)).toMatchObject({ kind: "damaged", index: 10, toIndex: 11 });
    expect(await read(late, log, 11)).toBe("11=new 12=newer");
    expect(await read(late, other, 1)).toBe(WHOLE);
    expect(lines.lines.some(({ level }) => level === "error")).toBe(true);
    await clock.finish(Promise.all([engine.close(), late.close()]));
  });

  test("met by a gateway that follows the group does not end it, and is told to whoever waits there", async () => {
    const { clock, cluster, join, put, filled, damage, read } = worldOf(4);
    const client = cluster.connect(clock);
    const [engine, follower] = [await join(), await join(client)];
    const [log, other] = await filled(engine);
    expect(await read(follower, log, 1)).toBe(WHOLE);
    let calls = 0;
    follower.watch(log, () => (calls += 1));
    client.cut();
    for (const text of ["eleventh", "twelfth"]) await put(engine, log, text);
    await put(engine, other, "eleventh");
    await damage(`log.${log}`, 11);
    client.heal();
    await clock.runFor(10_000);
    expect(calls).toBe(2);
    expect(follower.describe(log)).toMatchObject({ nextIndex: 13 });
    expect(await read(follower, log, 10)).toBe("10=9");
    expect(await read(follower, log, 11)).toMatchObject({ kind: "damaged", index: 11, toIndex: 12 });
    expect(await read(follower, log, 12)).toBe("12=twelfth");
    expect(await read(follower, other, 11)).toBe("11=eleventh");
    expect(await put(follower, log, "thirteenth")).toBe(13);
    await clock.finish(Promise.all([engine.close(), follower.close()]));
  });

  test("is one part of a large entry: the whole entry is damaged, and no other", async () => {
    const { join, put, filled, damage, read } = worldOf(5);
    const engine = await join();
    const [log] = await filled(engine);
    await put(engine, log, "x".repeat(2_500_000));
    await put(engine, log, "small");
    for (const part of [11, 12, 13]) {
      const world = worldOf(5 + part);
      const other = await world.join();
      const [logId] = await world.filled(other);
      await world.put(other, logId, "x".repeat(2_500_000));
      await world.damage(`log.${logId}`, part);
      const late = await world.join();
      expect(await world.put(late, logId, "small")).toBe(12);
      expect(await world.read(late, logId, 10)).toBe("10=9");
      expect(await world.read(late, logId, 11)).toMatchObject({ kind: "damaged", index: 11, toIndex: 12 });
      expect(await world.read(late, logId, 12)).toBe("12=small");
    }
    await damage(`log.${log}`, 12);
    expect(await read(engine, log, 11)).toMatchObject({ kind: "damaged", index: 11, toIndex: 12 });
    expect(await read(engine, log, 12)).toBe("12=small");
  });

  test("is a close: the log has ended all the same", async () => {
    const { clock, join, put, filled, damage, read } = worldOf(6);
    const engine = await join();
    const [log] = await filled(engine);
    await clock.finish(engine.state.commit({ closes: [log] }));
    await damage(`close.${log}`, 1);
    const late = await join();
    expect(late.describe(log)).toMatchObject({ nextIndex: 11, endIndex: 11 });
    expect(await read(late, log, 1)).toBe(WHOLE);
    await expect(put(late, log, "late")).rejects.toThrow("closed");
    await clock.finish(Promise.all([engine.close(), late.close()]));
  });

  test("is not passed over by who looks for a time", async () => {
    const { clock, join, filled, damage } = worldOf(7);
    const engine = await join();
    const [log] = await filled(engine);
    const arrivalsMs: number[] = [];
    const outcome = await clock.finish(engine.read(log, 1, ALL));
    if (outcome.kind === "entries") arrivalsMs.push(...outcome.entries.map(({ arrivalMs }) => arrivalMs));
    for (const nth of [1, 4, 10]) await damage(`log.${log}`, nth);
    for (const [sought, index] of [
      [1, 1],
      [4, 4],
      [5, 4],
      [6, 6],
      [10, 10],
    ] as const)
      expect(await clock.finish(engine.seek(log, arrivalsMs[sought - 1]!))).toBe(index);
    await clock.finish(engine.close());
  });

  test("does not end a purge, which takes what is below the trim point and nothing above", async () => {
    const { clock, join, filled, damage, read } = worldOf(8);
    const engine = await join();
    const [log, other] = await filled(engine);
    for (const nth of [2, 6]) await damage(`log.${log}`, nth);
    const trims = [log, other].map((logId): [number, number] => [logId, 6]);
    await clock.finish(engine.state.commit({ trims }));
    await clock.runFor(A_PASS_MS);
    expect(await read(engine, log, 6)).toMatchObject({ kind: "damaged", index: 6, toIndex: 7 });
    expect(await read(engine, log, 7)).toBe("7=6 8=7 9=8 10=9");
    expect(await read(engine, other, 6)).toBe("6=5 7=6 8=7 9=8 10=9");
    const late = await join();
    expect(await read(late, log, 7)).toBe("7=6 8=7 9=8 10=9");
    await clock.finish(Promise.all([engine.close(), late.close()]));
  });
});
