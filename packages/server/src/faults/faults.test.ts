import { afterEach, describe, expect, test } from "vitest";
import type { ServiceError } from "@millrace/api";
import { ConnectionDropped } from "@millrace/wire";
import type { ServerOptions } from "../options/declarations.ts";
import { activeStream, ask, jsonOf, serverUnderTest } from "../test-support.ts";
import type { ServerUnderTest } from "../test-support.ts";
import { readFaultRule } from "./fault-rule.ts";

let server: ServerUnderTest;
afterEach(() => server.close());

async function withStream(shardCount = 1, options: Partial<ServerOptions> = {}): Promise<ServerUnderTest> {
  server = await serverUnderTest({ limits: "off", ...options });
  await activeStream(server.client, server.runtime, "clicks", shardCount);
  return server;
}

const put = (key = "a") =>
  server.client.putRecord({ StreamName: "clicks", PartitionKey: key, Data: Buffer.from("x") });
const outcomeOf = (call: Promise<unknown>) =>
  call.then(
    () => "OK",
    (error: ServiceError) => error.code,
  );

describe("kinds", () => {
  test("throttle answers as the service does when a shard's rate is exceeded", async () => {
    const { faults } = await withStream();
    faults.add({ kind: "throttle", operation: "PutRecord" });
    await expect(put()).rejects.toMatchObject({
      code: "ProvisionedThroughputExceededException",
      message: "Rate exceeded for shard shardId-000000000000 in stream clicks under account 000000000000.",
    });
    faults.add({ kind: "throttle", operation: "ListStreams" });
    await expect(server.client.listStreams({})).rejects.toMatchObject({ code: "LimitExceededException" });
  });

  test("fail answers the code that is asked for, with the status that belongs to it", async () => {
    const { faults } = await withStream();
    const { id } = faults.add({ kind: "fail", operation: "PutRecord" });
    await expect(put()).rejects.toMatchObject({ code: "InternalFailureException", status: 500 });
    faults.remove(id);
    faults.add({ kind: "fail", operation: "PutRecord", code: "KMSThrottlingException" });
    await expect(put()).rejects.toMatchObject({ code: "KMSThrottlingException", status: 400 });
  });

  test("delay holds the call up and lets it succeed", async () => {
    const { faults, runtime } = await withStream();
    faults.add({ kind: "delay", delay: "40ms" });
    const beganMs = runtime.clock.monotonicMs();
    await put();
    expect(runtime.clock.monotonicMs() - beganMs).toBeGreaterThanOrEqual(39);
  });

  test("drop loses the answer: before the operation is carried out, or after", async () => {
    const { faults, client } = await withStream();
    const held = async () => {
      const { ShardIterator } = await client.getShardIterator({
        StreamName: "clicks",
        ShardId: "shardId-000000000000",
        ShardIteratorType: "TRIM_HORIZON",
      });
      return (await client.getRecords({ ShardIterator: ShardIterator! })).Records.length;
    };
    faults.add({ kind: "drop", operation: "PutRecord", count: 1 });
    await expect(rawPut()).rejects.toThrow(ConnectionDropped);
    expect(await held()).toBe(0);
    faults.add({ kind: "drop", operation: "PutRecord", stage: "after", count: 1 });
    await expect(rawPut()).rejects.toThrow(ConnectionDropped);
    expect(await held()).toBe(1);
    expect((await rawPut()).status).toBe(200);
  });

  test("partial fails some entries of PutRecords, stores the others, and keeps every answer in its place", async () => {
    const { faults, client } = await withStream();
    faults.add({ kind: "partial", share: 0.5, seed: 3 });
    const keys = Array.from({ length: 40 }, (_, index) => `key-${index}`);
    const answer = await client.putRecords({
      StreamName: "clicks",
      Records: keys.map((key) => ({ PartitionKey: key, Data: Buffer.from(key) })),
    });
    const failed = answer.Records.filter(({ ErrorCode }) => ErrorCode !== undefined);
    expect(answer.FailedRecordCount).toBe(failed.length);
    expect(failed.length).toBeGreaterThan(8);
    expect(failed.length).toBeLessThan(32);
    expect(failed[0]).toEqual({
      ErrorCode: "ProvisionedThroughputExceededException",
      ErrorMessage:
        "Rate exceeded for shard shardId-000000000000 in stream clicks under account 000000000000.",
    });
    const { ShardIterator } = await client.getShardIterator({
      StreamName: "clicks",
      ShardId: "shardId-000000000000",
      ShardIteratorType: "TRIM_HORIZON",
    });
    const { Records } = await client.getRecords({ ShardIterator: ShardIterator! });
    const stored = keys.filter((_, index) => answer.Records[index]!.ErrorCode === undefined);
    expect(Records.map(({ PartitionKey }) => PartitionKey)).toEqual(stored);
    expect(
      answer.Records.filter(({ SequenceNumber }) => SequenceNumber !== undefined).map(
        ({ SequenceNumber }) => SequenceNumber,
      ),
    ).toEqual(Records.map(({ SequenceNumber }) => SequenceNumber));
  });

  test("partial can fail every entry, and with the other code", async () => {
    const { faults, client } = await withStream();
    faults.add({ kind: "partial", code: "InternalFailure" });
    const answer = await client.putRecords({
      StreamName: "clicks",
      Records: [{ PartitionKey: "a", Data: Buffer.from("x") }],
    });
    expect(answer).toMatchObject({
      FailedRecordCount: 1,
      Records: [{ ErrorCode: "InternalFailure", ErrorMessage: "Internal Service Failure" }],
    });
  });
});

