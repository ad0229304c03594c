/** Two workers share a stream; one leaves in the middle, and a shard is split. Nothing is lost, and every key stays in order. */
import { createKinesisClient } from "@millrace/client";
import { createConsumer, memoryLeaseStore } from "@millrace/consumer";
import { nodeRuntime } from "@millrace/runtime";

const { clock, random } = nodeRuntime();
const client = createKinesisClient({
  endpoint: process.env.AWS_ENDPOINT_URL ?? "http://127.0.0.1:4566",
  credentials: { accessKeyId: "any", secretAccessKey: "any" },
  clock,
  random,
});
const StreamName = "orders";
const USERS = 10;
const ORDERS = 600;

async function isActive() {
  const { StreamDescriptionSummary: stream } = await client.describeStreamSummary({ StreamName });
  return stream.StreamStatus === "ACTIVE";
}

/** Puts orders of ten users, each with a number that rises. */
async function order(from, to) {
  for (let at = from; at < to; at += 100) {
    const Records = Array.from({ length: 100 }, (_, index) => ({
      PartitionKey: `user-${(at + index) % USERS}`,
      Data: Buffer.from(String(at + index)),
    }));
    await client.putRecords({ StreamName, Records });
  }
}

await client.createStream({ StreamName, ShardCount: 2 });
while (!(await isActive())) await clock.sleep(50);

/** What each worker handled; and of each user, the orders as they came. */
const handled = { ana: 0, ben: 0 };
const byUser = new Map();
const seen = new Set();
const leaseStore = memoryLeaseStore();

function startWorker(workerId) {
  const options = { leaseDurationMs: 1_500, shardSyncIntervalMs: 1_000, parentPollIntervalMs: 250 };
  const streams = [StreamName];
  const worker = createConsumer({
    client,
    applicationName: "billing",
    workerId,
    streams,
    leaseStore,
    clock,
    random,
    ...options,
  });
  const running = worker.run(
    async ({ partitionKey, data }) => {
      const number = Number(Buffer.from(data).toString());
      await clock.sleep(1);
      handled[workerId] += 1;
      // At least once: after a crash a record may come again.
      if (!seen.has(number)) byUser.set(partitionKey, [...(byUser.get(partitionKey) ?? []), number]);
      seen.add(number);
    },
    { concurrency: 8, checkpointIntervalMs: 1_000 },
  );
  return { worker, running };
}

const until = async (done) => {
  while (!done()) await clock.sleep(50);
};

const ana = startWorker("ana");
await order(0, 200);
const ben = startWorker("ben");
await until(() => ben.worker.metrics().shards.length === 1 && ana.worker.metrics().shards.length === 1);
console.log("ana and ben have a shard each");

await order(200, 400);
await until(() => seen.size === 400);
await ana.worker.stop();
await ana.running;
console.log("ana has left");

await client.splitShard({
  StreamName,
  ShardToSplit: "shardId-000000000000",
  NewStartingHashKey: String(2n ** 126n),
});
while (!(await isActive())) await clock.sleep(50);
await order(400, ORDERS);
await until(() => seen.size === ORDERS);
await until(() => ben.worker.metrics().shards.length === 3);
console.log("ben has three shards, two of them made by the split");
await ben.worker.stop();
await ben.running;

const isInOrder = [...byUser.values()].every((numbers) =>
  numbers.every((number, at) => at === 0 || number > numbers[at - 1]),
);
console.log(
  `${seen.size} orders of ${byUser.size} users were handled${isInOrder ? ", those of each user in their order" : ""}`,
);
console.log(handled.ana > 0 && handled.ben > 0 ? "both have worked" : handled);
await client.deleteStream({ StreamName });
await client.close();
