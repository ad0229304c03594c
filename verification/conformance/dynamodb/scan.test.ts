import { describe, expect, test } from "vitest";
import { call, lease, newTable, refused } from "../src/side-clients.ts";

async function leases(count: number): Promise<string> {
  const TableName = await newTable();
  for (let index = 0; index < count; index += 1) {
    const owner = { leaseOwner: { S: `worker-${index % 3}` }, leaseCounter: { N: String(index) } };
    await call("PutItem", { TableName, Item: lease(`shard-${index}`, owner) });
  }
  return TableName;
}

describe("Scan", () => {
  test("gives all items once, in segments and pages", async () => {
    const TableName = await leases(30);
    const seen: (string | undefined)[] = [];
    for (const Segment of [0, 1, 2, 3]) {
      let ExclusiveStartKey: ReturnType<typeof lease> | undefined;
      do {
        const page = await call("Scan", {
          TableName,
          TotalSegments: 4,
          Segment,
          Limit: 3,
          ExclusiveStartKey,
          ConsistentRead: true,
        });
        seen.push(...(page.Items ?? []).map(({ leaseKey }) => leaseKey?.S));
        ExclusiveStartKey = page.LastEvaluatedKey as typeof ExclusiveStartKey;
      } while (ExclusiveStartKey !== undefined);
    }
    expect(new Set(seen).size).toBe(30);
    expect(seen).toHaveLength(30);
  });

  test("filters, in both ways to write a filter, and counts", async () => {
    const TableName = await leases(9);
    const filtered = await call("Scan", {
      TableName,
      FilterExpression: "leaseOwner = :w AND leaseCounter > :n",
      ExpressionAttributeValues: { ":w": { S: "worker-1" }, ":n": { N: "1" } },
    });
    expect(filtered).toMatchObject({ Count: 2, ScannedCount: 9 });
    const legacy = await call("Scan", {
      TableName,
      ScanFilter: {
        leaseOwner: { ComparisonOperator: "IN", AttributeValueList: [{ S: "worker-0" }, { S: "worker-2" }] },
      },
      Select: "COUNT",
    });
    expect(legacy).toMatchObject({ Count: 6, ScannedCount: 9 });
    expect(legacy.Items).toBeUndefined();
  });

  test("shows only what is asked for", async () => {
    const TableName = await leases(1);
    expect((await call("Scan", { TableName, ProjectionExpression: "leaseOwner" })).Items).toEqual([
      { leaseOwner: { S: "worker-0" } },
    ]);
  });

  test.each([
    ["a segment without its number", { TotalSegments: 2 }, /The Segment parameter is required/],
    [
      "a segment beyond the last",
      { TotalSegments: 2, Segment: 2 },
      /Segment: 2 is not less than TotalSegments: 2/,
    ],
    [
      "a start that is no key",
      { ExclusiveStartKey: { other: { S: "x" } } },
      "The provided starting key is invalid",
    ],
    [
      "an index that is not there",
      { IndexName: "nothing" },
      "The table does not have the specified index: nothing",
    ],
  ])("%s is refused", async (_, input, message) => {
    const TableName = await newTable();
    await refused(call("Scan", { TableName, ...input }), "ValidationException", message);
  });
});