describe("aim", () => {
  test("by operation and stream", async () => {
    const { faults, client, runtime } = await withStream();
    await activeStream(client, runtime, "logs");
    faults.add({ kind: "fail", operation: "PutRecord", stream: "logs" });
    expect(await outcomeOf(put())).toBe("OK");
    const arn = (await client.describeStreamSummary({ StreamName: "logs" })).StreamDescriptionSummary
      .StreamARN;
    const logged = client.putRecord({ StreamARN: arn, PartitionKey: "a", Data: Buffer.from("x") });
    expect(await outcomeOf(logged)).toBe("InternalFailureException");
  });

  test("by shard: reads through their iterators, puts through their keys", async () => {
    const { faults, client } = await withStream(2);
    // md5("a") begins with 0x0c and md5("b") with 0x92: one in each half of the ring.
    faults.add({ kind: "throttle", shardId: "shardId-000000000001" });
    expect([await outcomeOf(put("a")), await outcomeOf(put("b"))]).toEqual([
      "OK",
      "ProvisionedThroughputExceededException",
    ]);
    const answer = await client.putRecords({
      StreamName: "clicks",
      Records: ["a", "b", "a"].map((key) => ({ PartitionKey: key, Data: Buffer.from("x") })),
    });
    expect(answer.Records.map(({ ErrorCode }) => ErrorCode)).toEqual([
      undefined,
      "ProvisionedThroughputExceededException",
      undefined,
    ]);

    faults.clear();
    const iterators = await Promise.all(
      ["shardId-000000000000", "shardId-000000000001"].map(async (ShardId) => {
        const made = await client.getShardIterator({
          StreamName: "clicks",
          ShardId,
          ShardIteratorType: "TRIM_HORIZON",
        });
        return made.ShardIterator!;
      }),
    );
    faults.add({
      kind: "throttle",
      operation: "GetRecords",
      stream: "clicks",
      shardId: "shardId-000000000001",
    });
    const first = await client.getRecords({ ShardIterator: iterators[0]! });
    expect(await outcomeOf(client.getRecords({ ShardIterator: first.NextShardIterator! }))).toBe("OK");
    await expect(client.getRecords({ ShardIterator: iterators[1]! })).rejects.toMatchObject({
      code: "ProvisionedThroughputExceededException",
      message: "Rate exceeded for Shard - 000000000000/clicks/shardId-000000000001",
    });
  });

  test("a count ends a rule, and what it has hit is told", async () => {
    const { faults } = await withStream();
    faults.add({ kind: "fail", operation: "PutRecord", count: 2 });
    const outcomes = [];
    for (let i = 0; i < 4; i += 1) outcomes.push(await outcomeOf(put()));
    expect(outcomes).toEqual(["InternalFailureException", "InternalFailureException", "OK", "OK"]);
    expect(faults.list()).toMatchObject([{ id: 1, hitCount: 2, count: 2 }]);
  });

  test("the same seed decides the same way, another one differently, and the share is kept", async () => {
    const { faults } = await withStream();
    const history = async (seed: number) => {
      faults.clear();
      faults.add({ kind: "fail", operation: "PutRecord", share: 0.3, seed });
      let text = "";
      for (let i = 0; i < 200; i += 1) text += (await outcomeOf(put())) === "OK" ? "." : "x";
      return text;
    };
    const first = await history(1);
    expect(await history(1)).toBe(first);
    expect(await history(2)).not.toBe(first);
    const hits = first.split("x").length - 1;
    expect(hits).toBeGreaterThan(35);
    expect(hits).toBeLessThan(85);
  });

  test("without --dev no rule is applied", async () => {
    const { faults } = await withStream(1, { dev: false });
    faults.add({ kind: "fail" });
    expect(await outcomeOf(put())).toBe("OK");
  });
});

