import { checkCluster, simulatedCluster } from "@millrace/log-jetstream";
import type { ServerDescription, SimulatedClusterOptions } from "@millrace/log-jetstream";
import { seededRandom, simulatedClock } from "@millrace/runtime";
import { afterEach, describe, expect, test } from "vitest";
import { clusterGateways, clusterStreams } from "./cluster.ts";
import { ask, clientOf, serverUnderTest, testRuntime } from "./test-support.ts";
import type { ServerUnderTest } from "./test-support.ts";

const stops: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** A cluster whose virtual time goes on by itself, and servers on it. */
function clusterOf(changes: Partial<SimulatedClusterOptions> = {}) {
  const clock = simulatedClock({ startMs: Date.UTC(2026, 10, 22) });
  let isWanted = true;
  const go = (): void => {
    if (isWanted) setImmediate(() => void clock.runFor(1).then(go));
  };
  go();
  stops.push(() => {
    isWanted = false;
  });
  const cluster = simulatedCluster({ clock, random: seededRandom(1), ...changes });
  const start = async (options: { readonly transitionDelay?: number } = {}): Promise<ServerUnderTest> => {
    const runtime = { ...testRuntime(), clock };
    const server = await serverUnderTest(
      {
        ...{ engine: "jetstream", nats: "nats://simulated", natsSystemUser: "system", durability: "fsync" },
        ...options,
      },
      runtime,
      { broker: cluster.connect(clock).broker },
    );
    stops.push(() => server.close());
    return { ...server, client: clientOf(server.service, runtime) };
  };
  return { clock, cluster, start };
}

async function summaryOf({ client }: ServerUnderTest) {
  return (await client.describeStreamSummary({ StreamName: "orders" })).StreamDescriptionSummary;
}

async function until(
  isSo: () => Promise<boolean>,
  clock: { sleep(durationMs: number): Promise<void> },
): Promise<void> {
  while (!(await isSo())) await clock.sleep(55);
}

