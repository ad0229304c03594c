import { describe, expect, test } from "vitest";
import { call, newTable, refused } from "../src/side-clients.ts";

async function numbered(): Promise<string> {
  const TableName = await newTable({
    KeySchema: [
      { AttributeName: "stream", KeyType: "HASH" },
      { AttributeName: "number", KeyType: "RANGE" },
    ],
    AttributeDefinitions: [
      { AttributeName: "stream", AttributeType: "S" },
      { AttributeName: "number", AttributeType: "N" },
      { AttributeName: "owner", AttributeType: "S" },
    ],
    GlobalSecondaryIndexes: [
      {
        IndexName: "byOwner",
        KeySchema: [
          { AttributeName: "owner", KeyType: "HASH" },
          { AttributeName: "number", KeyType: "RANGE" },
        ],
        Projection: { ProjectionType: "KEYS_ONLY" },
      },
    ],
  });
  for (const stream of ["x", "y"]) {
    for (const number of ["-3", "2", "10", "0.5", "100"]) {
      const owner = number === "2" ? {} : { owner: { S: "w" } };
      await call("PutItem", {
        TableName,
        Item: { stream: { S: stream }, number: { N: number }, more: { S: "m" }, ...owner },
      });
    }
  }
  return TableName;
}
const x = { ":x": { S: "x" } };

describe("Query", () => {
  test("gives the items of a key in the order of their sort keys, both ways, by pages", async () => {
    const TableName = await numbered();
    const query = { TableName, KeyConditionExpression: "stream = :x", ExpressionAttributeValues: x };
    const numbers = async (more: object) =>
      ((await call("Query", { ...query, ...more })).Items ?? []).map(({ number }) => number?.N);
    expect(await numbers({})).toEqual(["-3", "0.5", "2", "10", "100"]);
    expect(await numbers({ ScanIndexForward: false, Limit: 2 })).toEqual(["100", "10"]);
    const { LastEvaluatedKey } = await call("Query", { ...query, Limit: 2, ScanIndexForward: false });
    expect(await numbers({ ExclusiveStartKey: LastEvaluatedKey, ScanIndexForward: false })).toEqual([
      "2",
      "0.5",
      "-3",
    ]);
  });

  test.each([
    ["number > :n", ["10", "100"]],
    ["number BETWEEN :m AND :n", ["0.5", "2"]],
    ["number <= :m", ["-3", "0.5"]],
    ["number = :n", ["2"]],
  ])("takes a range of sort keys: %s", async (range, expected) => {
    const TableName = await numbered();
    const used = Object.fromEntries(
      Object.entries({ ":n": { N: "2" }, ":m": { N: "0.5" } }).filter(([name]) => range.includes(name)),
    );
    const { Items } = await call("Query", {
      TableName,
      KeyConditionExpression: `stream = :x AND ${range}`,
      ExpressionAttributeValues: { ...x, ...used },
    });
    expect(Items?.map(({ number }) => number?.N)).toEqual(expected);
  });

  test("goes through an index, which has only items with its key and shows only keys", async () => {
    const TableName = await numbered();
    const query = {
      TableName,
      IndexName: "byOwner",
      KeyConditionExpression: "#o = :w",
      ExpressionAttributeNames: { "#o": "owner" },
      ExpressionAttributeValues: { ":w": { S: "w" } },
    };
    const { Items = [] } = await call("Query", query);
    expect(Items).toHaveLength(8);
    expect(Object.keys(Items[0] ?? {}).toSorted()).toEqual(["number", "owner", "stream"]);
    const first = await call("Query", { ...query, Limit: 3 });
    const rest = await call("Query", { ...query, ExclusiveStartKey: first.LastEvaluatedKey });
    expect([...(first.Items ?? []), ...(rest.Items ?? [])]).toEqual(Items);
    await refused(
      call("Query", { ...query, ConsistentRead: true }),
      "ValidationException",
      "Consistent reads are not supported on global secondary indexes",
    );
  });

  test("takes the conditions of older clients, and filters", async () => {
    const TableName = await numbered();
    const found = await call("Query", {
      TableName,
      KeyConditions: {
        stream: { ComparisonOperator: "EQ", AttributeValueList: [{ S: "x" }] },
        number: { ComparisonOperator: "GT", AttributeValueList: [{ N: "0" }] },
      },
      QueryFilter: { owner: { ComparisonOperator: "NOT_NULL" } },
    });
    expect(found).toMatchObject({ Count: 3, ScannedCount: 4 });
  });

  test.each([
    [
      "no partition key",
      "number = :n",
      { ":n": { N: "1" } },
      "Query condition missed key schema element: stream",
    ],
    ["another comparison of it", "stream > :x", x, "Query key condition not supported"],
    [
      "a value of another type",
      "stream = :n",
      { ":n": { N: "1" } },
      /Condition parameter type does not match schema type/,
    ],
  ])("%s is refused", async (_, KeyConditionExpression, ExpressionAttributeValues, message) => {
    const TableName = await numbered();
    await refused(
      call("Query", { TableName, KeyConditionExpression, ExpressionAttributeValues }),
      "ValidationException",
      message,
    );
  });
});
