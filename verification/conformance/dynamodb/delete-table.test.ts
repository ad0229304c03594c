import { describe, expect, test } from "vitest";
import { call, lease, newTable, refused, untilGone } from "../src/side-clients.ts";

describe("DeleteTable", () => {
  test("makes a table DELETING at once, and gone then", async () => {
    const TableName = await newTable();
    await call("PutItem", { TableName, Item: lease("a") });
    const { TableDescription } = await call("DeleteTable", { TableName });
    expect(TableDescription?.TableStatus).toBe("DELETING");
    await refused(
      call("GetItem", { TableName, Key: lease("a") }),
      "ResourceNotFoundException",
      "Requested resource not found",
    );
    await untilGone(TableName);
    await refused(call("DeleteTable", { TableName }), "ResourceNotFoundException");
  });

  test("a table that is changing is refused", async () => {
    const TableName = await newTable();
    await call("UpdateTable", { TableName, DeletionProtectionEnabled: false });
    await refused(call("DeleteTable", { TableName }), "ResourceInUseException");
  });
});
