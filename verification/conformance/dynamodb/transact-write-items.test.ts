import { describe, expect, test } from "vitest";
import { uniqueName } from "../src/suite.ts";
import { call, lease, newTable, refused } from "../src/side-clients.ts";

describe("TransactWriteItems", () => {
  test("carries out all of its writes, in several tables", async () => {
    const [one, other] = [await newTable(), await newTable()];
    await call("PutItem", { TableName: one, Item: lease("old") });
    await call("TransactWriteItems", {
      TransactItems: [
        { Delete: { TableName: one, Key: lease("old"), ConditionExpression: "attribute_exists(leaseKey)" } },
        { Put: { TableName: other, Item: lease("new") } },
        {
          Update: {
            TableName: other,
            Key: lease("counter"),
            UpdateExpression: "ADD hits :one",
            ExpressionAttributeValues: { ":one": { N: "1" } },
          },
        },
      ],
    });
    expect((await call("Scan", { TableName: one })).Count).toBe(0);
    expect((await call("Scan", { TableName: other })).Count).toBe(2);
  });

  test("carries out none when one is refused, and says which", async () => {
    const TableName = await newTable();
    await call("PutItem", { TableName, Item: lease("there", { n: { N: "1" } }) });
    const { CancellationReasons } = await refused(
      call("TransactWriteItems", {
        TransactItems: [
          { Put: { TableName, Item: lease("new") } },
          {
            ConditionCheck: {
              TableName,
              Key: lease("there"),
              ConditionExpression: "attribute_not_exists(n)",
              ReturnValuesOnConditionCheckFailure: "ALL_OLD",
            },
          },
        ],
      }),
      "TransactionCanceledException",
      "Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed]",
    );
    expect(CancellationReasons).toMatchObject([
      { Code: "None" },
      {
        Code: "ConditionalCheckFailed",
        Message: "The conditional request failed",
        Item: lease("there", { n: { N: "1" } }),
      },
    ]);
    expect((await call("Scan", { TableName })).Count).toBe(1);
  });

  test("is carried out once for one token", async () => {
    const TableName = await newTable();
    const ClientRequestToken = uniqueName("token").slice(0, 36);
    const add = (amount: string) => ({
      ClientRequestToken,
      TransactItems: [
        {
          Update: {
            TableName,
            Key: lease("a"),
            UpdateExpression: "ADD n :x",
            ExpressionAttributeValues: { ":x": { N: amount } },
          },
        },
      ],
    });
    await call("TransactWriteItems", add("1"));
    await call("TransactWriteItems", add("1"));
    expect((await call("GetItem", { TableName, Key: lease("a") })).Item).toMatchObject({ n: { N: "1" } });
    await refused(call("TransactWriteItems", add("2")), "IdempotentParameterMismatchException");
  });

  test("two writes of one item, or none at all, are refused", async () => {
    const TableName = await newTable();
    const Put = { TableName, Item: lease("a") };
    await refused(
      call("TransactWriteItems", { TransactItems: [{ Put }, { Put }] }),
      "ValidationException",
      "Transaction request cannot include multiple operations on one item",
    );
    await refused(call("TransactWriteItems", { TransactItems: [] }), "ValidationException");
    await refused(call("TransactWriteItems", { TransactItems: [{}] }), "ValidationException");
    await refused(
      call("TransactWriteItems", { TransactItems: [{ Put: { ...Put, TableName: "not-there" } }] }),
      "ResourceNotFoundException",
    );
  });
});
