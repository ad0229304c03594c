import { type AppendOutcome, encodeBatch, type LogEngine, readBatch, type ShardLogId } from "@millrace/log";
import { type ProcessClock, seededRandom, simulatedClock } from "@millrace/runtime";
import { describe, expect, test } from "vitest";
import { decodeGroupMessage } from "../groups/group-message.ts";
import type { PublishOutcome } from "../broker/broker.ts";
import { joinUnderTest } from "../gateway-under-test.ts";
import { type SimulatedClient, simulatedCluster } from "../simulated/simulated-cluster.ts";
import { listenForGateways } from "./presence.ts";

interface Gateway {
  readonly name: string;
  readonly engine: LogEngine;
  readonly client: SimulatedClient;
  readonly process: ProcessClock;
}

const LOGS_PER_GROUP = 16;
/** Time in which gateways hear of each other, or that one is gone. */
const A_WHILE_MS = 6_000;

function worldOf(seed: number) {
  const clock = simulatedClock();
  const random = seededRandom(seed);
  const cluster = simulatedCluster({ clock, random });
  const onlooker = cluster.connect(clock).broker;

  /** How large the requests were that gateways have sent each other with entries. */
  const requests: number[] = [];
  /** What gateways have sent each other with questions about squares. */
  const questions: string[] = [];
  /** How publishes ended. */
  const published: string[] = [];
  const join = async (name: string): Promise<Gateway> => {
    const process = clock.forProcess((reason, cause) => {
      throw new Error(reason, { cause });
    });
    const client = cluster.connect(process);
    const { broker } = client;
    const request = broker.request.bind(broker);
    broker.request = (subject, payload, timeoutMs) => {
      if (subject.endsWith(".entries")) requests.push(payload.byteLength);
      if (subject.endsWith(".square")) questions.push(Buffer.from(payload).toString());
      return request(subject, payload, timeoutMs);
    };
    const counted = async (outcome: Promise<PublishOutcome>): Promise<PublishOutcome> => {
      published.push((await outcome).kind);
      return outcome;
    };
    const publish = broker.publish.bind(broker);
    const publishBatch = broker.publishBatch.bind(broker);
    broker.publish = (...of) => counted(publish(...of));
    broker.publishBatch = (...of) => counted(publishBatch(...of));
    const engine = await clock.finish(
      joinUnderTest({
        ...{ broker, clock: process, serviceClock: process, random, name, version: "1.2.3" },
      }),
    );
    return { name, engine, client, process };
  };
  const openLog = async ({ engine }: Gateway): Promise<ShardLogId> => {
    const logId = engine.allocateLogId();
    expect(await clock.finish(engine.state.commit({ opens: [logId] }))).toMatchObject({ kind: "committed" });
    return logId;
  };
  /** Sessions that wrote the entries of a group, and what they wrote. */
  const written = async (group = 1) => {
    const outcome = await clock.finish(
      onlooker.read(`millrace_g${group}`, { fromSequence: 1, maxBytes: 1e9, maxMessages: 1_000 }),
    );
    if (outcome.kind !== "messages") throw new Error(outcome.reason);
    return outcome.messages
      .map(({ payload }) => decodeGroupMessage(payload, "a message"))
      .filter(({ kind }) => kind === "entry");
  };
  /** Two gateways that know each other, a log, and which of the two it belongs to. */
  const pair = async () => {
    const gateways = [await join("one"), await join("two")];
    const logId = await openLog(gateways[0]!);
    await clock.runFor(A_WHILE_MS);
    const owner = gateways.find(({ engine }) => engine.peers?.ownerOfLog(logId) === undefined)!;
    const other = gateways.find((gateway) => gateway !== owner)!;
    expect(other.engine.peers?.ownerOfLog(logId)).toBeDefined();
    return { owner, other, logId, requests, questions, published };
  };
  return { clock, cluster, onlooker, join, openLog, written, pair };
}

