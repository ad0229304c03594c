/** Puts, reads and listens with the AWS SDK for JavaScript, as it comes: only the endpoint differs from AWS. */
import { setTimeout as sleep } from "node:timers/promises";
import { Kinesis, waitUntilStreamExists, waitUntilStreamNotExists } from "@aws-sdk/client-kinesis";

const kinesis = new Kinesis({
  endpoint: process.env.AWS_ENDPOINT_URL ?? "http://127.0.0.1:4566",
  region: "us-east-1",
  credentials: { accessKeyId: "any", secretAccessKey: "any" },
});
const StreamName = "visits";
const ShardId = "shardId-000000000000";
const StartingPosition = { Type: "TRIM_HORIZON" };
const patience = { client: kinesis, minDelay: 1, maxWaitTime: 30 };
const textOf = (record) => `${record.PartitionKey}: ${Buffer.from(record.Data).toString()}`;

await kinesis.createStream({ StreamName, ShardCount: 1 });
await waitUntilStreamExists(patience, { StreamName });
const { StreamDescriptionSummary: stream } = await kinesis.describeStreamSummary({ StreamName });
const name = { StreamARN: stream.StreamARN, ConsumerName: "screen" };
const { ConsumerARN } = (await kinesis.registerStreamConsumer(name)).Consumer;
// As with AWS, a new consumer cannot be subscribed to in its first moments.
const consumer = async () => (await kinesis.describeStreamConsumer({ ConsumerARN })).ConsumerDescription;
while ((await consumer()).ConsumerStatus !== "ACTIVE") await sleep(50);

const Records = ["ana", "ben", "ana"].map((user, at) => ({
  PartitionKey: user,
  Data: Buffer.from(`page ${at}`),
}));
const put = await kinesis.putRecords({ StreamName, Records });
console.log("put to", put.Records.map((record) => record.ShardId).join(", "));

const { ShardIterator } = await kinesis.getShardIterator({
  StreamName,
  ShardId,
  ShardIteratorType: "TRIM_HORIZON",
});
const got = await kinesis.getRecords({ ShardIterator });
for (const record of got.Records) console.log("got", textOf(record));

const { EventStream } = await kinesis.subscribeToShard({ ConsumerARN, ShardId, StartingPosition });
for await (const { SubscribeToShardEvent: event } of EventStream) {
  for (const record of event?.Records ?? []) console.log("pushed", textOf(record));
  if (event?.Records.length > 0) break;
}

await kinesis.deleteStream({ StreamName, EnforceConsumerDeletion: true });
await waitUntilStreamNotExists(patience, { StreamName });
console.log("deleted");
