import { SerializationFault, decodeJson, encodeJson } from "@millrace/wire";
import { dynamodb } from "@millrace/api";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CALLER, tablesUnderTest } from "./tables-under-test.ts";
import { restoredItem, storedItem } from "./values/attribute-value.ts";

const key = (leaseKey: string) => ({ leaseKey: { S: leaseKey } });
const TableName = "leases";

async function withLeases() {
  const under = tablesUnderTest();
  await under.createLeases();
  return under;
}

describe("writes at once", () => {
  test("of twenty workers that renew one lease by its counter, one at a time succeeds", async () => {
    const { call } = await withLeases();
    await call("PutItem", { TableName, Item: { ...key("shard"), leaseCounter: { N: "0" } } });
    const renew = (worker: number) =>
      call("UpdateItem", {
        TableName,
        Key: key("shard"),
        UpdateExpression: "SET leaseCounter = :next, leaseOwner = :worker",
        ConditionExpression: "leaseCounter = :seen",
        ExpressionAttributeValues: {
          ":seen": { N: "0" },
          ":next": { N: "1" },
          ":worker": { S: `worker-${worker}` },
        },
      });
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, worker) => renew(worker)));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === "rejected")
        expect(outcome.reason).toMatchObject({ code: "ConditionalCheckFailedException" });
    }
  });

  test("no addition is lost", async () => {
    const { call } = await withLeases();
    await Promise.all(
      Array.from({ length: 50 }, () =>
        call("UpdateItem", {
          TableName,
          Key: key("counter"),
          UpdateExpression: "ADD hits :one",
          ExpressionAttributeValues: { ":one": { N: "1" } },
        }),
      ),
    );
    expect((await call("GetItem", { TableName, Key: key("counter") })).Item).toMatchObject({
      hits: { N: "50" },
    });
  });

  test("a transaction and single writes of its items do not mix", async () => {
    const { call } = await withLeases();
    const move = (from: string, to: string) =>
      call("TransactWriteItems", {
        TransactItems: [
          { Delete: { TableName, Key: key(from), ConditionExpression: "attribute_exists(leaseKey)" } },
          { Put: { TableName, Item: key(to), ConditionExpression: "attribute_not_exists(leaseKey)" } },
        ],
      });
    await call("PutItem", { TableName, Item: key("a") });
    const outcomes = await Promise.allSettled([
      move("a", "b"),
      move("a", "c"),
      call("DeleteItem", { TableName, Key: key("a") }),
    ]);
    expect(outcomes.filter(({ status }) => status === "fulfilled").length).toBeLessThanOrEqual(2);
    const { Items = [] } = await call("Scan", { TableName });
    expect(Items.length).toBeLessThanOrEqual(1);
  });
});

