/** What subscribers are told when they cannot go on. */
import { consumerArn } from "@millrace/model";
import type { Subscriber } from "./subscriptions.ts";

/** Recorded from the service by users of the Kinesis Client Library in 2018. */
export function activeElsewhere({ stream, shard, consumerName }: Subscriber): string {
  return (
    "Another active subscription exists for this consumer: " +
    `${stream.accountId}:${stream.name}:${shard.shardId}:${consumerName}`
  );
}

/** Recorded from the service by users of kinesis-hot-shard-advisor in 2024, who blanked the account. */
export function consumerNotActive({ stream, consumerName, consumerCreatedMs }: Subscriber): string {
  return (
    `Consumer ${consumerName} with creation timestamp ${Math.floor(consumerCreatedMs / 1_000)} ` +
    `under stream: ${stream.name} , account ${stream.accountId} is not in ACTIVE status.`
  );
}

/** Worded as moto words it for DescribeStreamConsumer. */
export function consumerGone({ stream, consumerName, consumerCreatedMs }: Subscriber): string {
  const arn = consumerArn(stream.arn, consumerName, Math.floor(consumerCreatedMs / 1_000));
  return `Consumer ${arn}, account ${stream.accountId} not found.`;
}

export function streamGone({ stream }: Subscriber): string {
  return `Stream ${stream.name} under account ${stream.accountId} not found.`;
}

export function shardGone({ stream, shard }: Subscriber): string {
  return `Shard ${shard.shardId} in stream ${stream.name} under account ${stream.accountId} does not exist`;
}

/** How the service words it is not recorded. */
export function subscribeRateExceeded({ stream, shard, consumerName }: Subscriber): string {
  return (
    `Rate exceeded for consumer ${consumerName} on shard ${shard.shardId} in stream ${stream.name} ` +
    `under account ${stream.accountId}.`
  );
}
