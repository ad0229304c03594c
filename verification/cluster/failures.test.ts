import { type Broker, type PublishOutcome, watchStream } from "@millrace/log-jetstream";
import { nodeRuntime } from "@millrace/runtime";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Clients } from "./src/clients.ts";
import { type NatsCluster, startNatsCluster } from "./src/nats-cluster.ts";

const { clock } = nodeRuntime();
const STREAM = { name: "s", subjects: ["s.>"], replicas: 3, announced: true };
const clients = new Clients();
let running: NatsCluster | undefined;

beforeEach(async () => {
  running = await startNatsCluster();
});

afterEach(async () => {
  await clients.close();
  await running?.close();
});

function cluster(): NatsCluster {
  if (running === undefined) throw new Error("there is no cluster");
  return running;
}

async function withStream(urls?: readonly string[]): Promise<Broker> {
  const broker = await clients.connect(cluster(), urls);
  // Servers that have just found each other can be late to answer; asked again they say what has become of it.
  let outcome = await broker.createStream(STREAM);
  while (outcome.kind === "unknown") outcome = await broker.createStream(STREAM);
  expect(outcome).toEqual({ kind: "done" });
  return broker;
}

async function leaderOf(broker: Broker): Promise<string> {
  for (;;) {
    const described = await broker.describeStream(STREAM.name);
    if (described.kind === "stream" && described.stream.leader !== "") return described.stream.leader;
    await clock.sleep(50);
  }
}

/** A client that publishes single messages and batches, and knows for each whether it is surely there, surely not, or neither. */
class Writer {
  readonly acknowledged = new Map<number, string>();
  readonly refused = new Set<string>();
  readonly outcomes = new Map<PublishOutcome["kind"], number>();
  readonly #broker: Broker;
  readonly #name: string;
  #isRunning = true;
  #count = 0;
  worstGapMs = 0;

  constructor(broker: Broker, name: string) {
    this.#broker = broker;
    this.#name = name;
  }

  stop(): void {
    this.#isRunning = false;
  }

  async run(): Promise<void> {
    let lastMs = clock.monotonicMs();
    while (this.#isRunning) {
      const texts = this.#nextTexts();
      const messages = texts.map((text) => ({ subject: "s.a", payload: Buffer.from(text) }));
      const outcome = await (messages.length > 1
        ? this.#broker.publishBatch(STREAM.name, messages)
        : this.#broker.publish(STREAM.name, messages[0]!.subject, messages[0]!.payload));
      this.outcomes.set(outcome.kind, (this.outcomes.get(outcome.kind) ?? 0) + 1);
      if (outcome.kind === "stored") {
        const first = outcome.sequence - texts.length + 1;
        for (const [at, text] of texts.entries()) this.acknowledged.set(first + at, text);
        this.worstGapMs = Math.max(this.worstGapMs, clock.monotonicMs() - lastMs);
        lastMs = clock.monotonicMs();
      } else {
        if (outcome.kind === "refused") for (const text of texts) this.refused.add(text);
        await clock.sleep(20);
      }
    }
  }

  /** One text, or the parts of a batch: `w1-8/1of3` and on. */
  #nextTexts(): string[] {
    const text = `${this.#name}-${this.#count}`;
    this.#count += 1;
    return this.#count % 3 === 0 ? [1, 2, 3].map((part) => `${text}/${part}of3`) : [text];
  }

  /** Resolves when this many more have been acknowledged. */
  async acknowledgesMore(count: number): Promise<void> {
    const wanted = this.acknowledged.size + count;
    while (this.acknowledged.size < wanted) await clock.sleep(5);
  }
}

async function contentsOf(broker: Broker): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  const described = await broker.describeStream(STREAM.name);
  if (described.kind !== "stream") throw new Error("the stream is gone");
  let fromSequence = 1;
  while (fromSequence <= described.stream.lastSequence) {
    const outcome = await broker.read(STREAM.name, { fromSequence, maxBytes: 1e6, maxMessages: 1_000 });
    if (outcome.kind !== "messages") continue;
    for (const { sequence, payload } of outcome.messages)
      found.set(sequence, Buffer.from(payload).toString());
    fromSequence = (outcome.messages.at(-1)?.sequence ?? fromSequence - 1) + 1;
  }
  return found;
}

function check(writers: readonly Writer[], found: ReadonlyMap<number, string>): void {
  const texts = new Set(found.values());
  for (const { acknowledged, refused } of writers) {
    for (const [sequence, text] of acknowledged) expect(found.get(sequence)).toBe(text);
    for (const text of refused) expect(texts.has(text)).toBe(false);
  }
  // Acknowledged or not, of a batch everything is there, side by side, or nothing.
  for (const [sequence, text] of found) {
    if (!text.endsWith("of3")) continue;
    const part = Number(/(\d)of3$/.exec(text)?.[1]);
    const batch = text.slice(0, text.indexOf("/"));
    const together = [1, 2, 3].map((other) => found.get(sequence - part + other));
    expect(together).toEqual([1, 2, 3].map((other) => `${batch}/${other}of3`));
  }
}

