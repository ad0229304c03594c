import { describe, expect, test } from "vitest";
import { call, lease, newTable, refused } from "../src/side-clients.ts";

describe("DeleteItem", () => {
  test("deletes an item and gives it back, and one that is not there succeeds", async () => {
    const TableName = await newTable();
    await call("PutItem", { TableName, Item: lease("a", { n: { N: "1" } }) });
    const { Attributes } = await call("DeleteItem", { TableName, Key: lease("a"), ReturnValues: "ALL_OLD" });
    expect(Attributes).toEqual(lease("a", { n: { N: "1" } }));
    expect(
      (await call("DeleteItem", { TableName, Key: lease("a"), ReturnValues: "ALL_OLD" })).Attributes,
    ).toBeUndefined();
  });

  test("only if its condition holds, in both ways to write one", async () => {
    const TableName = await newTable();
    await call("PutItem", { TableName, Item: lease("a", { leaseOwner: { S: "w" } }) });
    const remove = { TableName, Key: lease("a") };
    const ExpressionAttributeValues = { ":w": { S: "other" } };
    await refused(
      call("DeleteItem", { ...remove, ConditionExpression: "leaseOwner = :w", ExpressionAttributeValues }),
      "ConditionalCheckFailedException",
    );
    await refused(
      call("DeleteItem", { ...remove, Expected: { leaseOwner: { Value: { S: "other" } } } }),
      "ConditionalCheckFailedException",
    );
    await call("DeleteItem", {
      ...remove,
      Expected: { leaseOwner: { ComparisonOperator: "EQ", AttributeValueList: [{ S: "w" }] } },
    });
    expect((await call("GetItem", remove)).Item).toBeUndefined();
  });

  test("other return values than the old ones are refused", async () => {
    const TableName = await newTable();
    await refused(
      call("DeleteItem", { TableName, Key: lease("a"), ReturnValues: "ALL_NEW" }),
      "ValidationException",
      "Return values set to invalid value",
    );
  });
});