describe("time", () => {
  test("items expire at their second, and others stay", async () => {
    const { call, clock } = await withLeases();
    await call("UpdateTimeToLive", {
      TableName,
      TimeToLiveSpecification: { Enabled: true, AttributeName: "ttl" },
    });
    const inSeconds = (seconds: number) => ({ N: String(Math.floor(clock.nowMs() / 1000) + seconds) });
    await call("PutItem", { TableName, Item: { ...key("soon"), ttl: inSeconds(100) } });
    await call("PutItem", { TableName, Item: { ...key("later"), ttl: inSeconds(1_000_000) } });
    await call("PutItem", { TableName, Item: { ...key("ancient"), ttl: { N: "1" } } });
    await call("PutItem", { TableName, Item: { ...key("text"), ttl: { S: "1" } } });
    await clock.advance(98_000);
    expect((await call("Scan", { TableName })).Count).toBe(4);
    await clock.advance(3_000);
    const names = async () =>
      ((await call("Scan", { TableName })).Items ?? []).map(({ leaseKey }) => leaseKey?.S).sort();
    expect(await names()).toEqual(["ancient", "later", "text"]);
    await clock.advance(1_000_000_000);
    expect(await names()).toEqual(["ancient", "text"]);
  });

  test("an item that is written again in time does not expire", async () => {
    const { call, clock } = await withLeases();
    await call("UpdateTimeToLive", {
      TableName,
      TimeToLiveSpecification: { Enabled: true, AttributeName: "ttl" },
    });
    const ttl = { N: String(Math.floor(clock.nowMs() / 1000) + 100) };
    await call("PutItem", { TableName, Item: { ...key("kept"), ttl } });
    await call("PutItem", { TableName, Item: key("kept") });
    await clock.advance(200_000);
    expect((await call("Scan", { TableName })).Count).toBe(1);
  });

  test("expiry goes on after a restart", async () => {
    const first = await withLeases();
    const Enabled = { Enabled: true, AttributeName: "ttl" };
    await first.call("UpdateTimeToLive", { TableName, TimeToLiveSpecification: Enabled });
    const ttl = { N: String(Math.floor(first.clock.nowMs() / 1000) + 100) };
    await first.call("PutItem", { TableName, Item: { ...key("soon"), ttl } });
    const second = await first.restart();
    await second.clock.advance(101_000);
    expect((await second.call("Scan", { TableName })).Count).toBe(0);
  });

  test("a deleted table goes with its items, and one made again under its name is empty", async () => {
    const { call, clock, createLeases, engine, refusalOf } = await withLeases();
    await Promise.all(
      Array.from({ length: 1_200 }, (_, index) => call("PutItem", { TableName, Item: key(`k${index}`) })),
    );
    await call("DeleteTable", { TableName });
    expect((await call("DescribeTable", { TableName })).Table?.TableStatus).toBe("DELETING");
    expect((await refusalOf("GetItem", { TableName, Key: key("k1") })).code).toBe(
      "ResourceNotFoundException",
    );
    await clock.advance(60);
    expect([...engine.state.list("item/"), ...engine.state.list("table/")]).toEqual([]);
    await createLeases();
    expect((await call("Scan", { TableName })).Count).toBe(0);
  });

  test("what is stored of a transaction's token goes when it is good no longer", async () => {
    const { call, clock, engine, refusalOf } = await withLeases();
    const once = (value: string) => ({
      TransactItems: [
        { Put: { TableName, Item: key(value), ConditionExpression: "attribute_not_exists(leaseKey)" } },
      ],
      ClientRequestToken: "token",
    });
    await call("TransactWriteItems", once("a"));
    await call("TransactWriteItems", once("a"));
    expect((await refusalOf("TransactWriteItems", once("b"))).code).toBe(
      "IdempotentParameterMismatchException",
    );
    await clock.advance(601_000);
    expect([...engine.state.list("transaction/")]).toEqual([]);
    await call("TransactWriteItems", once("b"));
  });
});

describe("what is kept", () => {
  test("tables and items are there after a restart, byte for byte", async () => {
    const first = await withLeases();
    const Item = {
      ...key("everything"),
      bytes: { B: Buffer.from([0, 255]) },
      byteSet: { BS: [Buffer.from([1]), Buffer.from([2])] },
      nested: { M: { list: { L: [{ NULL: true }, { B: Buffer.from("x") }] } } },
      __proto__name: { S: "harmless" },
    };
    await first.call("PutItem", { TableName, Item });
    const second = await first.restart();
    expect((await second.call("GetItem", { TableName, Key: key("everything") })).Item).toEqual(Item);
    expect((await second.call("DescribeTable", { TableName })).Table).toMatchObject({
      TableStatus: "ACTIVE",
      ItemCount: 1,
    });
  });

  test("an attribute may be called like a property of every object", async () => {
    const { call } = await withLeases();
    const Item = JSON.parse(
      '{"leaseKey":{"S":"odd"},"__proto__":{"S":"own"},"constructor":{"N":"1"}}',
    ) as never;
    await call("PutItem", { TableName, Item });
    const answer = await call("GetItem", { TableName, Key: key("odd") });
    expect(Object.keys(answer.Item ?? {}).sort()).toEqual(["__proto__", "constructor", "leaseKey"]);
    expect((await call("Scan", { TableName, FilterExpression: "attribute_exists(toString)" })).Count).toBe(0);
  });

  test("any item is itself after it was stored, and after it went over the wire", () => {
    const value = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        fc.record({ S: fc.string() }),
        fc.record({ N: fc.integer().map(String) }),
        fc.record({ B: fc.uint8Array().map((bytes) => Buffer.from(bytes)) }),
        fc.record({ BOOL: fc.boolean() }),
        fc.record({ L: fc.array(tie("value"), { maxLength: 3 }) }),
        fc.record({ M: fc.dictionary(fc.string(), tie("value"), { maxKeys: 3 }) }),
      ),
    })).value;
    const shape = dynamodb.operations.PutItem.input;
    fc.assert(
      fc.property(fc.dictionary(fc.string(), value, { maxKeys: 5 }), (item) => {
        expect(restoredItem(storedItem(item as never))).toEqual(item);
        const body = Buffer.concat(encodeJson({ TableName, Item: item } as never, shape));
        expect((decodeJson(body, shape) as { Item: unknown }).Item).toEqual(item);
      }),
    );
  });

  test("a value that nests without end is no value", () => {
    const deep = `${'{"L":['.repeat(5_000)}${"]}".repeat(5_000)}`;
    const body = Buffer.from(`{"TableName":"leases","Item":{"a":${deep}}}`);
    expect(() => decodeJson(body, dynamodb.operations.PutItem.input)).toThrow(SerializationFault);
  });
});

