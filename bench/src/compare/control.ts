/**
 * The few calls that prepare a stream on any server of the API. Not the typed client: peers leave out members
 * that the contract requires, and a bench has no use for them.
 */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { sign } from "@millrace/wire";

/** No secret: nobody is kept out by them. Some peers refuse a request that has none. */
export const CREDENTIALS = { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "bench" };
export const REGION = "us-east-1";

type Answer = Readonly<Record<string, unknown>>;

/** Calls an operation in JSON. Rejects with what the server said when that is an error. */
export async function call(endpoint: string, operation: string, input: object): Promise<Answer> {
  const body = JSON.stringify(input);
  const headers = {
    host: new URL(endpoint).host,
    "content-type": "application/x-amz-json-1.1",
    "x-amz-target": `Kinesis_20131202.${operation}`,
  };
  const response = await fetch(endpoint, {
    method: "POST",
    headers: { ...headers, ...signatureOf(headers, body) },
    body,
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${operation} was answered ${response.status}: ${text}`);
  return text === "" ? {} : (JSON.parse(text) as Answer);
}

/** The headers that sign a request to `/`. */
export function signatureOf(headers: Readonly<Record<string, string>>, body: string): Record<string, string> {
  return sign({
    method: "POST",
    path: "/",
    headers,
    bodySha256: createHash("sha256").update(body).digest("hex"),
    credentials: CREDENTIALS,
    region: REGION,
    service: "kinesis",
    dateMs: Date.now(),
  });
}

const POLL_MS = 20;

/** Creates a stream and resolves with its ARN when it can be used. */
export async function createStream(
  endpoint: string,
  streamName: string,
  shardCount: number,
): Promise<string> {
  await call(endpoint, "CreateStream", { StreamName: streamName, ShardCount: shardCount });
  for (;;) {
    const { StreamDescriptionSummary: summary } = await call(endpoint, "DescribeStreamSummary", {
      StreamName: streamName,
    });
    const { StreamStatus, StreamARN } = summary as { StreamStatus: string; StreamARN: string };
    if (StreamStatus === "ACTIVE") return StreamARN;
    await sleep(POLL_MS);
  }
}

/** An iterator at the start of every shard. */
export async function trimHorizons(endpoint: string, streamName: string): Promise<string[]> {
  const iterators: string[] = [];
  for (const shardId of await shardIdsOf(endpoint, streamName)) {
    const { ShardIterator } = await call(endpoint, "GetShardIterator", {
      StreamName: streamName,
      ShardId: shardId,
      ShardIteratorType: "TRIM_HORIZON",
    });
    iterators.push(ShardIterator as string);
  }
  return iterators;
}

export async function shardIdsOf(endpoint: string, streamName: string): Promise<string[]> {
  const ids: string[] = [];
  let input: object = { StreamName: streamName };
  for (;;) {
    const { Shards, NextToken } = await call(endpoint, "ListShards", input);
    ids.push(...(Shards as { ShardId: string }[]).map(({ ShardId }) => ShardId));
    if (typeof NextToken !== "string") return ids;
    input = { NextToken };
  }
}

/** Registers a fan-out consumer and resolves with its ARN when it can be used. */
export async function registerConsumer(endpoint: string, streamArn: string, name: string): Promise<string> {
  const of = { StreamARN: streamArn, ConsumerName: name };
  await call(endpoint, "RegisterStreamConsumer", of);
  for (;;) {
    const { ConsumerDescription } = await call(endpoint, "DescribeStreamConsumer", of);
    const { ConsumerStatus, ConsumerARN } = ConsumerDescription as {
      ConsumerStatus: string;
      ConsumerARN: string;
    };
    if (ConsumerStatus === "ACTIVE") return ConsumerARN;
    await sleep(POLL_MS);
  }
}