describe("over HTTP", () => {
  test("rules are put in force, listed and taken back", async () => {
    const { service } = await withStream();
    const added = await ask(service, "POST", "/_millrace/faults", {
      body: { kind: "throttle", operation: "PutRecord", share: 0.5 },
    });
    expect(added.status).toBe(201);
    expect(jsonOf(added)).toMatchObject({
      id: 1,
      kind: "throttle",
      operation: "PutRecord",
      share: 0.5,
      hitCount: 0,
    });
    await ask(service, "POST", "/_millrace/faults", { body: { kind: "fail" } });
    const listed = jsonOf(await ask(service, "GET", "/_millrace/faults")) as { faults: { id: number }[] };
    expect(listed.faults.map(({ id }) => id)).toEqual([1, 2]);
    expect(jsonOf(await ask(service, "DELETE", "/_millrace/faults/1"))).toMatchObject({
      faults: [{ id: 2 }],
    });
    expect((await ask(service, "DELETE", "/_millrace/faults/1")).status).toBe(404);
    expect(jsonOf(await ask(service, "DELETE", "/_millrace/faults"))).toEqual({ faults: [] });
    expect(await outcomeOf(put())).toBe("OK");
  });

  test("a rule that cannot be used is refused with the reason", async () => {
    const { service } = await withStream();
    const answer = await ask(service, "POST", "/_millrace/faults", { body: { kind: "thortle" } });
    expect(answer.status).toBe(400);
    expect(jsonOf(answer)).toEqual({
      __type: "ValidationException",
      message:
        'kind cannot be "thortle"; did you mean throttle?; it is one of throttle, fail, delay, drop, partial',
    });
  });
});

test.each([
  [[], "a fault is an object"],
  [{}, "kind is missing; it is one of throttle, fail, delay, drop, partial"],
  [{ kind: "fail", operatoin: "PutRecord" }, "a fault has no member operatoin; did you mean operation?"],
  [{ kind: "fail", operation: "PutRecrod" }, 'operation cannot be "PutRecrod"; did you mean PutRecord?'],
  [{ kind: "fail", share: 2 }, "share must be a number from 0 to 1, not 2"],
  [{ kind: "fail", count: 0 }, "count must be a whole number of at least 1, not 0"],
  [{ kind: "fail", code: "oops" }, 'code "oops" is not an error code such as InternalFailureException'],
  [{ kind: "delay" }, "delay needs a duration"],
  [{ kind: "fail", delay: "1s" }, "a delay is for delay, not for fail"],
  [{ kind: "fail", stage: "after" }, "stage is for drop, not for fail"],
  [{ kind: "throttle", code: "InternalFailure" }, "code is for fail and partial, not for throttle"],
  [
    { kind: "partial", operation: "PutRecord" },
    "partial faults are for PutRecords, not for PutRecord; use fail or throttle",
  ],
  [{ kind: "fail", shardId: "1" }, 'shardId "1" is not of the form shardId-000000000000'],
  [{ kind: "fail", stream: "a b" }, 'stream "a b" is not the name of a stream'],
])("the rule %j is refused", (rule, message) => {
  expect(() => readFaultRule(rule)).toThrow(message);
});

/** A put past the client, which would try to make sense of a lost connection. */
function rawPut() {
  return ask(server.service, "POST", "/", {
    headers: { "content-type": "application/x-amz-json-1.1", "x-amz-target": "Kinesis_20131202.PutRecord" },
    body: { StreamName: "clicks", PartitionKey: "a", Data: "eA==" },
  });
}
