import { describe, expect, test } from "vitest";
import { call, lease, newTable, refused } from "../src/side-clients.ts";

describe("UpdateItem", () => {
  test("renews a lease by its counter", async () => {
    const TableName = await newTable();
    await call("PutItem", {
      TableName,
      Item: lease("a", { leaseCounter: { N: "4" }, leaseOwner: { S: "w1" } }),
    });
    const renew = {
      TableName,
      Key: lease("a"),
      UpdateExpression: "SET leaseCounter = leaseCounter + :one, #o = :w",
      ConditionExpression: "leaseCounter = :seen",
      ExpressionAttributeNames: { "#o": "leaseOwner" },
      ExpressionAttributeValues: { ":one": { N: "1" }, ":w": { S: "w2" }, ":seen": { N: "4" } },
    };
    const { Attributes } = await call("UpdateItem", { ...renew, ReturnValues: "ALL_NEW" });
    expect(Attributes).toEqual(lease("a", { leaseCounter: { N: "5" }, leaseOwner: { S: "w2" } }));
    await refused(call("UpdateItem", renew), "ConditionalCheckFailedException");
  });

  test("renews it in the way of older clients too", async () => {
    const TableName = await newTable();
    await call("PutItem", { TableName, Item: lease("a", { leaseCounter: { N: "4" }, gone: { S: "x" } }) });
    const renew = {
      TableName,
      Key: lease("a"),
      AttributeUpdates: {
        leaseCounter: { Value: { N: "5" }, Action: "PUT" as const },
        gone: { Action: "DELETE" as const },
      },
      Expected: { leaseCounter: { Value: { N: "4" } }, gone: { ComparisonOperator: "NOT_NULL" as const } },
    };
    expect((await call("UpdateItem", { ...renew, ReturnValues: "UPDATED_OLD" })).Attributes).toEqual({
      leaseCounter: { N: "4" },
      gone: { S: "x" },
    });
    await refused(call("UpdateItem", renew), "ConditionalCheckFailedException");
    const { Item } = await call("GetItem", { TableName, Key: lease("a") });
    expect(Item).toEqual(lease("a", { leaseCounter: { N: "5" } }));
  });

  test("makes an item that is not there, and gives only what it touched where that is asked for", async () => {
    const TableName = await newTable();
    const { Attributes } = await call("UpdateItem", {
      TableName,
      Key: lease("new"),
      UpdateExpression: "ADD hits :one SET names = :names",
      ExpressionAttributeValues: { ":one": { N: "1" }, ":names": { SS: ["x"] } },
      ReturnValues: "UPDATED_NEW",
    });
    expect(Attributes).toEqual({ hits: { N: "1" }, names: { SS: ["x"] } });
  });

  test.each([
    [
      "a change of the key",
      "SET leaseKey = :x",
      "One or more parameter values were invalid: Cannot update attribute leaseKey. This attribute is part of the key",
    ],
    [
      "an expression that is none",
      "SET a :x",
      'Invalid UpdateExpression: Syntax error; token: ":x", near: "a :x"',
    ],
    [
      "what does not add up",
      "SET a = other + :x",
      "The provided expression refers to an attribute that does not exist in the item",
    ],
  ])("%s is refused", async (_, UpdateExpression, message) => {
    const TableName = await newTable();
    const input = {
      TableName,
      Key: lease("a"),
      UpdateExpression,
      ExpressionAttributeValues: { ":x": { S: "x" } },
    };
    await refused(call("UpdateItem", input), "ValidationException", message);
  });
});
