import { encodeBatch, type LogEngine, type ShardLogId } from "@millrace/log";
import { seededRandom, simulatedClock } from "@millrace/runtime";
import { describe, expect, test } from "vitest";
import type { Broker } from "../broker/broker.ts";
import { joinUnderTest } from "../gateway-under-test.ts";
import { simulatedCluster } from "../simulated/simulated-cluster.ts";

const STREAM = "millrace_g1";
const QUIET_MS = 2_000;
/** In which gateways hear of each other, and nobody follows any more what nobody reads. */
const A_WHILE_MS = 6_000;
const ALL = { maxBytes: 1e9, maxRecords: 1e9 };
const SEEDS = [1, 2, 3, 4, 5, 6];

/** What has come to a gateway of the group's stream. */
interface Received {
  messages: number;
  announcements: number;
}

/** As `broker`, and counts. */
function counting(broker: Broker, received: Received): Broker {
  return {
    publish: (...all) => broker.publish(...all),
    publishBatch: (...all) => broker.publishBatch(...all),
    async read(stream, request) {
      const outcome = await broker.read(stream, request);
      if (stream === STREAM && outcome.kind === "messages") received.messages += outcome.messages.length;
      return outcome;
    },
    async lastBySubjects(stream, subjects) {
      const outcome = await broker.lastBySubjects(stream, subjects);
      if (stream === STREAM && outcome.kind === "messages") received.messages += outcome.messages.length;
      return outcome;
    },
    lastOfSubjectFromLeader: (...all) => broker.lastOfSubjectFromLeader(...all),
    describeStream: (...all) => broker.describeStream(...all),
    createStream: (...all) => broker.createStream(...all),
    updateStream: (...all) => broker.updateStream(...all),
    deleteStream: (...all) => broker.deleteStream(...all),
    listStreams: (...all) => broker.listStreams(...all),
    purge: (...all) => broker.purge(...all),
    onStored: (filter, listener) =>
      broker.onStored(filter, (announcement) => {
        if (announcement.stream === STREAM) received.announcements += 1;
        listener(announcement);
      }),
    send: (...all) => broker.send(...all),
    subscribe: (...all) => broker.subscribe(...all),
    request: (...all) => broker.request(...all),
    respond: (...all) => broker.respond(...all),
    describeServers: () => broker.describeServers(),
    close: () => broker.close(),
  };
}

function worldOf(seed: number) {
  const clock = simulatedClock();
  const random = seededRandom(seed);
  const cluster = simulatedCluster({ clock, random });
  const join = async (around: (broker: Broker) => Broker = (broker) => broker) => {
    const received: Received = { messages: 0, announcements: 0 };
    const client = cluster.connect(clock);
    const broker = around(counting(client.broker, received));
    const engine = await clock.finish(joinUnderTest({ broker, clock, random, quietMs: QUIET_MS }));
    return { engine, received, client };
  };
  const openLogs = async (engine: LogEngine, count: number): Promise<ShardLogId[]> => {
    const opens = Array.from({ length: count }, () => engine.allocateLogId());
    expect(await clock.finish(engine.state.commit({ opens }))).toMatchObject({ kind: "committed" });
    return opens;
  };
  const put = (engine: LogEngine, logId: ShardLogId, text: string) =>
    clock.finish(engine.append(logId, encodeBatch([{ key: undefined, data: Buffer.from(text) }])));
  const putMany = async (engine: LogEngine, logId: ShardLogId, count: number): Promise<void> => {
    for (let at = 0; at < count; at += 1)
      expect(await put(engine, logId, `${at}`)).toMatchObject({ kind: "appended" });
  };
  /** Two gateways that know each other, and two logs of the first one's. */
  const pair = async () => {
    const gateways = [await join(), await join()];
    const logs = (await openLogs(gateways[0]!.engine, 2)) as [ShardLogId, ShardLogId];
    for (const { engine } of gateways) for (const logId of logs) await putMany(engine, logId, 1);
    await clock.runFor(A_WHILE_MS);
    const owner = gateways.find(({ engine }) => engine.peers?.ownerOfLog(logs[0]) === undefined)!;
    const other = gateways.find((gateway) => gateway !== owner)!;
    const forget = (): void => {
      for (const { received } of gateways) Object.assign(received, { messages: 0, announcements: 0 });
    };
    forget();
    return { owner, other, logs, forget };
  };
  return { clock, cluster, join, openLogs, put, putMany, pair };
}

const NOTHING: Received = { messages: 0, announcements: 0 };

