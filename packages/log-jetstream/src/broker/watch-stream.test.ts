import type { SimulatedClock } from "@millrace/runtime";
import { seededRandom, simulatedClock } from "@millrace/runtime";
import { expect, test } from "vitest";
import type { Broker, SimulatedCluster, Subscription, WatchOptions } from "../index.ts";
import { simulatedCluster, watchStream } from "../index.ts";

interface World {
  readonly clock: SimulatedClock;
  readonly cluster: SimulatedCluster;
  readonly broker: Broker;
  readonly publish: (key: string, text: string) => Promise<void>;
  readonly watch: (
    changes: Partial<WatchOptions>,
    deliver: (texts: readonly string[]) => void | Promise<void>,
  ) => Subscription;
}

async function world(seed: number): Promise<World> {
  const clock = simulatedClock();
  const cluster = simulatedCluster({ clock, random: seededRandom(seed) });
  const { broker } = cluster.connect(clock);
  const watching = cluster.connect(clock).broker;
  await clock.finish(broker.createStream({ name: "s", subjects: ["s.>"], replicas: 3, announced: true }));
  return {
    clock,
    cluster,
    broker,
    async publish(key, text) {
      const outcome = await clock.finish(broker.publish("s", `s.${key}`, Buffer.from(text)));
      expect(outcome.kind).toBe("stored");
    },
    watch: (changes, deliver) =>
      watchStream(
        {
          broker: watching,
          clock,
          stream: "s",
          subject: "s.>",
          fromSequence: 1,
          maxBytes: 1e6,
          maxMessages: 100,
          ...changes,
        },
        (messages) => deliver(messages.map(({ payload }) => Buffer.from(payload).toString())),
      ),
  };
}

/** Longer than any test: nothing but announcements makes the watch read. */
const NEVER_MS = 1e9;

test("what is stored is delivered when it is announced, without a poll", async () => {
  const { clock, publish, watch } = await world(1);
  await publish("a", "before");
  const seen: string[] = [];
  const watching = watch({ pollIntervalMs: NEVER_MS }, (texts) => void seen.push(...texts));
  await clock.runFor(1_000);
  expect(seen).toEqual(["before"]);
  for (const text of ["one", "two", "three"]) {
    await publish("a", text);
    await clock.runFor(100);
    expect(seen.at(-1)).toBe(text);
  }
  watching.stop();
  await publish("a", "after");
  await clock.runFor(1_000);
  expect(seen).toEqual(["before", "one", "two", "three"]);
});

test("announcements that get lost are made up for by the poll", async () => {
  const { clock, cluster, publish, watch } = await world(2);
  cluster.setFaults({ lostAnnouncement: 1 });
  const seen: string[] = [];
  const watching = watch({ pollIntervalMs: 500 }, (texts) => void seen.push(...texts));
  await clock.runFor(100);
  await publish("a", "one");
  await clock.runFor(100);
  expect(seen).toEqual([]);
  await clock.runFor(500);
  expect(seen).toEqual(["one"]);
  watching.stop();
});

test("only messages of the subject are delivered, from the sequence on", async () => {
  const { clock, publish, watch } = await world(3);
  for (const [key, text] of [
    ["a", "1"],
    ["b", "2"],
    ["a", "3"],
    ["b", "4"],
    ["a", "5"],
  ] as const) {
    await publish(key, text);
  }
  await clock.runFor(100);
  const seen: string[] = [];
  const watching = watch({ subject: "s.a", fromSequence: 2 }, (texts) => void seen.push(...texts));
  await clock.runFor(100);
  expect(seen).toEqual(["3", "5"]);
  watching.stop();
});

test("the next read waits until what was delivered is dealt with", async () => {
  const { clock, publish, watch } = await world(4);
  for (let at = 0; at < 6; at += 1) await publish("a", String(at));
  await clock.runFor(100);
  const batches: (readonly string[])[] = [];
  let finish: (() => void) | undefined;
  const watching = watch({ maxMessages: 2 }, (texts) => {
    batches.push(texts);
    return new Promise((resolve) => (finish = resolve));
  });
  await clock.runFor(5_000);
  expect(batches).toEqual([["0", "1"]]);
  finish!();
  await clock.runFor(100);
  expect(batches).toEqual([
    ["0", "1"],
    ["2", "3"],
  ]);
  watching.stop();
});

test("whatever replicas answer and whatever gets lost, every message comes once and in order", async () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const { clock, cluster, broker, watch } = await world(seed);
    cluster.setFaults({ laggingFollower: 0.3, lostAnswer: 0.2, lostAnnouncement: 0.3 });
    const seen: string[] = [];
    const watching = watch({ maxMessages: 3 }, (texts) => void seen.push(...texts));
    const stored = new Map<number, string>();
    for (let at = 0; at < 40; at += 1) {
      const outcome = await clock.finish(broker.publish("s", "s.a", Buffer.from(String(at))));
      if (outcome.kind === "stored") stored.set(outcome.sequence, String(at));
      if (at === 20) cluster.killServer(cluster.leaderOf("s")!);
      if (at === 30) for (const server of ["n1", "n2", "n3"]) cluster.startServer(server);
      await clock.runFor(300);
    }
    cluster.setFaults({});
    await clock.runFor(60_000);
    expect(stored.size).toBeGreaterThan(20);
    expect(seen).toEqual([...stored.values()]);
    watching.stop();
  }
});

test("what the caller knows by itself is not read, and what others store behind it is delivered", async () => {
  const { clock, cluster, publish } = await world(6);
  const { broker } = cluster.connect(clock);
  const readFrom: number[] = [];
  const counted: Broker = {
    ...broker,
    read: (stream, request) => {
      readFrom.push(request.fromSequence);
      return broker.read(stream, request);
    },
    onStored: (filter, listener) => broker.onStored(filter, listener),
  };
  let known = 0;
  let acknowledge: () => void = () => undefined;
  let underWay: Promise<void> | undefined;
  const seen: string[] = [];
  const watching = watchStream(
    {
      ...{
        broker: counted,
        clock,
        stream: "s",
        subject: "s.>",
        fromSequence: 1,
        maxBytes: 1e6,
        maxMessages: 100,
      },
      pollIntervalMs: NEVER_MS,
      knownThrough: () => known,
      appendUnderWay: () => underWay,
    },
    (messages) => void seen.push(...messages.map(({ payload }) => Buffer.from(payload).toString())),
  );
  await clock.runFor(1_000);
  expect(readFrom).toEqual([1]);

  // The announcement comes before the acknowledgement does.
  underWay = new Promise((resolve) => (acknowledge = resolve));
  await publish("a", "own");
  await clock.runFor(1_000);
  known = 1;
  underWay = undefined;
  acknowledge();
  await clock.runFor(1_000);
  expect(readFrom).toEqual([1]);

  await publish("a", "another's");
  await clock.runFor(1_000);
  expect(seen).toEqual(["another's"]);
  expect(readFrom[1]).toBe(2);
  watching.stop();
});