describe("pages", () => {
  test("of any length, segments included, give every item once", async () => {
    const { call } = await withLeases();
    const names = Array.from({ length: 97 }, (_, index) => `lease-${index}`);
    for (const name of names) await call("PutItem", { TableName, Item: key(name) });
    for (const [TotalSegments, Limit] of [
      [1, 7],
      [3, 10],
      [16, 1],
    ] as const) {
      const seen: string[] = [];
      for (let Segment = 0; Segment < TotalSegments; Segment += 1) {
        let start = {};
        for (;;) {
          const page = await call("Scan", { TableName, TotalSegments, Segment, Limit, ...start });
          seen.push(...(page.Items ?? []).map(({ leaseKey }) => leaseKey?.S ?? ""));
          if (page.LastEvaluatedKey === undefined) break;
          start = { ExclusiveStartKey: page.LastEvaluatedKey };
        }
      }
      expect(seen.toSorted()).toEqual(names.toSorted());
    }
  });

  test("go on behind an item that was deleted meanwhile", async () => {
    const { call } = await withLeases();
    for (const name of ["a", "b", "c", "d"]) await call("PutItem", { TableName, Item: key(name) });
    const first = await call("Scan", { TableName, Limit: 2 });
    await call("DeleteItem", { TableName, Key: first.LastEvaluatedKey! });
    const rest = await call("Scan", { TableName, ExclusiveStartKey: first.LastEvaluatedKey! });
    expect(rest.Count).toBe(2);
  });

  test("end at a megabyte of what was read", async () => {
    const { call } = await withLeases();
    const filler = { S: "x".repeat(300_000) };
    for (const name of ["a", "b", "c", "d", "e"])
      await call("PutItem", { TableName, Item: { ...key(name), filler } });
    const page = await call("Scan", { TableName, FilterExpression: "attribute_not_exists(filler)" });
    expect(page).toMatchObject({ Count: 0, ScannedCount: 4 });
    expect(page.LastEvaluatedKey).toBeDefined();
  });

  test("renewed leases keep their places in a scan", async () => {
    const { call } = await withLeases();
    for (let index = 0; index < 30; index += 1) await call("PutItem", { TableName, Item: key(`k${index}`) });
    const order = async () =>
      ((await call("Scan", { TableName })).Items ?? []).map(({ leaseKey }) => leaseKey?.S);
    const before = await order();
    for (let index = 0; index < 30; index += 1) {
      await call("PutItem", { TableName, Item: { ...key(`k${index}`), n: { N: "1" } } });
    }
    expect(await order()).toEqual(before);
    const { Items = [] } = await call("Scan", {
      TableName,
      FilterExpression: "n = :one",
      ExpressionAttributeValues: { ":one": { N: "1" } },
    });
    expect(Items).toHaveLength(30);
  });
});

test("an item of 400 KiB and a byte is refused, and one of 400 KiB is not", async () => {
  const { call, refusalOf } = await withLeases();
  const own = "leaseKey".length + 1 + "filler".length;
  const item = (sizeBytes: number) => ({ ...key("k"), filler: { S: "x".repeat(sizeBytes - own) } });
  await call("PutItem", { TableName, Item: item(400 * 1024) });
  expect(await refusalOf("PutItem", { TableName, Item: item(400 * 1024 + 1) })).toMatchObject({
    code: "ValidationException",
    message: "Item size has exceeded the maximum allowed size",
  });
});

test("metric data are kept for fifteen days and up to a number", async () => {
  const { clock, tables } = tablesUnderTest();
  const put = (MetricName: string, timestampMs: number) =>
    tables.cloudwatch.PutMetricData(CALLER, {
      Namespace: "N",
      MetricData: [{ MetricName, Value: 1, Timestamp: timestampMs }],
    });
  await put("old", clock.nowMs() - 10 * 86_400_000);
  await put("new", clock.nowMs());
  await clock.advance(6 * 86_400_000);
  expect(tables.points.find({}, 10).map(({ metricName }) => metricName)).toEqual(["new"]);
});
