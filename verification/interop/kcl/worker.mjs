/**
 * One worker of `@millrace/consumer` that tells what the one of the KCL tells, and shares its leases:
 * `node worker.mjs ENDPOINT REGION STREAM APPLICATION WORKER`. It stops when standard input ends.
 */
import { createDynamoClient, createKinesisClient } from "../../../packages/client/dist/index.js";
import { createConsumer, openDynamoLeaseStore, polling } from "../../../packages/consumer/dist/index.js";
import { nodeRuntime } from "../../../packages/runtime/dist/index.js";

const [endpoint, region, stream, applicationName, workerId] = process.argv.slice(2);
const { clock, random } = nodeRuntime();
const far = {
  endpoint,
  region,
  credentials: { accessKeyId: "000000000000", secretAccessKey: "secret" },
  clock,
  random,
};
const tell = (line) => void process.stdout.write(`${clock.nowMs()} ${line}\n`);
const complain = (message, fields) => void process.stderr.write(`${message} ${JSON.stringify(fields)}\n`);

const leaseStore = await openDynamoLeaseStore({
  client: createDynamoClient(far),
  tableName: applicationName,
  clock,
});
const consumer = createConsumer({
  client: createKinesisClient(far),
  applicationName,
  streams: [stream],
  leaseStore,
  clock,
  random,
  log: { debug() {}, info() {}, warn: complain, error: complain },
  workerId,
  // As the worker of the KCL has them.
  leaseDurationMs: 2_000,
  shardSyncIntervalMs: 2_000,
  workerReportIntervalMs: 2_000,
  retrieval: polling({ idleMs: 250 }),
});
process.stdin.resume().once("end", () => void consumer.stop());

const reading = [];
for await (const shard of consumer.shards()) reading.push(read(shard));
await Promise.all(reading);
tell("stopped");
process.exit(0);

async function read(shard) {
  const { shardId } = shard;
  tell(`initialize ${shardId} -`);
  try {
    for await (const batch of shard) {
      for (const { sequenceNumber, partitionKey, data } of batch.records) {
        tell(`record ${shardId} ${sequenceNumber} ${partitionKey} ${Buffer.from(data).toString()}`);
      }
      await batch.checkpoint();
      tell(`checkpoint ${shardId}`);
    }
  } catch (error) {
    tell(`leaseLost ${shardId} ${String(error)}`);
    return;
  }
  const lease = await leaseStore.get(shardId);
  tell(`${lease?.checkpoint.sequenceNumber === "SHARD_END" ? "shardEnded" : "left"} ${shardId}`);
}
