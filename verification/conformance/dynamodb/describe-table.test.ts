import { describe, expect, test } from "vitest";
import { call, lease, newTable, refused } from "../src/side-clients.ts";

describe("DescribeTable", () => {
  test("shows a table by its name and by its ARN", async () => {
    const TableName = await newTable({ DeletionProtectionEnabled: false });
    await call("PutItem", { TableName, Item: lease("a") });
    const { Table } = await call("DescribeTable", { TableName });
    expect(Table).toMatchObject({
      TableName,
      TableStatus: "ACTIVE",
      BillingModeSummary: { BillingMode: "PAY_PER_REQUEST" },
      AttributeDefinitions: [{ AttributeName: "leaseKey", AttributeType: "S" }],
      DeletionProtectionEnabled: false,
    });
    expect(Table?.TableId).toMatch(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    const byArn = await call("DescribeTable", { TableName: Table?.TableArn });
    expect(byArn.Table?.TableId).toBe(Table?.TableId);
  });

  test("a table that is not there is refused", async () => {
    await refused(
      call("DescribeTable", { TableName: "not-there" }),
      "ResourceNotFoundException",
      "Requested resource not found: Table: not-there not found",
    );
  });
});