describe("servers that share a cluster", () => {
  test("have the same streams, and read what any of them took", async () => {
    const { clock, start } = clusterOf();
    const [one, other] = [await start(), await start()];
    await one.client.createStream({ StreamName: "orders", ShardCount: 2 });
    // The other has heard of the stream as soon as anybody asks it.
    for (const server of [other, one])
      await until(async () => (await summaryOf(server)).StreamStatus === "ACTIVE", clock);
    const { Shards = [] } = await other.client.listShards({ StreamName: "orders" });
    expect(Shards).toHaveLength(2);

    const { ShardId, SequenceNumber } = await one.client.putRecord({
      StreamName: "orders",
      PartitionKey: "key",
      Data: Buffer.from("first"),
    });
    const iteratorOf = async (type: "TRIM_HORIZON" | "LATEST") =>
      (await other.client.getShardIterator({ StreamName: "orders", ShardId, ShardIteratorType: type }))
        .ShardIterator!;
    // Made through one server, used through another.
    const latest = await iteratorOf("LATEST");
    const read = async (server: ServerUnderTest, iterator: string) =>
      (await server.client.getRecords({ ShardIterator: iterator })).Records.map((record) => ({
        data: Buffer.from(record.Data).toString(),
        number: record.SequenceNumber,
      }));
    expect(await read(one, await iteratorOf("TRIM_HORIZON"))).toEqual([
      { data: "first", number: SequenceNumber },
    ]);
    const second = await other.client.putRecord({
      StreamName: "orders",
      PartitionKey: "key",
      Data: Buffer.from("second"),
    });
    expect(await read(other, latest)).toEqual([{ data: "second", number: second.SequenceNumber }]);
    expect(BigInt(second.SequenceNumber)).toBeGreaterThan(BigInt(SequenceNumber));
  });

  test("see a split that one of them makes, and read the parent to its end", async () => {
    const { clock, start } = clusterOf();
    const [one, other] = [await start(), await start()];
    await one.client.createStream({ StreamName: "orders", ShardCount: 1 });
    for (const server of [one, other])
      await until(async () => (await summaryOf(server)).StreamStatus === "ACTIVE", clock);
    for (let number = 1; number <= 5; number += 1) {
      const server = number % 2 === 0 ? one : other;
      await server.client.putRecord({
        StreamName: "orders",
        PartitionKey: "key",
        Data: Buffer.from(`${number}`),
      });
    }
    await other.client.splitShard({
      StreamName: "orders",
      ShardToSplit: "shardId-000000000000",
      NewStartingHashKey: (2n ** 127n).toString(),
    });
    await until(async () => (await summaryOf(one)).OpenShardCount === 2, clock);
    const { ShardIterator } = await one.client.getShardIterator({
      StreamName: "orders",
      ShardId: "shardId-000000000000",
      ShardIteratorType: "TRIM_HORIZON",
    });
    const { Records, NextShardIterator, ChildShards } = await one.client.getRecords({
      ShardIterator: ShardIterator!,
    });
    expect(Records.map(({ Data }) => Buffer.from(Data).toString())).toEqual(["1", "2", "3", "4", "5"]);
    expect(NextShardIterator).toBeUndefined();
    expect(ChildShards).toHaveLength(2);
    const { ShardId } = await one.client.putRecord({
      StreamName: "orders",
      PartitionKey: "key",
      Data: Buffer.from("6"),
    });
    expect(ShardId).not.toBe("shardId-000000000000");
  });

  test("keep one limit together, whichever of them a producer comes to", async () => {
    const { clock, start } = clusterOf();
    const servers = [await start(), await start(), await start()];
    await servers[0]!.client.createStream({ StreamName: "orders", ShardCount: 1 });
    for (const server of servers)
      await until(async () => (await summaryOf(server)).StreamStatus === "ACTIVE", clock);
    // Until they have heard of each other.
    await clock.sleep(2_500);
    const Records = Array.from({ length: 400 }, (_, number) => ({
      PartitionKey: `${number}`,
      Data: Buffer.from("x"),
    }));
    const answers = await Promise.all(
      servers.map(({ client }) => client.putRecords({ StreamName: "orders", Records })),
    );
    const refused = answers.reduce((sum, { FailedRecordCount = 0 }) => sum + FailedRecordCount, 0);
    expect(refused).toBe(200);
  });

  test("keep an account's quota together, though both are asked at the same moment", async () => {
    const { start } = clusterOf();
    const transitionDelay = 60_000;
    const servers = [await start({ transitionDelay }), await start({ transitionDelay })];
    const create = (number: number) =>
      servers[number % 2]!.client.createStream({ StreamName: `stream-${number}`, ShardCount: 1 });
    const outcomes = await Promise.allSettled([0, 1, 2, 3, 4, 5, 6, 7].map(create));
    const refused = outcomes.filter(({ status }) => status === "rejected");
    expect(refused).toHaveLength(3);
    for (const outcome of refused)
      expect(outcome).toMatchObject({ reason: { code: "LimitExceededException" } });
  });

  test("are known to whoever asks, and each group is one of theirs to write", async () => {
    const { clock, cluster, start } = clusterOf();
    const [one] = [await start(), await start()];
    await one.client.createStream({ StreamName: "orders", ShardCount: 40 });
    await until(async () => (await summaryOf(one)).StreamStatus === "ACTIVE", clock);
    // A group begins with its first entry.
    const Records = Array.from({ length: 200 }, (_, number) => ({
      PartitionKey: `${number}`,
      Data: Buffer.from("x"),
    }));
    await one.client.putRecords({ StreamName: "orders", Records });
    const broker = cluster.connect(clock).broker;
    const streams = await clusterStreams(broker, "millrace");
    const gateways = await clusterGateways(broker, clock, "millrace", streams);
    expect(gateways.map(({ name, version }) => [name, version])).toEqual([
      ["gateway:4566", "unknown"],
      ["gateway:4566", "unknown"],
    ]);
    const numbers = streams.flatMap(({ settings }) => /_g(\d+)$/.exec(settings.name)?.[1] ?? []).map(Number);
    expect(numbers.length).toBeGreaterThan(1);
    expect(gateways.flatMap(({ groups }) => groups).sort((a, b) => a - b)).toEqual(
      numbers.sort((a, b) => a - b),
    );
  });

  test("refuse to move the clock", async () => {
    const { start } = clusterOf();
    const server = await start();
    const { status, body } = await ask(server.service, "POST", "/_millrace/clock/advance", {
      body: { duration: "1h" },
    });
    expect([status, Buffer.from(body as Uint8Array).toString()]).toEqual([
      400,
      expect.stringContaining("clock of a cluster cannot be moved"),
    ]);
  });

  test("do not start on a cluster that does not keep what it acknowledges", async () => {
    const { jetStream } = await soundServer();
    const lazy = { jetStream: { ...jetStream!, syncsAlways: false } };
    const { start } = clusterOf({ servers: [{}, lazy, {}] });
    await expect(start()).rejects.toThrow(/sync_interval: always/);
  });
});

/** What a sound server says of itself. */
async function soundServer(): Promise<ServerDescription> {
  const clock = simulatedClock();
  const { broker } = simulatedCluster({ clock, random: seededRandom(1) }).connect(clock);
  const outcome = await clock.finish(broker.describeServers());
  if (outcome.kind !== "servers") throw new Error(outcome.reason);
  expect(checkCluster(outcome).every(({ kind }) => kind === "ok")).toBe(true);
  return outcome.servers[0]!;
}
