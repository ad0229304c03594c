/** Facts that many cases need. */

/** Both ends of the hash key range that all open shards of a stream tile: 0 … 2^128 − 1. */
export const ring = { first: 0n, last: 2n ** 128n - 1n };

/** Patterns as the service prints them in violations. */
export const patterns = {
  consumerARN:
    "^(arn):aws.*:kinesis:.*:\\d{12}:.*stream\\/[a-zA-Z0-9_.-]+\\/consumer\\/[a-zA-Z0-9_.-]+:[0-9]+",
  hashKey: "0|([1-9]\\d{0,38})",
  name: "[a-zA-Z0-9_.-]+",
  resourceARN: "arn:aws.*:kinesis:.*:\\d{12}:.*(stream|channel)/\\S+",
  sequenceNumber: "0|([1-9]\\d{0,128})",
  streamARN: "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+",
};

export const shardLevelMetrics = [
  "IncomingBytes",
  "IncomingRecords",
  "IteratorAgeMilliseconds",
  "OutgoingBytes",
  "OutgoingRecords",
  "ReadProvisionedThroughputExceeded",
  "WriteProvisionedThroughputExceeded",
];

/** A sequence number above all that the service can give. */
export const neverGiven = "9".repeat(60);

// The throttling texts, as clients of AWS have reported them.

export const rateOfAccount = (accountId: string): string => `Rate exceeded for account ${accountId}.`;

export const rateOfStream = (name: string, accountId: string): string =>
  `Rate exceeded for stream ${name} under account ${accountId}.`;

export const rateOfShard = (shardId: string, name: string, accountId: string): string =>
  `Rate exceeded for shard ${shardId} in stream ${name} under account ${accountId}.`;

/** Readers are told in other words than writers. */
export const readRateOfShard = (shardId: string, name: string, accountId: string): string =>
  `Rate exceeded for Shard - ${accountId}/${name}/${shardId}`;

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** A policy that lets another account read this stream, or this consumer. */
export const policyFor = (resourceArn: string): string =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "Readers",
        Effect: "Allow",
        Principal: { AWS: "arn:aws:iam::123456789012:root" },
        Action: resourceArn.includes("/consumer/")
          ? ["kinesis:DescribeStreamConsumer", "kinesis:SubscribeToShard"]
          : [
              "kinesis:DescribeStreamSummary",
              "kinesis:GetRecords",
              "kinesis:GetShardIterator",
              "kinesis:ListShards",
            ],
        Resource: resourceArn,
      },
    ],
  });
