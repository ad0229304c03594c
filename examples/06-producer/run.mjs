/** Puts page views through the producer while the stream is resharded, and checks what consumers see of them. */
import { createKinesisClient } from "@millrace/client";
import { contains, hashKeyOf, readAggregatedRecord } from "@millrace/model";
import { createProducer } from "@millrace/producer";
import { nodeRuntime } from "@millrace/runtime";

const { clock, random } = nodeRuntime();
const kinesis = createKinesisClient({
  endpoint: process.env.AWS_ENDPOINT_URL ?? "http://127.0.0.1:4566",
  region: "us-east-1",
  credentials: { accessKeyId: "any", secretAccessKey: "any" },
  protocol: "cbor",
  clock,
  random,
});
const StreamName = "page-views";
const count = (number) => number.toLocaleString("en-US");

await kinesis.createStream({ StreamName, ShardCount: 2 });
const status = async () =>
  (await kinesis.describeStreamSummary({ StreamName })).StreamDescriptionSummary.StreamStatus;
while ((await status()) !== "ACTIVE") await clock.sleep(50);

const producer = createProducer({ client: kinesis, stream: StreamName, clock, random, lingerMs: 20 });

// One record, and where it went.
const accepted = await producer.put({ partitionKey: "ana", data: "page 0" });
const { shardId, attemptCount } = await accepted.result;
console.log(`the first page view is in ${shardId} after ${attemptCount} attempt`);

// Many, from anything that can be iterated. The producer says when it has room for more.
const USERS = 50;
const PAGES = 400;
async function* pageViews() {
  let resharding;
  for (let page = 1; page <= PAGES; page += 1) {
    for (let user = 0; user < USERS; user += 1) yield { partitionKey: `user ${user}`, data: `page ${page}` };
    if (page % 20 === 0) await clock.sleep(20);
    if (page === PAGES / 4) resharding = reshard();
    if (page === PAGES / 2) await resharding;
  }
}
async function reshard() {
  await kinesis.updateShardCount({ StreamName, TargetShardCount: 4, ScalingType: "UNIFORM_SCALING" });
  while ((await status()) !== "ACTIVE") await clock.sleep(50);
}
const { storedCount, failedCount } = await producer.putAll(pageViews());
await producer.close();

const { putRecordCount, requestCount, shardCount } = producer.metrics();
console.log(`${count(storedCount)} page views are stored, ${count(failedCount)} are not`);
console.log(`they took ${count(putRecordCount)} records in ${count(requestCount)} requests`);
console.log(`the stream went from 2 to ${shardCount} shards on the way`);

// As the KCL does: parents before children, and nothing of an aggregated record that went astray in a reshard. A user record in it that
// does not belong into the shard tells; the producer has put all that were in it once more.
const seen = new Map();
const { Shards } = await kinesis.listShards({ StreamName });
for (const { ShardId, HashKeyRange } of Shards) {
  const range = {
    startingHashKey: BigInt(HashKeyRange.StartingHashKey),
    endingHashKey: BigInt(HashKeyRange.EndingHashKey),
  };
  const first = await kinesis.getShardIterator({ StreamName, ShardId, ShardIteratorType: "TRIM_HORIZON" });
  for (let iterator = first.ShardIterator; iterator !== undefined;) {
    const { Records, NextShardIterator, MillisBehindLatest } = await kinesis.getRecords({
      ShardIterator: iterator,
    });
    for (const { Data, PartitionKey } of Records) {
      const userRecords = readAggregatedRecord(Data) ?? [{ partitionKey: PartitionKey, data: Data }];
      if (!userRecords.every(({ partitionKey }) => contains(range, hashKeyOf(Buffer.from(partitionKey)))))
        continue;
      for (const { partitionKey, data } of userRecords) {
        seen.set(partitionKey, [...(seen.get(partitionKey) ?? []), Buffer.from(data).toString()]);
      }
    }
    iterator = MillisBehindLatest === 0 ? undefined : NextShardIterator;
  }
}
seen.delete("ana");
const expected = Array.from({ length: PAGES }, (_, page) => `page ${page + 1}`).join();
const inOrder = [...seen.values()].filter((pages) => pages.join() === expected).length;
console.log(`${inOrder} of ${USERS} users were seen with every page once and in order`);

await kinesis.deleteStream({ StreamName });
await kinesis.close();
console.log("deleted");
process.exitCode = inOrder === USERS ? 0 : 1;