describe("what others write to a group", () => {
  test("does not come to a gateway where nobody reads, and what it wrote does not come back", async () => {
    const { clock, putMany, pair } = worldOf(1);
    const { owner, other, logs } = await pair();
    for (const logId of logs) {
      await putMany(owner.engine, logId, 40);
      await putMany(other.engine, logId, 40);
    }
    await clock.runFor(A_WHILE_MS);
    expect(owner.received).toEqual(NOTHING);
    expect(other.received).toEqual(NOTHING);
  });

  test("is all there for who begins to read, whatever replica answers and whether or not it was announced", async () => {
    for (const seed of SEEDS) {
      const { clock, cluster, putMany, pair } = worldOf(seed);
      const { owner, other, logs } = await pair();
      for (const how of ["recent", "newest"] as const) {
        await putMany(owner.engine, logs[0], 50);
        const { nextIndex } = owner.engine.describe(logs[0])!;
        cluster.setFaults({ laggingFollower: 0.5, lostAnnouncement: 1 });
        const refreshed = other.engine.refresh?.(logs[0], how);
        if (refreshed !== undefined) await clock.finish(refreshed);
        expect(other.engine.describe(logs[0]), `seed ${seed}`).toMatchObject({ nextIndex });
        const outcome = await clock.finish(other.engine.read(logs[0], 1, ALL));
        expect(outcome).toMatchObject({ kind: "entries" });
        cluster.setFaults({});
        await clock.runFor(A_WHILE_MS);
      }
      // Without a word before.
      const { nextIndex } = owner.engine.describe(logs[1])!;
      await putMany(owner.engine, logs[1], 50);
      expect(await clock.finish(other.engine.read(logs[1], nextIndex, ALL))).toMatchObject({
        kind: "entries",
        entries: expect.arrayContaining([expect.objectContaining({ index: nextIndex })]) as unknown,
      });
      expect(other.engine.describe(logs[1])).toMatchObject({ nextIndex: nextIndex + 50 });
      await clock.runFor(A_WHILE_MS);
      const soughtMs = owner.engine.describe(logs[1])!.lastArrivalMs;
      await putMany(owner.engine, logs[1], 50);
      expect(await clock.finish(other.engine.seek(logs[1], soughtMs + 1))).toBe(nextIndex + 50);
    }
  });

  test("comes at once to who waits for it, as long as they do and a while longer", async () => {
    const { clock, putMany, pair } = worldOf(2);
    const { owner, other, logs, forget } = await pair();
    await putMany(owner.engine, logs[0], 50);
    let calls = 0;
    const stop = other.engine.watch(logs[0], () => (calls += 1));
    await clock.runFor(100);
    // It did not know of these.
    expect(calls).toBe(1);
    await clock.runFor(10 * A_WHILE_MS);
    for (let number = 1; number <= 20; number += 1) {
      await putMany(owner.engine, logs[0], 1);
      await clock.runFor(50);
      expect(calls).toBe(1 + number);
    }
    expect(other.received.messages).toBeGreaterThanOrEqual(20);
    stop();
    await clock.runFor(QUIET_MS + 1_000);
    forget();
    await putMany(owner.engine, logs[0], 20);
    expect(other.received).toEqual(NOTHING);
    expect(calls).toBe(21);
  });

  test("is followed for a while after it was read", async () => {
    const { clock, putMany, pair } = worldOf(3);
    const { owner, other, logs, forget } = await pair();
    for (let number = 1; number <= 10; number += 1) {
      await clock.finish(other.engine.refresh?.(logs[0], "recent") ?? Promise.resolve());
      await putMany(owner.engine, logs[0], 1);
      await clock.runFor(QUIET_MS - 500);
      expect(other.engine.describe(logs[0])).toEqual(owner.engine.describe(logs[0]));
    }
    await clock.runFor(A_WHILE_MS);
    forget();
    await putMany(owner.engine, logs[0], 10);
    await clock.runFor(A_WHILE_MS);
    expect(other.received).toEqual(NOTHING);
  });

  test("is kept in memory only where somebody reads", async () => {
    const { clock, putMany, pair } = worldOf(7);
    const { owner, logs } = await pair();
    const kept = () => owner.engine.statistics().tailCacheBytes;
    await putMany(owner.engine, logs[0], 20);
    expect(kept()).toBe(0);
    const { nextIndex } = owner.engine.describe(logs[0])!;
    await clock.finish(owner.engine.refresh?.(logs[0], "recent") ?? Promise.resolve());
    await putMany(owner.engine, logs[0], 20);
    expect(kept()).toBeGreaterThan(0);
    owner.received.messages = 0;
    expect(await clock.finish(owner.engine.read(logs[0], nextIndex, ALL))).toMatchObject({
      nextIndex: nextIndex + 20,
    });
    expect(owner.received.messages).toBe(0);
    await clock.runFor(A_WHILE_MS);
    await putMany(owner.engine, logs[0], 1);
    expect(kept()).toBe(0);
    // So that every replica has it.
    await clock.runFor(100);
    expect(await clock.finish(owner.engine.read(logs[0], nextIndex, ALL))).toMatchObject({
      nextIndex: nextIndex + 21,
    });
  });

  test("is passed over by who comes back after long, which takes one message of each log", async () => {
    const { clock, putMany, pair } = worldOf(4);
    const { owner, other, logs } = await pair();
    for (const logId of logs) await putMany(owner.engine, logId, 200);
    await clock.finish(other.engine.refresh?.(logs[0], "newest") ?? Promise.resolve());
    for (const logId of logs) expect(other.engine.describe(logId)).toEqual(owner.engine.describe(logId));
    expect(other.received.messages).toBeLessThan(10);
    expect(await clock.finish(other.engine.read(logs[1], 100, ALL))).toMatchObject({ nextIndex: 203 });
  });

  test("does not keep a gateway that did not follow from closing a log where it ends", async () => {
    const { clock, put, putMany, pair } = worldOf(5);
    const { owner, other, logs } = await pair();
    for (const logId of logs) await putMany(owner.engine, logId, 100);
    expect(await put(other.engine, logs[1], "x".repeat(1_200_000))).toMatchObject({ index: 103 });
    expect(await clock.finish(other.engine.state.commit({ closes: [logs[0]] }))).toMatchObject({
      kind: "committed",
    });
    for (const { engine } of [other, owner])
      expect(engine.describe(logs[0])).toMatchObject({ nextIndex: 103, endIndex: 103 });
    expect(await put(owner.engine, logs[1], "next")).toMatchObject({ index: 104 });
    await clock.finish(other.engine.refresh?.(logs[0], "newest") ?? Promise.resolve());
    // Nothing comes behind its end.
    expect(other.engine.refresh?.(logs[0], "newest")).toBeUndefined();
  });

  test("is not passed over while something has been sent that may be among it", async () => {
    for (const seed of SEEDS) {
      const { clock, cluster, join, openLogs, put, putMany } = worldOf(seed);
      // Nobody hears of anybody.
      cluster.setFaults({ lostNews: 1 });
      const [one, other] = [await join(), await join()];
      const [logId] = (await openLogs(one.engine, 1)) as [ShardLogId];
      await clock.finish(Promise.resolve(other.engine.state.refresh?.()));
      for (const { engine } of [other, one]) await putMany(engine, logId, 1);
      cluster.setFaults({ lostNews: 1, lostAcknowledgement: 1 });
      const unheard = one.engine.append(logId, encodeBatch([{ key: undefined, data: Buffer.from("once") }]));
      await clock.runFor(50);
      cluster.setFaults({ lostNews: 1 });
      await putMany(other.engine, logId, 60);
      expect(await clock.finish(unheard), `seed ${seed}`).toMatchObject({ kind: "appended", index: 3 });
      expect(await put(other.engine, logId, "last")).toMatchObject({ index: 64 });
    }
  });

  test("is not taken from a replica that is in the middle of an append", async () => {
    const { clock, cluster, join, openLogs, put, putMany } = worldOf(6);
    const first = await join();
    const [logId] = (await openLogs(first.engine, 1)) as [ShardLogId];
    await putMany(first.engine, logId, 50);
    expect(await put(first.engine, logId, "x".repeat(2_500_000))).toMatchObject({ index: 51 });
    await clock.runFor(100);
    const { broker } = cluster.connect(clock);
    const request = { fromSequence: 1, maxBytes: 1e9, maxMessages: 1_000 };
    const whole = await clock.finish(broker.read(STREAM, request));
    if (whole.kind !== "messages") throw new Error(whole.reason);
    const parts = whole.messages.slice(-3);
    let asked = 0;
    const late = await join((around) => ({
      ...around,
      lastBySubjects: (stream, subjects) => {
        if (stream === STREAM && asked < 2)
          return Promise.resolve({ kind: "messages", messages: [parts[asked++]!] });
        return around.lastBySubjects(stream, subjects);
      },
    }));
    expect(asked).toBe(2);
    expect(late.engine.describe(logId)).toMatchObject({ nextIndex: 52 });
    expect(await put(late.engine, logId, "next")).toMatchObject({ index: 52 });
  });
});
