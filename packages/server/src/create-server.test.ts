import { inMemoryFiles, simulatedRuntime } from "@millrace/runtime";
import { afterEach, describe, expect, test } from "vitest";
import { createServer } from "./create-server.ts";
import { readExposition, unconventional } from "./metrics/exposition-reader.ts";
import {
  activeStream,
  ask,
  clientOf,
  jsonOf,
  serverUnderTest as start,
  testRuntime,
  textOf,
} from "./test-support.ts";
import type { ServerUnderTest } from "./test-support.ts";

let running: ServerUnderTest[] = [];
const serverUnderTest: typeof start = async (...given) => {
  const server = await start(...given);
  running.push(server);
  return server;
};
afterEach(async () => {
  const servers = running;
  running = [];
  for (const server of servers) await server.close();
});

const stop = async (server: ServerUnderTest) => {
  running = running.filter((other) => other !== server);
  await server.close();
};

describe("data", () => {
  test("a record that is put is read back", async () => {
    const { client, runtime } = await serverUnderTest();
    await activeStream(client, runtime, "clicks", 2);
    const { ShardId } = await client.putRecord({
      StreamName: "clicks",
      PartitionKey: "a",
      Data: Buffer.from("hello"),
    });
    const { ShardIterator } = await client.getShardIterator({
      StreamName: "clicks",
      ShardId,
      ShardIteratorType: "TRIM_HORIZON",
    });
    const { Records } = await client.getRecords({ ShardIterator: ShardIterator! });
    expect(Records.map(({ Data }) => Buffer.from(Data).toString())).toEqual(["hello"]);
  });

  test("with fsync it is there after a restart", async () => {
    const files = inMemoryFiles();
    const first = await serverUnderTest({ durability: "fsync", dataDir: "/data" }, testRuntime(files));
    await activeStream(first.client, first.runtime, "clicks");
    const put = await first.client.putRecord({
      StreamName: "clicks",
      PartitionKey: "a",
      Data: Buffer.from("kept"),
    });
    await stop(first);
    const second = await serverUnderTest({ durability: "fsync", dataDir: "/data" }, testRuntime(files));
    const { ShardIterator } = await second.client.getShardIterator({
      StreamName: "clicks",
      ShardId: put.ShardId,
      ShardIteratorType: "AT_SEQUENCE_NUMBER",
      StartingSequenceNumber: put.SequenceNumber,
    });
    const { Records } = await second.client.getRecords({ ShardIterator: ShardIterator! });
    expect(Records).toHaveLength(1);
  });

  test("a second server on the same data directory is refused, and says which directory it is", async () => {
    const files = inMemoryFiles();
    await serverUnderTest({ durability: "fsync", dataDir: "/data" }, testRuntime(files));
    await expect(start({ durability: "fsync", dataDir: "/data" }, testRuntime(files))).rejects.toThrow(
      /the data directory \/data is in use/,
    );
  });

  test("durability memory says at start that nothing is kept", async () => {
    const { runtime } = await serverUnderTest();
    expect(
      runtime.log.lines.some(({ level, message }) => level === "warn" && /everything is lost/.test(message)),
    ).toBe(true);
  });

  test("streams that are asked for are there at start, and those that exist are left as they are", async () => {
    const files = inMemoryFiles();
    const options = { durability: "fsync", dataDir: "/data" } as const;
    const first = await serverUnderTest(
      { ...options, stream: [{ name: "clicks", shardCount: 2 }] },
      testRuntime(files),
    );
    const summary = await first.client.describeStreamSummary({ StreamName: "clicks" });
    expect(summary.StreamDescriptionSummary).toMatchObject({ StreamStatus: "ACTIVE", OpenShardCount: 2 });
    await stop(first);
    const second = await serverUnderTest(
      {
        ...options,
        stream: [
          { name: "clicks", shardCount: 5 },
          { name: "logs", shardCount: 1 },
        ],
      },
      testRuntime(files),
    );
    expect((await second.client.listStreams({})).StreamNames).toEqual(["clicks", "logs"]);
    const again = await second.client.describeStreamSummary({ StreamName: "clicks" });
    expect(again.StreamDescriptionSummary.OpenShardCount).toBe(2);
    expect(second.runtime.log.lines.some(({ message }) => /another number of shards/.test(message))).toBe(
      true,
    );
  });

  test("it runs in simulation, without a socket", async () => {
    const runtime = simulatedRuntime({ seed: 7 });
    const { world } = runtime;
    await world.finish(
      (async () => {
        const server = await createServer(runtime, { dataDir: "/data" });
        const client = clientOf(server.service, runtime);
        await activeStream(client, runtime, "clicks");
        const put = await client.putRecord({
          StreamName: "clicks",
          PartitionKey: "a",
          Data: Buffer.from("x"),
        });
        expect(put.ShardId).toBe("shardId-000000000000");
        await server.close();
      })(),
    );
  });
});

