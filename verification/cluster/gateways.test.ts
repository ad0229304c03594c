import { nodeRuntime } from "@millrace/runtime";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Gateway, Gateways } from "./src/gateways.ts";
import { type NatsCluster, startNatsCluster } from "./src/nats-cluster.ts";
import { clientOf, RecordLedger } from "./src/record-ledger.ts";

const { clock } = nodeRuntime();
const STREAM = "orders";
let cluster: NatsCluster;
let gateways: Gateways;
let servers: [Gateway, Gateway, Gateway];

beforeEach(async () => {
  cluster = await startNatsCluster();
  gateways = new Gateways(cluster);
  servers = [await gateways.add(), await gateways.add(), await gateways.add()];
  const client = clientOf(servers[0].endpoint);
  await client.createStream({ StreamName: STREAM, ShardCount: 2 });
  while (!(await isActive(servers[2]))) await clock.sleep(50);
  await client.close();
});

afterEach(async () => {
  gateways.close();
  await cluster.close();
});

async function isActive({ endpoint }: Gateway): Promise<boolean> {
  const client = clientOf(endpoint);
  const { StreamDescriptionSummary } = await client.describeStreamSummary({ StreamName: STREAM });
  await client.close();
  return StreamDescriptionSummary.StreamStatus === "ACTIVE";
}

/** Splits the first open shard, through a server. */
async function split({ endpoint }: Gateway): Promise<void> {
  const client = clientOf(endpoint);
  const { Shards = [] } = await client.listShards({ StreamName: STREAM, ShardFilter: { Type: "AT_LATEST" } });
  const { ShardId, HashKeyRange } = Shards[0]!;
  const middle = (BigInt(HashKeyRange.StartingHashKey) + BigInt(HashKeyRange.EndingHashKey)) / 2n;
  await client.splitShard({ StreamName: STREAM, ShardToSplit: ShardId, NewStartingHashKey: String(middle) });
  await client.close();
}

/** Has three writers write through all servers while something happens to them, and looks at what is there afterwards. */
async function underLoad(happens: () => Promise<void>): Promise<RecordLedger> {
  const ledger = new RecordLedger();
  const endpoints = servers.map(({ endpoint }) => endpoint);
  const writing = ["one", "two", "three"].map((writer, at) =>
    ledger.write(STREAM, writer, [...endpoints.slice(at), ...endpoints.slice(0, at)]),
  );
  const until = async (count: number): Promise<void> => {
    const goal = ledger.acknowledged.size + count;
    while (ledger.acknowledged.size < goal) await clock.sleep(20);
  };
  await until(100);
  await happens();
  await until(100);
  ledger.stop();
  await Promise.all(writing);
  for (const endpoint of endpoints) expect(await ledger.check(STREAM, endpoint)).toEqual([]);
  console.log(
    `${ledger.acknowledged.size} acknowledged, none lost; ${ledger.failedCount} failed; worst gap ${Math.round(ledger.worstGapMs)} ms`,
  );
  return ledger;
}

describe("three servers over three NATS servers lose nothing", () => {
  test("when a stream is split twice under load, and one of them is frozen across it", async () => {
    await underLoad(async () => {
      await split(servers[0]);
      while (!(await isActive(servers[0]))) await clock.sleep(100);
      servers[1].freeze();
      await split(servers[2]);
      while (!(await isActive(servers[2]))) await clock.sleep(100);
      servers[1].thaw();
    });
  });

  test("when one of them is killed, and comes back", async () => {
    await underLoad(async () => {
      await servers[0].kill();
      await clock.sleep(2_000);
      await servers[0].start();
    });
  });

  test("when each NATS server is killed in turn", async () => {
    await underLoad(async () => {
      for (const name of cluster.serverNames) {
        await cluster.kill(name);
        await clock.sleep(6_000);
        cluster.start(name);
        await cluster.healthy();
      }
    });
  });

  test("when all NATS servers are killed at once", async () => {
    await underLoad(async () => {
      await Promise.all(cluster.serverNames.map((name) => cluster.kill(name)));
      for (const name of cluster.serverNames) cluster.start(name);
      await cluster.healthy();
    });
  });

  test("when they are stopped and started again one after the other, which nobody notices who tries again", async () => {
    const ledger = await underLoad(async () => {
      for (const server of servers) {
        expect(await server.stop()).toBe(0);
        await server.start();
      }
    });
    expect(ledger.acknowledged.size).toBeGreaterThan(200);
  });
});
