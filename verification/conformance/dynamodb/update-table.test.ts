import { describe, expect, test } from "vitest";
import { call, lease, newTable, refused, untilActive } from "../src/side-clients.ts";

const byOwner = {
  IndexName: "LeaseOwnerToLeaseKeyIndex",
  KeySchema: [
    { AttributeName: "leaseOwner", KeyType: "HASH" as const },
    { AttributeName: "leaseKey", KeyType: "RANGE" as const },
  ],
  Projection: { ProjectionType: "KEYS_ONLY" as const },
};
const AttributeDefinitions = ["leaseKey", "leaseOwner"].map((AttributeName) => ({
  AttributeName,
  AttributeType: "S" as const,
}));

describe("UpdateTable", () => {
  test("adds an index, which holds the items that were there, and takes it away", async () => {
    const TableName = await newTable();
    await call("PutItem", { TableName, Item: lease("a", { leaseOwner: { S: "w" } }) });
    const { TableDescription } = await call("UpdateTable", {
      TableName,
      AttributeDefinitions,
      GlobalSecondaryIndexUpdates: [{ Create: byOwner }],
    });
    expect(TableDescription?.TableStatus).toBe("UPDATING");
    expect(TableDescription?.GlobalSecondaryIndexes?.[0]).toMatchObject({
      ...byOwner,
      IndexStatus: "CREATING",
    });
    await untilActive(TableName);
    const found = await call("Query", {
      TableName,
      IndexName: byOwner.IndexName,
      KeyConditionExpression: "leaseOwner = :w",
      ExpressionAttributeValues: { ":w": { S: "w" } },
    });
    expect(found.Count).toBe(1);
    await refused(
      call("UpdateTable", {
        TableName,
        AttributeDefinitions,
        GlobalSecondaryIndexUpdates: [{ Create: byOwner }],
      }),
      "ValidationException",
    );
    await call("UpdateTable", {
      TableName,
      GlobalSecondaryIndexUpdates: [{ Delete: { IndexName: byOwner.IndexName } }],
    });
    for (;;) {
      const { Table } = await call("DescribeTable", { TableName });
      if (Table?.GlobalSecondaryIndexes === undefined) break;
    }
  });

  test("changes what a table costs and how it is protected", async () => {
    const TableName = await newTable();
    await call("UpdateTable", {
      TableName,
      BillingMode: "PROVISIONED",
      ProvisionedThroughput: { ReadCapacityUnits: 3, WriteCapacityUnits: 4 },
      DeletionProtectionEnabled: true,
    });
    await untilActive(TableName);
    const { Table } = await call("DescribeTable", { TableName });
    expect(Table).toMatchObject({
      ProvisionedThroughput: { ReadCapacityUnits: 3, WriteCapacityUnits: 4 },
      DeletionProtectionEnabled: true,
    });
    await refused(call("DeleteTable", { TableName }), "ValidationException", /protected against deletion/);
    await call("UpdateTable", { TableName, DeletionProtectionEnabled: false });
    await untilActive(TableName);
  });

  test("is refused for no change, for an unknown table or index, and while another change is under way", async () => {
    const TableName = await newTable();
    await refused(call("UpdateTable", { TableName }), "ValidationException", /At least one of/);
    await refused(
      call("UpdateTable", { TableName: "not-there", DeletionProtectionEnabled: false }),
      "ResourceNotFoundException",
    );
    const Delete = { IndexName: "nothing" };
    await refused(
      call("UpdateTable", { TableName, GlobalSecondaryIndexUpdates: [{ Delete }] }),
      "ResourceNotFoundException",
    );
    await call("UpdateTable", { TableName, DeletionProtectionEnabled: false });
    await refused(
      call("UpdateTable", { TableName, DeletionProtectionEnabled: false }),
      "ResourceInUseException",
      `Attempt to change a resource which is still in use: Table is being updated: ${TableName}`,
    );
  });
});