describe("health", () => {
  test("it tells that the server lives, is ready and takes puts, and on what it runs", async () => {
    const server = await serverUnderTest({}, testRuntime(), { version: "1.2.3" });
    const answer = await ask(server.service, "GET", "/_millrace/health?x=1");
    expect(answer.status).toBe(200);
    expect(jsonOf(answer)).toEqual({
      live: true,
      ready: true,
      readOnly: false,
      engine: "memory",
      durability: "memory",
      version: "1.2.3",
    });
    const forOthers = await ask(server.service, "GET", "/_localstack/health");
    expect(jsonOf(forOthers)).toEqual({
      services: { kinesis: "running", cloudwatch: "running", dynamodb: "running", sts: "running" },
      edition: "millrace",
      version: "1.2.3",
    });
  });

  test("a server that drains is not ready", async () => {
    const server = await serverUnderTest();
    server.setReady(false);
    expect((await ask(server.service, "GET", "/_millrace/health")).status).toBe(503);
  });

  test("a server that takes no puts says why", async () => {
    const server = await serverUnderTest({ memory: 16 * 1024 * 1024, limits: "off" });
    await activeStream(server.client, server.runtime, "clicks");
    const put = () =>
      server.client.putRecord({ StreamName: "clicks", PartitionKey: "a", Data: Buffer.alloc(1_000_000) });
    for (let i = 0; i < 17; i += 1) await put();
    await expect(put()).rejects.toThrow();
    const answer = await ask(server.service, "GET", "/_millrace/health");
    expect(answer.status).toBe(200);
    expect(jsonOf(answer)).toMatchObject({
      live: true,
      ready: true,
      readOnly: true,
      reason: "the memory for records is full",
    });
    expect(textOf(await ask(server.service, "GET", "/_millrace/metrics"))).toContain(
      "millrace_read_only 1\n",
    );
  });
});

