import { describe, expect, test } from "vitest";
import { call, newTable, refused } from "../src/side-clients.ts";

describe("DescribeContinuousBackups", () => {
  test("shows the setting", async () => {
    const TableName = await newTable();
    expect((await call("DescribeContinuousBackups", { TableName })).ContinuousBackupsDescription).toEqual({
      ContinuousBackupsStatus: "ENABLED",
      PointInTimeRecoveryDescription: { PointInTimeRecoveryStatus: "DISABLED" },
    });
    await refused(
      call("DescribeContinuousBackups", { TableName: "not-there" }),
      "TableNotFoundException",
      "Table not found: not-there",
    );
  });
});
