import { describe, expect, test } from "vitest";
import { call, lease, newTable, refused } from "../src/side-clients.ts";

describe("PutItem", () => {
  test("writes every type of value, and gives back the old item where that is asked for", async () => {
    const TableName = await newTable();
    const Item = lease("all", {
      number: { N: "-1.50" },
      bytes: { B: new Uint8Array([0, 1, 255]) },
      texts: { SS: ["a", "b"] },
      numbers: { NS: ["1", "2.0"] },
      byteSet: { BS: [new Uint8Array([1])] },
      list: { L: [{ S: "" }, { NULL: true }, { BOOL: false }] },
      map: { M: { inner: { M: {} } } },
    });
    expect((await call("PutItem", { TableName, Item, ReturnValues: "ALL_OLD" })).Attributes).toBeUndefined();
    const expected = { ...Item, number: { N: "-1.5" }, numbers: { NS: ["1", "2"] } };
    expect((await call("GetItem", { TableName, Key: lease("all") })).Item).toEqual(expected);
    const again = await call("PutItem", { TableName, Item: lease("all"), ReturnValues: "ALL_OLD" });
    expect(again.Attributes).toEqual(expected);
  });

  test("only if its condition holds, in both ways to write one", async () => {
    const TableName = await newTable();
    const fresh = { TableName, Item: lease("a", { n: { N: "1" } }) };
    await call("PutItem", { ...fresh, ConditionExpression: "attribute_not_exists(leaseKey)" });
    await refused(
      call("PutItem", { ...fresh, ConditionExpression: "attribute_not_exists(leaseKey)" }),
      "ConditionalCheckFailedException",
      "The conditional request failed",
    );
    await refused(
      call("PutItem", { ...fresh, Expected: { leaseKey: { Exists: false } } }),
      "ConditionalCheckFailedException",
    );
    await call("PutItem", { ...fresh, Expected: { n: { Value: { N: "1.0" } } } });
    const { Item } = await refused(
      call("PutItem", {
        ...fresh,
        ConditionExpression: "n = :two",
        ExpressionAttributeValues: { ":two": { N: "2" } },
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      }),
      "ConditionalCheckFailedException",
    );
    expect(Item).toEqual(fresh.Item);
  });

  test.each([
    [
      "no key",
      { other: { S: "x" } },
      "One or more parameter values were invalid: Missing the key leaseKey in the item",
    ],
    [
      "a key of another type",
      { leaseKey: { N: "1" } },
      "One or more parameter values were invalid: Type mismatch for key leaseKey expected: S actual: N",
    ],
    ["an empty key", { leaseKey: { S: "" } }, /cannot contain an empty string value. Key: leaseKey/],
    [
      "a key that is too long",
      { leaseKey: { S: "x".repeat(2049) } },
      "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes",
    ],
    [
      "a number that is none",
      lease("k", { n: { N: "one" } }),
      "The parameter cannot be converted to a numeric value: one",
    ],
    [
      "an empty set",
      lease("k", { set: { SS: [] } }),
      "One or more parameter values were invalid: An string set  may not be empty",
    ],
    [
      "a set with a member twice",
      lease("k", { set: { NS: ["1", "1.0"] } }),
      "One or more parameter values were invalid: Input collection [1, 1] contains duplicates.",
    ],
    [
      "an item that is too large",
      lease("k", { s: { S: "x".repeat(410_000) } }),
      "Item size has exceeded the maximum allowed size",
    ],
  ])("%s is refused", async (_, Item, message) => {
    const TableName = await newTable();
    await refused(call("PutItem", { TableName, Item }), "ValidationException", message);
  });

  test("both ways to write a condition at once are refused", async () => {
    const TableName = await newTable();
    await refused(
      call("PutItem", {
        TableName,
        Item: lease("a"),
        ConditionExpression: "attribute_exists(leaseKey)",
        Expected: { leaseKey: { Exists: false } },
      }),
      "ValidationException",
      "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {Expected} Expression parameters: {ConditionExpression}",
    );
  });

  test("an unknown table is refused", async () => {
    await refused(
      call("PutItem", { TableName: "not-there", Item: lease("a") }),
      "ResourceNotFoundException",
      "Requested resource not found",
    );
  });
});