function entry(text: string, sizeBytes = 0) {
  return encodeBatch([{ key: undefined, data: Buffer.from(text.padEnd(sizeBytes)) }]);
}

async function textsOf(engine: LogEngine, logId: ShardLogId): Promise<string[]> {
  await engine.refresh?.(logId, "recent");
  const { nextIndex } = engine.describe(logId)!;
  const texts: string[] = [];
  while (texts.length + 1 < nextIndex) {
    const outcome = await engine.read(logId, texts.length + 1, { maxBytes: 1e9, maxRecords: 1e6 });
    if (outcome.kind !== "entries") throw new Error(outcome.kind);
    for (const { payload } of outcome.entries) {
      const { dataStart, dataEnd } = readBatch(payload).records[0]!;
      texts.push(Buffer.from(payload.subarray(dataStart, dataEnd)).toString().trim());
    }
  }
  return texts;
}

describe("gateways of one cluster", () => {
  test("let one of them write a group, and none fails another's appends", async () => {
    const { clock, written, pair } = worldOf(1);
    const { owner, other, logId } = await pair();
    const outcomes: Promise<AppendOutcome>[] = [];
    for (let number = 0; number < 40; number += 1) {
      outcomes.push(other.engine.append(logId, entry(`other ${number}`)));
      outcomes.push(owner.engine.append(logId, entry(`owner ${number}`)));
      await clock.runFor(7);
    }
    for (const outcome of await clock.finish(Promise.all(outcomes))) expect(outcome.kind).toBe("appended");
    const entries = await written();
    expect(entries).toHaveLength(80);
    expect(new Set(entries.map(({ session }) => session)).size).toBe(1);
  });

  test("find at once what was stored for them elsewhere", async () => {
    const { clock, pair } = worldOf(2);
    const { other, logId } = await pair();
    for (let number = 1; number <= 20; number += 1) {
      const outcome = await clock.finish(other.engine.append(logId, entry(`${number}`)));
      expect(outcome).toMatchObject({ kind: "appended", index: number });
      expect(await clock.finish(textsOf(other.engine, logId))).toHaveLength(number);
    }
  });

  test("keep the order of the calls while a log changes hands, and while large entries take another way", async () => {
    for (let seed = 1; seed <= 6; seed += 1) {
      const { clock, join, openLog } = worldOf(seed);
      const first = await join("first");
      const logId = await openLog(first);
      const outcomes: Promise<AppendOutcome>[] = [];
      const offer = async (count: number): Promise<void> => {
        for (let at = 0; at < count; at += 1) {
          const sizeBytes = outcomes.length % 17 === 16 ? 1_200_000 : 0;
          outcomes.push(first.engine.append(logId, entry(`${outcomes.length}`, sizeBytes)));
          await clock.runFor(3);
        }
      };
      await offer(30);
      const joined = [await join("second"), await join("third")];
      await offer(30);
      for (const { engine } of joined) {
        const closing = engine.close();
        await offer(15);
        await clock.finish(closing);
      }
      await offer(15);
      const kinds = new Set((await clock.finish(Promise.all(outcomes))).map(({ kind }) => kind));
      expect([...kinds], `seed ${seed}`).toEqual(["appended"]);
      const numbers = (await clock.finish(textsOf(first.engine, logId))).map(Number);
      expect(numbers).toEqual(outcomes.map((_, number) => number));
    }
  });

  test("append by themselves what is more than their owner takes of others at once", async () => {
    const { clock, onlooker, written, pair } = worldOf(3);
    const { owner, other } = await pair();
    const opens = Array.from({ length: 290 * LOGS_PER_GROUP }, () => owner.engine.allocateLogId());
    await clock.finish(owner.engine.state.commit({ opens }));
    await clock.runFor(1_000);
    const ofOwner = opens
      .filter((_, at) => at % LOGS_PER_GROUP === 0)
      .filter((logId) => other.engine.peers?.ownerOfLog(logId) !== undefined)
      .slice(0, 130);
    expect(ofOwner).toHaveLength(130);
    // In messages that are too small for a turn, and together more than it takes: it hears of all of them before the first is stored.
    const outcomes: Promise<AppendOutcome>[] = [];
    for (const text of ["one", "two"]) {
      for (const logId of ofOwner) outcomes.push(other.engine.append(logId, entry(text, 130_000)));
      await clock.runFor(0);
    }
    for (const outcome of await clock.finish(Promise.all(outcomes))) expect(outcome.kind).toBe("appended");
    const listed = await clock.finish(onlooker.listStreams("millrace.g.*.>"));
    const names = listed.kind === "streams" ? listed.names : [];
    const sessions: string[] = [];
    for (const name of names)
      sessions.push(...(await written(Number(name.slice(10)))).map(({ session }) => session));
    expect(sessions).toHaveLength(260);
    expect(new Set(sessions).size).toBe(2);
  });

  test("answer all that waits for an owner when they stop", async () => {
    const { clock, pair } = worldOf(11);
    const { other, logId } = await pair();
    const outcomes = Array.from({ length: 40 }, () => other.engine.append(logId, entry("large", 300_000)));
    await clock.runFor(1);
    other.client.cut();
    await clock.finish(other.engine.close());
    const kinds = new Set((await clock.finish(Promise.all(outcomes))).map(({ kind }) => kind));
    expect([...kinds]).toEqual(["unknown"]);
  });

  test("send what waits for an owner in one message, and get one answer", async () => {
    const { clock, pair } = worldOf(10);
    const { other, logId, requests } = await pair();
    const before = requests.length;
    const outcomes = Array.from({ length: 200 }, (_, number) =>
      other.engine.append(logId, entry(`${number}`)),
    );
    for (const [at, outcome] of (await clock.finish(Promise.all(outcomes))).entries())
      expect(outcome).toMatchObject({ kind: "appended", index: at + 1 });
    expect(requests.length - before).toBe(1);
  });

  test("append what is large themselves, in turn with the owner", async () => {
    const { clock, written, pair } = worldOf(10);
    const { owner, other, logId, requests, published } = await pair();
    const another = owner.engine.allocateLogId();
    await clock.finish(owner.engine.state.commit({ opens: [another] }));
    await clock.finish(Promise.all([owner, other].map(({ engine }) => engine.append(logId, entry("first")))));
    const [requestsBefore, publishedBefore] = [requests.length, published.length];
    const outcomes: Promise<AppendOutcome>[] = [];
    for (let number = 0; number < 40; number += 1) {
      outcomes.push(other.engine.append(logId, entry(`other ${number}`, 300_000)));
      outcomes.push(owner.engine.append(another, entry(`owner ${number}`, 300_000)));
      if (number % 10 === 0) await clock.runFor(1);
    }
    for (const { kind } of await clock.finish(Promise.all(outcomes))) expect(kind).toBe("appended");
    // No bytes go to the owner, and nobody is in anybody's way.
    expect(requests.slice(requestsBefore)).toEqual([]);
    expect(new Set(published.slice(publishedBefore))).toEqual(new Set(["stored"]));
    const sessions = new Map([...(await written())].map((one) => [one.logId, one.session]));
    expect(sessions.get(logId)).not.toBe(sessions.get(another));
    for (const { engine } of [owner, other]) {
      expect((await clock.finish(textsOf(engine, logId))).slice(2)).toEqual(
        Array.from({ length: 40 }, (_, number) => `other ${number}`),
      );
      expect(await clock.finish(textsOf(engine, another))).toEqual(
        Array.from({ length: 40 }, (_, number) => `owner ${number}`),
      );
    }
  });

  test("go on when one falls silent that has its turn", async () => {
    const { clock, pair } = worldOf(10);
    const { owner, other, logId } = await pair();
    await clock.finish(Promise.all([owner, other].map(({ engine }) => engine.append(logId, entry("first")))));
    const lost = other.engine.append(logId, entry("lost", 300_000));
    const beganMs = clock.monotonicMs();
    // As soon as it has been lent the next append.
    const request = other.client.broker.request;
    other.client.broker.request = async (...of) => {
      const outcome = await request(...of);
      if (of[0].endsWith(".turn")) other.client.cut();
      return outcome;
    };
    await clock.runFor(100);
    expect(await clock.finish(owner.engine.append(logId, entry("next")))).toMatchObject({ kind: "appended" });
    expect(clock.monotonicMs() - beganMs).toBeLessThan(3_000);
    await clock.finish(other.engine.close());
    expect((await clock.finish(lost)).kind).not.toBe("appended");
  });

  test("close a log without waiting for an owner that is silent", async () => {
    const { clock, pair } = worldOf(10);
    const { owner, other, logId } = await pair();
    await clock.finish(Promise.all([owner, other].map(({ engine }) => engine.append(logId, entry("first")))));
    owner.client.cut();
    const waiting = other.engine.append(logId, entry("waits", 300_000));
    await clock.runFor(10);
    const beganMs = clock.monotonicMs();
    expect(await clock.finish(other.engine.state.commit({ closes: [logId] }))).toMatchObject({
      kind: "committed",
    });
    expect(clock.monotonicMs() - beganMs).toBeLessThan(1_000);
    expect((await clock.finish(waiting)).kind).toBe("appended");
  });

  test("go on when the owner dies; what was on its way to it nobody knows", async () => {
    const kinds: string[] = [];
    for (let delayMs = 0; delayMs < 10; delayMs += 1) {
      const { clock, pair } = worldOf(4);
      const { owner, other, logId } = await pair();
      const onItsWay = other.engine.append(logId, entry("on its way"));
      await clock.runFor(delayMs);
      owner.process.end();
      owner.client.cut();
      await clock.runFor(A_WHILE_MS);
      kinds.push((await clock.finish(onItsWay)).kind);
      expect(other.engine.peers?.ownerOfLog(logId)).toBeUndefined();
      expect(await clock.finish(other.engine.append(logId, entry("after it")))).toMatchObject({
        kind: "appended",
      });
    }
    expect(new Set(kinds)).toEqual(new Set(["appended", "unknown"]));
  });

  test("take a log back from one that is cut off, and give it again when it is heard", async () => {
    const { clock, written, pair } = worldOf(5);
    const { owner, other, logId } = await pair();
    owner.client.cut();
    await clock.runFor(A_WHILE_MS);
    expect(await clock.finish(other.engine.append(logId, entry("without it")))).toMatchObject({
      kind: "appended",
    });
    owner.client.heal();
    await clock.runFor(A_WHILE_MS);
    expect(other.engine.peers?.ownerOfLog(logId)).toBeDefined();
    expect(await clock.finish(other.engine.append(logId, entry("with it")))).toMatchObject({ index: 2 });
    expect(await clock.finish(textsOf(other.engine, logId))).toEqual(["without it", "with it"]);
    const [without, with_] = await written();
    expect(without?.session).not.toBe(with_?.session);
  });

  test("a log that was closed is closed whoever is asked to append to it", async () => {
    const { clock, pair } = worldOf(6);
    const { owner, other, logId } = await pair();
    const closing = owner.engine.state.commit({ closes: [logId] });
    const late = other.engine.append(logId, entry("late"));
    expect((await clock.finish(closing)).kind).toBe("committed");
    expect(["appended", "closed"]).toContain((await clock.finish(late)).kind);
    expect(await clock.finish(other.engine.append(logId, entry("later")))).toEqual({ kind: "closed" });
  });

  test("ask each other, and tell each other", async () => {
    const { clock, pair } = worldOf(7);
    const { owner, other, logId } = await pair();
    const peer = other.engine.peers!.ownerOfLog(logId)!;
    const stop = owner.engine.peers!.answer("sum", (numbers) =>
      (numbers as number[]).reduce((sum, number) => sum + number, 0),
    );
    expect(await clock.finish(other.engine.peers!.ask(peer, "sum", [1, 2, 3]))).toBe(6);
    const heard: unknown[] = [];
    owner.engine.peers!.hear("news", (news) => heard.push(news));
    other.engine.peers!.hear("news", () => heard.push("its own"));
    other.engine.peers!.tell("news", { what: "rain" });
    await clock.runFor(100);
    expect(heard).toEqual([{ what: "rain" }]);
    stop();
    expect(await clock.finish(other.engine.peers!.ask(peer, "sum", [1]))).toBeUndefined();
    // Who does not answer owns nothing, until it is heard of again.
    expect(other.engine.peers!.ownerOfLog(logId)).toBeUndefined();
    await clock.runFor(A_WHILE_MS);
    expect(other.engine.peers!.ownerOfLog(logId)).toBe(peer);
  });

  test("ask together what comes while they wait for an answer, and each question has its own", async () => {
    const { clock, pair } = worldOf(9);
    const { owner, other, logId, questions } = await pair();
    const peer = other.engine.peers!.ownerOfLog(logId)!;
    owner.engine.peers!.answer("square", (number) => {
      if (number === 3) throw new Error("three has no square today");
      return (number as number) ** 2;
    });
    const ask = (number: number) => other.engine.peers!.ask(peer, "square", number);
    const first = [ask(1), ask(2)];
    await clock.runFor(0);
    const second = [ask(3), ask(4), ask(5)];
    expect(await clock.finish(Promise.all([...first, ...second]))).toEqual([1, 4, undefined, 16, 25]);
    expect(questions).toEqual(["[1,2]", "[3,4,5]"]);
    // One that cannot be answered says nothing about who was asked.
    expect(other.engine.peers!.ownerOfLog(logId)).toBe(peer);
    expect(await clock.finish(ask(6))).toBe(36);
  });

  test("ask no more at once than one message takes", async () => {
    const { clock, pair } = worldOf(11);
    const { owner, other, logId, questions } = await pair();
    const peer = other.engine.peers!.ownerOfLog(logId)!;
    owner.engine.peers!.answer("square", (text) => (text as string).length);
    const long = ["a", "b", "c"].map((text) => text.repeat(200_000));
    const asked = long.map((text) => other.engine.peers!.ask(peer, "square", text));
    expect(await clock.finish(Promise.all(asked))).toEqual([200_000, 200_000, 200_000]);
    expect(questions).toHaveLength(3);
  });

  test("wait for who does not answer once, however much they have to ask", async () => {
    const { clock, pair } = worldOf(10);
    const { owner, other, logId } = await pair();
    const peer = other.engine.peers!.ownerOfLog(logId)!;
    owner.engine.peers!.answer("patience", () => new Promise(() => {}));
    const ask = () => other.engine.peers!.ask(peer, "patience", "now?");
    const first = ask();
    await clock.runFor(10);
    const sinceMs = clock.nowMs();
    expect(await clock.finish(Promise.all([first, ask(), ask()]))).toEqual([undefined, undefined, undefined]);
    expect(clock.nowMs() - sinceMs).toBeLessThanOrEqual(1_000);
  });

  test("are seen by whoever listens, until they leave", async () => {
    const { clock, onlooker, pair } = worldOf(8);
    const { owner } = await pair();
    const seen = async () =>
      (await clock.finish(listenForGateways(onlooker, clock, "millrace"))).map(({ name }) => name);
    expect(await seen()).toEqual(["one", "two"]);
    await clock.finish(owner.engine.close());
    expect(await seen()).toEqual([owner.name === "one" ? "two" : "one"]);
  });
});