describe("metrics", () => {
  test("they count requests by operation and error, records, bytes and throttles", async () => {
    const { client, runtime, service } = await serverUnderTest();
    await activeStream(client, runtime, "clicks");
    const put = await client.putRecord({
      StreamName: "clicks",
      PartitionKey: "ab",
      Data: Buffer.from("hello"),
    });
    await expect(
      client.putRecord({ StreamName: "none", PartitionKey: "a", Data: Buffer.from("x") }),
    ).rejects.toThrow();
    const { ShardIterator } = await client.getShardIterator({
      StreamName: "clicks",
      ShardId: put.ShardId,
      ShardIteratorType: "TRIM_HORIZON",
    });
    await client.getRecords({ ShardIterator: ShardIterator! });
    // Five reads in a second are allowed.
    for (let i = 0; i < 4; i += 1) await client.getRecords({ ShardIterator: ShardIterator! });
    await expect(client.getRecords({ ShardIterator: ShardIterator! })).rejects.toMatchObject({
      code: "ProvisionedThroughputExceededException",
    });
    await ask(service, "POST", "/", { body: "{}" });

    const answer = await ask(service, "GET", "/_millrace/metrics");
    expect(answer.headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
    const text = textOf(answer);
    for (const line of [
      'millrace_requests_total{operation="PutRecord",code="OK"} 1',
      'millrace_requests_total{operation="PutRecord",code="ResourceNotFoundException"} 1',
      'millrace_requests_total{operation="GetRecords",code="OK"} 5',
      'millrace_requests_total{operation="GetRecords",code="ProvisionedThroughputExceededException"} 1',
      'millrace_request_duration_seconds_count{operation="PutRecord"} 2',
      "millrace_incoming_records_total 1",
      "millrace_incoming_bytes_total 7",
      'millrace_throttled_total{limit="shardReadCalls"} 1',
      "millrace_reader_lag_seconds_count 5",
      "millrace_subscriptions 0",
      'millrace_build_info{version="unknown",engine="memory"} 1',
    ]) {
      expect(text).toContain(`${line}\n`);
    }
    expect(text).toMatch(/millrace_requests_total\{operation="unknown",code="\w+"\} 1\n/);
    expect(text).toMatch(/millrace_oldest_record_age_seconds [\d.e-]+\n/);
    expect(unconventional(readExposition(text))).toEqual([]);
  });

  test("the journal's figures are there", async () => {
    const { client, runtime, service } = await serverUnderTest({ durability: "fsync", dataDir: "/data" });
    await activeStream(client, runtime, "clicks");
    await client.putRecord({ StreamName: "clicks", PartitionKey: "a", Data: Buffer.from("x") });
    const text = textOf(await ask(service, "GET", "/_millrace/metrics"));
    expect(text).toMatch(/millrace_commit_duration_seconds\{quantile="0.99"\} [\d.e-]+\n/);
    expect(text).toMatch(/millrace_disk_free_bytes \d+/);
    expect(text).toMatch(/millrace_commit_duration_seconds_count [1-9]/);
    expect(unconventional(readExposition(text))).toEqual([]);
  });
});

describe("paths", () => {
  test("every path that is not ours belongs to the service", async () => {
    const { service } = await serverUnderTest();
    const answer = await ask(service, "GET", "/anything");
    expect(answer.headers["x-amzn-RequestId"]).toMatch(/^[0-9a-f-]{36}$/);
    const unknown = await ask(service, "GET", "/_millrace/secrets");
    expect(unknown.status).toBe(404);
    expect(jsonOf(unknown)).toEqual({
      __type: "ResourceNotFoundException",
      message: "There is nothing for GET at /_millrace/secrets.",
    });
  });

  test("a request line with a whole address is understood", async () => {
    const { service } = await serverUnderTest();
    expect((await ask(service, "GET", "http://localhost:4566/_millrace/health")).status).toBe(200);
  });
});

test("a failed start lets go of the data directory, and leaves no timer that would keep the process alive", async () => {
  const files = inMemoryFiles();
  const runtime = testRuntime(files);
  const pending = new Set<object>();
  const schedule: typeof runtime.clock.schedule = (delayMs, callback) => {
    const timer = runtime.clock.schedule(delayMs, () => {
      pending.delete(handle);
      void callback();
    });
    const handle = {
      cancel: () => {
        pending.delete(handle);
        timer.cancel();
      },
    };
    pending.add(handle);
    return handle;
  };
  const options = {
    durability: "fsync",
    dataDir: "/data",
    stream: [
      { name: "fine", shardCount: 1 },
      { name: "x", shardCount: 1_000_000 },
    ],
  } as const;
  const watched = { ...runtime, clock: { ...runtime.clock, schedule } };
  await expect(start(options, watched)).rejects.toThrow(/--stream x:1000000 could not be created/);
  expect(pending.size).toBe(0);
  const server = await serverUnderTest({ durability: "fsync", dataDir: "/data" }, testRuntime(files));
  expect((await server.client.listStreams({})).StreamNames).toEqual(["fine"]);
});