function report(what: string, writers: readonly Writer[]): void {
  const lines = writers.map(({ acknowledged, outcomes, worstGapMs }) => {
    const others = [...outcomes]
      .filter(([kind]) => kind !== "stored")
      .map(([kind, count]) => `${count} ${kind}`);
    return `${acknowledged.size} acknowledged, ${others.join(", ") || "nothing else"}, worst gap ${Math.round(worstGapMs)} ms`;
  });
  process.stdout.write(`${what}: ${lines.join("; ")}\n`);
}

async function underLoad(
  what: string,
  broker: Broker,
  disturb: (writers: readonly Writer[]) => Promise<void>,
): Promise<void> {
  const writers = [new Writer(broker, "w1"), new Writer(await clients.connect(cluster()), "w2")];
  const runs = writers.map((writer) => writer.run());
  for (const writer of writers) await writer.acknowledgesMore(50);
  await disturb(writers);
  for (const writer of writers) await writer.acknowledgesMore(50);
  for (const writer of writers) writer.stop();
  await Promise.all(runs);
  check(writers, await contentsOf(broker));
  report(what, writers);
}

test("kill -9 of a stream's leader loses nothing that was acknowledged, and stores nothing that was refused", async () => {
  const broker = await withStream();
  await underLoad("kill -9 of the leader", broker, async () => {
    const leader = await leaderOf(broker);
    await cluster().kill(leader);
    cluster().start(leader);
    await cluster().healthy();
  });
});

test("kill -9 of all servers at once loses nothing that was acknowledged", async () => {
  const broker = await withStream();
  await underLoad("kill -9 of all three", broker, async () => {
    await Promise.all(cluster().serverNames.map((server) => cluster().kill(server)));
    for (const server of cluster().serverNames) cluster().start(server);
    await cluster().healthy();
  });
});

test("a leader that freezes is replaced, and what it took is unknown rather than refused", async () => {
  const broker = await withStream();
  await underLoad("SIGSTOP of the leader", broker, async (writers) => {
    const areUnknown = (): boolean => writers.every(({ outcomes }) => outcomes.has("unknown"));
    // On a busy machine another server may have become the leader before this one is frozen.
    while (!areUnknown()) {
      const leader = await leaderOf(broker);
      cluster().freeze(leader);
      const untilMs = clock.monotonicMs() + 30_000;
      while (!areUnknown() && clock.monotonicMs() < untilMs) await clock.sleep(20);
      for (const writer of writers) await writer.acknowledgesMore(1);
      cluster().thaw(leader);
      await cluster().healthy();
    }
  });
});

test("a client whose server dies goes on with another one", async () => {
  const broker = await withStream([cluster().urlOf("millrace-a")]);
  await underLoad("kill -9 of a client's server", broker, async () => {
    await cluster().kill("millrace-a");
    cluster().start("millrace-a");
    await cluster().healthy();
  });
});

test("a client whose server freezes goes on with another one", async () => {
  const broker = await withStream([cluster().urlOf("millrace-a")]);
  await underLoad("SIGSTOP of a client's server", broker, async (writers) => {
    cluster().freeze("millrace-a");
    while (!writers[0]!.outcomes.has("unknown")) await clock.sleep(20);
    for (const writer of writers) await writer.acknowledgesMore(1);
    cluster().thaw("millrace-a");
    await cluster().healthy();
  });
});

test("a watch delivers every message once and in order while leaders die", async () => {
  const broker = await withStream();
  const watcher = await clients.connect(cluster());
  const seen: number[] = [];
  const watching = watchStream(
    {
      broker: watcher,
      clock,
      stream: STREAM.name,
      subject: "s.>",
      fromSequence: 1,
      maxBytes: 1e6,
      maxMessages: 100,
    },
    (messages) => void seen.push(...messages.map(({ sequence }) => sequence)),
  );
  await underLoad("watched, with kill -9 of the leader", broker, async () => {
    const leader = await leaderOf(broker);
    await cluster().kill(leader);
    cluster().start(leader);
    await cluster().healthy();
  });
  const found = await contentsOf(broker);
  while (seen.length < found.size) await clock.sleep(20);
  watching.stop();
  expect(seen).toEqual([...found.keys()]);
});

test("a listener on a stream's own subjects hides that there is no leader", async () => {
  const leader = await leaderOf(await withStream());
  const others = cluster().serverNames.filter((server) => server !== leader);
  const broker = await clients.connect(
    cluster(),
    others.map((server) => cluster().urlOf(server)),
  );
  const subscription = broker.subscribe("s.>", () => undefined);
  await cluster().kill(leader);
  expect(await broker.publish(STREAM.name, "s.a", Buffer.from("x"))).toMatchObject({ kind: "unknown" });
  subscription.stop();
});
