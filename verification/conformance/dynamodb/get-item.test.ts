import { describe, expect, test } from "vitest";
import { call, lease, newTable, refused } from "../src/side-clients.ts";

describe("GetItem", () => {
  test("gives an item, or the part of it that is asked for, or nothing", async () => {
    const TableName = await newTable();
    await call("PutItem", {
      TableName,
      Item: lease("a", { owner: { S: "w" }, map: { M: { x: { N: "1" }, y: { N: "2" } } } }),
    });
    const read = { TableName, Key: lease("a"), ConsistentRead: true };
    expect(
      (
        await call("GetItem", {
          ...read,
          ProjectionExpression: "#m.x",
          ExpressionAttributeNames: { "#m": "map" },
        })
      ).Item,
    ).toEqual({
      map: { M: { x: { N: "1" } } },
    });
    expect((await call("GetItem", { ...read, AttributesToGet: ["owner"] })).Item).toEqual({
      owner: { S: "w" },
    });
    expect((await call("GetItem", { TableName, Key: lease("b") })).Item).toBeUndefined();
  });

  test("says what it cost where that is asked for", async () => {
    const TableName = await newTable();
    const read = { TableName, Key: lease("a"), ReturnConsumedCapacity: "TOTAL" as const };
    expect((await call("GetItem", read)).ConsumedCapacity).toEqual({ TableName, CapacityUnits: 0.5 });
    expect((await call("GetItem", { ...read, ConsistentRead: true })).ConsumedCapacity).toEqual({
      TableName,
      CapacityUnits: 1,
    });
  });

  test("a key that is none of the table's is refused", async () => {
    const TableName = await newTable();
    for (const Key of [
      { other: { S: "a" } },
      { leaseKey: { N: "1" } },
      { ...lease("a"), more: { S: "b" } },
    ]) {
      await refused(
        call("GetItem", { TableName, Key }),
        "ValidationException",
        "The provided key element does not match the schema",
      );
    }
  });
});
