import { afterEach, describe, expect, test } from "vitest";
import { ask, jsonOf, serverUnderTest } from "../test-support.ts";
import type { ServerUnderTest } from "../test-support.ts";

const servers: ServerUnderTest[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function started(allowImport = true): Promise<ServerUnderTest> {
  const server = await serverUnderTest({ allowImport, limits: "off" });
  servers.push(server);
  return server;
}

const NAME = { accountId: "000000000000", region: "us-east-1", stream: "s", source: "elsewhere" };
const START = "49680400506285688632019017454851744709798414373634899968";
const SHARD = {
  shardId: "shardId-000000000003",
  parentShardIds: [],
  startingHashKey: "0",
  endingHashKey: "340282366920938463463374607431768211455",
  startingSequenceNumber: START,
};
const SETTINGS = {
  createdMs: 1_795_184_401_000,
  mode: "PROVISIONED",
  retentionHours: 24,
  shardLevelMetrics: [],
  tags: {},
};

function step({ service }: ServerUnderTest, name: string, body: object) {
  return ask(service, "POST", `/_millrace/import/${name}`, { body: { ...NAME, ...body } });
}

function recordAt(server: ServerUnderTest, at: number) {
  return {
    sequenceNumber: String(BigInt(START) + BigInt(at)),
    arrivalMs: Math.floor(server.clock.nowMs()),
    key: "k",
    data: Buffer.from(`record ${at}`).toString("base64"),
  };
}

describe("/_millrace/import", () => {
  test("takes a stream in step by step, and opens it", async () => {
    const server = await started();
    expect(jsonOf(await step(server, "begin", { settings: SETTINGS, shards: [SHARD] }))).toEqual({
      isFinished: false,
      isRenumbered: false,
      shards: [{ shardId: SHARD.shardId }],
    });
    const records = [1, 2, 3].map((at) => recordAt(server, at));
    expect((await step(server, "records", { shardId: SHARD.shardId, records })).status).toBe(200);
    const last = records.at(-1)!.sequenceNumber;
    const range = { shardId: SHARD.shardId, from: records[0]!.sequenceNumber, to: last };
    expect(jsonOf(await step(server, "digest", range))).toMatchObject({ recordCount: 3 });
    const progress = [{ shardId: SHARD.shardId, lastSequenceNumber: last }];
    expect((await step(server, "finish", { shards: [SHARD], progress })).status).toBe(200);
    const { ShardIterator } = await server.client.getShardIterator({
      StreamName: "s",
      ShardId: SHARD.shardId,
      ShardIteratorType: "AT_SEQUENCE_NUMBER",
      StartingSequenceNumber: records[1]!.sequenceNumber,
    });
    const { Records } = await server.client.getRecords({ ShardIterator: ShardIterator! });
    expect(Records.map(({ SequenceNumber, Data }) => [SequenceNumber, Buffer.from(Data).toString()])).toEqual(
      [
        [records[1]!.sequenceNumber, "record 2"],
        [records[2]!.sequenceNumber, "record 3"],
      ],
    );
  });

  test("tells where a copy is when records do not follow it, and stores none of them", async () => {
    const server = await started();
    await step(server, "begin", { settings: SETTINGS, shards: [SHARD] });
    const records = [recordAt(server, 1)];
    const body = { shardId: SHARD.shardId, records };
    expect((await step(server, "records", body)).status).toBe(200);
    const again = await step(server, "records", body);
    expect([again.status, jsonOf(again)]).toEqual([
      409,
      {
        __type: "ConflictException",
        message: `The last record of ${SHARD.shardId} here is ${records[0]!.sequenceNumber}, not none.`,
      },
    ]);
  });

  test("is closed unless the server was told to open it", async () => {
    const server = await started(false);
    const answer = await step(server, "begin", { settings: SETTINGS, shards: [SHARD] });
    expect([answer.status, jsonOf(answer)]).toMatchObject([
      403,
      { message: expect.stringContaining("--allow-import") as string },
    ]);
  });

  test("answers only this machine", async () => {
    const { service } = await started();
    const body = { ...NAME, settings: SETTINGS, shards: [SHARD] };
    const stranger = { body, remoteAddress: "10.0.0.7" };
    expect((await ask(service, "POST", "/_millrace/import/begin", stranger)).status).toBe(403);
    const rebound = { body, headers: { host: "evil.example:4566" } };
    expect((await ask(service, "POST", "/_millrace/import/begin", rebound)).status).toBe(403);
  });

  test.each([
    ["begin", { settings: SETTINGS, shards: {} }, "shards must be a list"],
    ["begin", { settings: { ...SETTINGS, mode: "SOME" }, shards: [SHARD] }, "mode must be text of its form"],
    [
      "begin",
      { settings: { ...SETTINGS, createdMs: 1.5 }, shards: [SHARD] },
      "createdMs must be a whole number",
    ],
    ["begin", { settings: SETTINGS, shards: [SHARD], accountId: "me" }, "accountId must be text of its form"],
    ["begin", { settings: SETTINGS, shards: [{ ...SHARD, startingSequenceNumber: "7" }] }, "cannot be kept"],
    ["begin", { settings: SETTINGS, shards: [SHARD], numbers: "some" }, "kept, kept-if-possible or new"],
    ["begin", { settings: { ...SETTINGS, retentionHours: 3 }, shards: [SHARD] }, "retention of 3 hours"],
    [
      "records",
      { shardId: "s", records: [{ sequenceNumber: START, arrivalMs: 1, data: "a b=" }] },
      "Data is not base64",
    ],
  ])("%s refuses what it cannot use: %j", async (name, body, reason) => {
    const answer = await step(await started(), name, body);
    expect([answer.status, jsonOf(answer)]).toMatchObject([
      400,
      { message: expect.stringContaining(reason) as string },
    ]);
  });

  test("compares between numbers only", async () => {
    const server = await started();
    await step(server, "begin", { settings: SETTINGS, shards: [SHARD] });
    for (const range of [
      { from: "a", to: START },
      { from: START, to: "z" },
    ]) {
      const answer = await step(server, "digest", { shardId: SHARD.shardId, ...range });
      expect([answer.status, jsonOf(answer)]).toMatchObject([
        400,
        { message: expect.stringContaining("cannot be kept") as string },
      ]);
    }
  });

  test("has no other steps", async () => {
    const server = await started();
    expect((await step(server, "toString", {})).status).toBe(404);
    expect((await ask(server.service, "GET", "/_millrace/import/begin")).status).toBe(404);
    expect((await step(server, "digest", { shardId: "s", from: START, to: START })).status).toBe(404);
  });
});
