import { GetRecordsCommand, GetShardIteratorCommand, PutRecordsCommand } from "@aws-sdk/client-kinesis";
import type { KinesisClient } from "@aws-sdk/client-kinesis";

/** What the test beside it tests: stores orders, and puts again what was refused. */
export async function storeOrders(kinesis: KinesisClient, orders: readonly string[]): Promise<number> {
  let attemptCount = 0;
  for (let left = [...orders]; left.length > 0;) {
    attemptCount += 1;
    const Records = left.map((order) => ({ PartitionKey: order, Data: Buffer.from(order) }));
    const answer = await kinesis.send(new PutRecordsCommand({ StreamName: "orders", Records }));
    left = left.filter((_order, at) => answer.Records?.[at]?.ErrorCode !== undefined);
  }
  return attemptCount;
}

/** All orders that are kept. */
export async function storedOrders(kinesis: KinesisClient): Promise<string[]> {
  const { ShardIterator } = await kinesis.send(
    new GetShardIteratorCommand({
      StreamName: "orders",
      ShardId: "shardId-000000000000",
      ShardIteratorType: "TRIM_HORIZON",
    }),
  );
  const { Records = [] } = await kinesis.send(new GetRecordsCommand({ ShardIterator }));
  return Records.map(({ Data }) => Buffer.from(Data ?? []).toString());
}
