import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer, request, type Server } from "node:http";
import { nodeRuntime } from "@millrace/runtime";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Gateway, Gateways, PROGRAM } from "./src/gateways.ts";
import { type NatsCluster, startNatsCluster } from "./src/nats-cluster.ts";
import { clientOf } from "./src/record-ledger.ts";

const { clock } = nodeRuntime();
const STREAM = "orders";
let cluster: NatsCluster;
let gateways: Gateways;
const listeners: Server[] = [];

beforeEach(async () => {
  cluster = await startNatsCluster();
  gateways = new Gateways(cluster);
});

afterEach(async () => {
  for (const listener of listeners.splice(0)) listener.close();
  gateways.close();
  await cluster.close();
});

interface Ended {
  readonly code: number;
  readonly text: string;
}

function migrate(from: string, to: string, ...words: string[]): Promise<Ended> {
  const line = [PROGRAM, "migrate", "--from", from, "--to", to, "--stream", STREAM, ...words];
  return new Promise((resolve) => {
    execFile(process.execPath, line, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, text: stdout + stderr });
    });
  });
}

/** The way to a server, on which the server dies with a request that was sent and is not answered yet. */
async function deadlyWay(to: Gateway, path: string, count: number): Promise<string> {
  let left = count;
  const listener = createServer((incoming, outgoing) => {
    const { method = "", url = "", headers } = incoming;
    const isLast = url === path && (left -= 1) === 0;
    const onward = request(new URL(url, to.endpoint), { method, headers }, (answer) => {
      if (isLast) return;
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    onward.on("finish", () => {
      if (isLast) void to.kill();
    });
    incoming.pipe(onward);
  }).listen(0, "127.0.0.1");
  listeners.push(listener);
  await once(listener, "listening");
  return `http://127.0.0.1:${(listener.address() as { port: number }).port}`;
}

/** Every shard with its records, as a reader sees them. */
async function everything({ endpoint }: Gateway): Promise<{ shard: object; records: object[] }[]> {
  const client = clientOf(endpoint);
  const { Shards = [] } = await client.listShards({ StreamName: STREAM });
  const all = [];
  for (const shard of Shards) {
    const start = { StreamName: STREAM, ShardId: shard.ShardId, ShardIteratorType: "TRIM_HORIZON" } as const;
    let { ShardIterator: iterator } = await client.getShardIterator(start);
    const records: object[] = [];
    while (iterator !== undefined) {
      const answer = await client.getRecords({ ShardIterator: iterator });
      for (const { Data, ...rest } of answer.Records)
        records.push({ ...rest, text: String(Buffer.from(Data)) });
      iterator = answer.MillisBehindLatest === 0 ? undefined : answer.NextShardIterator;
    }
    all.push({ shard, records });
  }
  await client.close();
  return all;
}

async function untilActive({ endpoint }: Gateway): Promise<void> {
  const client = clientOf(endpoint);
  const status = async () =>
    (await client.describeStreamSummary({ StreamName: STREAM })).StreamDescriptionSummary.StreamStatus;
  while ((await status()) !== "ACTIVE") await clock.sleep(50);
  await client.close();
}

test("a data directory becomes streams of a cluster, though a server and the copying are killed", async () => {
  const alone = await gateways.addAlone();
  const client = clientOf(alone.endpoint);
  await client.createStream({ StreamName: STREAM, ShardCount: 2 });
  await untilActive(alone);
  const put = (round: number) =>
    client.putRecords({
      StreamName: STREAM,
      Records: Array.from({ length: 500 }, (_, at) => ({
        PartitionKey: `key ${at}`,
        Data: Buffer.from(`record ${at} of round ${round} ${"x".repeat(500)}`),
      })),
    });
  for (let round = 0; round < 5; round += 1) await put(round);
  await client.splitShard({
    StreamName: STREAM,
    ShardToSplit: "shardId-000000000000",
    NewStartingHashKey: String(2n ** 126n),
  });
  await untilActive(alone);
  for (let round = 5; round < 10; round += 1) await put(round);
  await client.close();
  const before = await everything(alone);
  expect(await alone.stop()).toBe(0);

  const [first, second] = [
    await gateways.add({ words: ["--allow-import"] }),
    await gateways.add({ words: ["--allow-import"] }),
  ];
  const way = await deadlyWay(first, "/_millrace/import/records", 2);
  const broken = await migrate(alone.dataDir, way);
  expect([broken.code, broken.text]).toEqual([1, expect.stringContaining("millrace: ")]);
  const { code, text } = await migrate(alone.dataDir, second.endpoint, "--finish");
  console.log(text.trim());
  expect(text).toContain("5,000 were compared and are the same");
  expect(code).toBe(0);

  await first.start();
  for (const gateway of [first, second]) {
    await untilActive(gateway);
    expect(await everything(gateway)).toEqual(before);
  }
  const after = clientOf(first.endpoint);
  const { SequenceNumber, ShardId } = await after.putRecord({
    StreamName: STREAM,
    PartitionKey: "key 1",
    Data: Buffer.from("new"),
  });
  await after.close();
  const { records } = (await everything(second)).find(
    ({ shard }) => (shard as { ShardId: string }).ShardId === ShardId,
  )!;
  expect(records.at(-1)).toMatchObject({ SequenceNumber, text: "new" });
  expect(records.length).toBeGreaterThan(1);
  const numbers = records.map((record) => (record as { SequenceNumber: string }).SequenceNumber);
  expect(numbers).toEqual(numbers.toSorted());
});
