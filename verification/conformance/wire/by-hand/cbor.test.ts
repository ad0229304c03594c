import { describe, expect, test } from "vitest";
import { CborTime, decodeCbor, encodeCbor } from "../../src/cbor.ts";
import { cbor, headersOf, json, rawCasesRun, request } from "../../src/raw.ts";
import { newAccount, shard, text, utf8, type Account } from "../../src/suite.ts";

/** One call in CBOR, and its answer decoded. */
async function callInCbor(account: Account, operation: string, input: object) {
  const answer = await request({
    headers: headersOf(operation, cbor, await account.id()),
    body: encodeCbor(input),
  });
  expect(answer.headers["content-type"]).toBe(cbor);
  expect(answer.status, answer.body.toString("latin1")).toBe(200);
  return {
    raw: answer.body,
    value: answer.body.length === 0 ? {} : (decodeCbor(answer.body) as Record<string, unknown>),
  };
}

describe.runIf(rawCasesRun)("CBOR", () => {
  test("writes data as bytes and times as whole milliseconds under tag 1", async () => {
    const account = newAccount();
    const stream = await account.stream();
    const Data = Uint8Array.of(0, 1, 2, 0xff);
    await callInCbor(account, "PutRecord", { StreamName: stream.name, PartitionKey: "ключ", Data });
    const ShardIterator = await account.iterator(stream, shard(0));
    const { value } = await callInCbor(account, "GetRecords", { ShardIterator });
    const [record] = value["Records"] as Record<string, unknown>[];
    expect(record?.["Data"]).toEqual(Buffer.from(Data));
    expect(record?.["PartitionKey"]).toBe("ключ");
    const time = record?.["ApproximateArrivalTimestamp"] as CborTime;
    expect(time).toBeInstanceOf(CborTime);
    expect(Number.isInteger(time.epochMs)).toBe(true);
    const inJson = await account.call("GetRecords", { ShardIterator });
    expect(inJson.Records[0]?.ApproximateArrivalTimestamp.getTime()).toBe(time.epochMs);
  });

  test("reads times as milliseconds", async () => {
    const account = newAccount();
    const stream = await account.stream();
    await account.call("PutRecord", { StreamName: stream.name, PartitionKey: "k", Data: utf8("x") });
    const first = await account.call("GetRecords", {
      ShardIterator: await account.iterator(stream, shard(0)),
    });
    const { value } = await callInCbor(account, "GetShardIterator", {
      StreamName: stream.name,
      ShardId: shard(0),
      ShardIteratorType: "AT_TIMESTAMP",
      Timestamp: new CborTime(first.Records[0]?.ApproximateArrivalTimestamp.getTime() ?? 0),
    });
    const { Records } = await account.call("GetRecords", { ShardIterator: value["ShardIterator"] });
    expect(Records.map(({ Data }) => text(Data))).toEqual(["x"]);
  });

  test("and JSON may be mixed on one stream", async () => {
    const account = newAccount();
    const stream = await account.stream();
    await callInCbor(account, "PutRecords", {
      StreamName: stream.name,
      Records: [
        { Data: Buffer.from("binary"), PartitionKey: "a" },
        { Data: Buffer.alloc(0), PartitionKey: "b" },
      ],
    });
    const answer = await request({
      headers: headersOf("PutRecord", json, await account.id()),
      body: JSON.stringify({ StreamName: stream.name, PartitionKey: "c", Data: "dGV4dA==" }),
    });
    expect(answer.status).toBe(200);
    const ShardIterator = await account.iterator(stream, shard(0));
    const inCbor = await callInCbor(account, "GetRecords", { ShardIterator });
    const datas = (inCbor.value["Records"] as { Data: Buffer }[]).map(({ Data }) => Data.toString());
    expect(datas).toEqual(["binary", "", "text"]);
    const inJson = await account.call("GetRecords", { ShardIterator });
    expect(inJson.Records.map(({ Data }) => text(Data))).toEqual(datas);
  });

  test("may have lengths that come with an end mark", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    const body = Buffer.concat([
      Buffer.of(0xbf),
      encodeCbor("StreamName"),
      Buffer.of(0x7f),
      encodeCbor(name.slice(0, 3)),
      encodeCbor(name.slice(3)),
      Buffer.of(0xff, 0xff),
    ]);
    const answer = await request({
      headers: headersOf("DescribeStreamSummary", cbor, await account.id()),
      body,
    });
    expect(answer.status).toBe(200);
    expect(decodeCbor(answer.body)).toMatchObject({ StreamDescriptionSummary: { StreamName: name } });
  });

  test("that breaks a constraint says so as JSON would", async () => {
    const answer = await request({
      headers: headersOf("PutRecord", cbor),
      body: encodeCbor({ StreamName: "a" }),
    });
    expect(answer.status).toBe(400);
    expect(decodeCbor(answer.body)).toEqual({
      __type: "ValidationException",
      message:
        "1 validation error detected: Value null at 'data' failed to satisfy constraint: Member must not be null",
    });
  });

  test.each([
    { what: "cut off", body: Buffer.of(0xa1, 0x6a) },
    { what: "no map", body: encodeCbor("text") },
    { what: "of the wrong type", body: encodeCbor({ StreamName: 12 }) },
    { what: "nothing", body: Buffer.alloc(0) },
    { what: "nested without end", body: Buffer.alloc(100_000, 0x81) },
  ])("that is $what is refused", async ({ body }) => {
    const answer = await request({ headers: headersOf("DescribeStream", cbor), body });
    expect(answer.status).toBe(400);
    expect(answer.headers["content-type"]).toBe(cbor);
    expect((decodeCbor(answer.body) as Record<string, unknown>)["__type"]).toBe("SerializationException");
  });
});
