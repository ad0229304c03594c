import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListStreamsCommand,
  PutRecordCommand,
  PutRecordsCommand,
} from "@aws-sdk/client-kinesis";
import { afterEach, describe, expect, test } from "vitest";
import { type Millrace, type MillraceOptions, startMillrace } from "./index.ts";

const endings: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function start(options: MillraceOptions = {}): Promise<{ server: Millrace; sdk: KinesisClient }> {
  const server = await startMillrace(options);
  endings.push(() => server.close());
  return { server, sdk: sdkFor(server) };
}

function sdkFor({ endpoint }: Millrace): KinesisClient {
  const sdk = new KinesisClient({
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    maxAttempts: 1,
  });
  endings.push(() => sdk.destroy());
  return sdk;
}

async function textsIn(sdk: KinesisClient, streamName: string): Promise<string[]> {
  const { ShardIterator } = await sdk.send(
    new GetShardIteratorCommand({
      StreamName: streamName,
      ShardId: "shardId-000000000000",
      ShardIteratorType: "TRIM_HORIZON",
    }),
  );
  const { Records = [] } = await sdk.send(new GetRecordsCommand({ ShardIterator }));
  return Records.map(({ Data }) => Buffer.from(Data ?? []).toString());
}

const putText = (sdk: KinesisClient, streamName: string, text: string) =>
  sdk.send(new PutRecordCommand({ StreamName: streamName, PartitionKey: "a", Data: Buffer.from(text) }));

describe("startMillrace", () => {
  test("serves the AWS SDK as it comes", async () => {
    const { sdk } = await start({ streams: { clicks: 1 } });
    await putText(sdk, "clicks", "hello");
    expect(await textsIn(sdk, "clicks")).toEqual(["hello"]);
  });

  test("makes the named streams, ready to be used", async () => {
    const { sdk } = await start({ streams: { clicks: 1, orders: 3 } });
    const { StreamNames, StreamSummaries } = await sdk.send(new ListStreamsCommand({}));
    expect(StreamNames).toEqual(["clicks", "orders"]);
    expect(StreamSummaries?.map(({ StreamStatus }) => StreamStatus)).toEqual(["ACTIVE", "ACTIVE"]);
  });

  test("has a client of its own that sees the same streams without a socket", async () => {
    const { server, sdk } = await start({ streams: { clicks: 1 } });
    await server.client.putRecord({ StreamName: "clicks", PartitionKey: "a", Data: Buffer.from("hello") });
    expect(await textsIn(sdk, "clicks")).toEqual(["hello"]);
  });

  test("two at once do not disturb each other", async () => {
    const [one, other] = await Promise.all([start({ streams: { clicks: 1 } }), start()]);
    expect(one.server.port).not.toBe(other.server.port);
    await putText(one.sdk, "clicks", "hello");
    const { StreamNames } = await other.sdk.send(new ListStreamsCommand({}));
    expect(StreamNames).toEqual([]);
    await one.server.clock.advance("1h");
    expect(one.server.clock.nowMs() - other.server.clock.nowMs()).toBeGreaterThan(3_599_000);
  });

  test("after 25 hours a record is past its retention", async () => {
    const { server, sdk } = await start({ streams: { clicks: 1 } });
    await putText(sdk, "clicks", "old");
    await server.clock.advance("25h");
    await putText(sdk, "clicks", "new");
    expect(await textsIn(sdk, "clicks")).toEqual(["new"]);
  });

  test("refuses to move the clock by what is no duration", async () => {
    const { server } = await start();
    await expect(server.clock.advance("tomorrow")).rejects.toThrow('"tomorrow" is no duration');
    await expect(server.clock.advance(-1)).rejects.toThrow("-1 is no duration");
  });

  test("a stream stays CREATING as long as it is told to, in service time", async () => {
    const { server, sdk } = await start({ transitionDelayMs: 60_000 });
    await sdk.send(new CreateStreamCommand({ StreamName: "clicks", ShardCount: 1 }));
    const statusNow = async () =>
      (await sdk.send(new ListStreamsCommand({}))).StreamSummaries?.map(({ StreamStatus }) => StreamStatus);
    expect(await statusNow()).toEqual(["CREATING"]);
    await server.clock.advance(60_000);
    expect(await statusNow()).toEqual(["ACTIVE"]);
  });

  test("faults hit the calls that they name, until they are cleared", async () => {
    const { server, sdk } = await start({ streams: { clicks: 1 } });
    const id = server.faults.add({ kind: "throttle", operation: "PutRecord" });
    await expect(putText(sdk, "clicks", "x")).rejects.toMatchObject({
      name: "ProvisionedThroughputExceededException",
    });
    expect(server.faults.list()).toMatchObject([{ id, hitCount: 1 }]);
    server.faults.clear(id);
    await putText(sdk, "clicks", "x");

    server.faults.add({ kind: "partial", count: 1 });
    const Records = ["a", "b"].map((PartitionKey) => ({ PartitionKey, Data: Buffer.from("x") }));
    const answer = await sdk.send(new PutRecordsCommand({ StreamName: "clicks", Records }));
    expect(answer.FailedRecordCount).toBe(1);
    server.faults.clear();
    expect(server.faults.list()).toEqual([]);
  });

  test("keeps its data where a directory is given, and lets only one server in", async () => {
    const directory = mkdtempSync(join(tmpdir(), "millrace-"));
    endings.push(() => rmSync(directory, { recursive: true }));
    const { server, sdk } = await start({ directory, streams: { clicks: 1 } });
    await putText(sdk, "clicks", "kept");
    await expect(startMillrace({ directory })).rejects.toMatchObject({ name: "DirectoryInUseError" });
    await server.close();
    const again = await start({ directory });
    expect(await textsIn(again.sdk, "clicks")).toEqual(["kept"]);
  });

  test("closing twice is fine", async () => {
    const { server } = await start();
    await Promise.all([server.close(), server.close()]);
  });
});
