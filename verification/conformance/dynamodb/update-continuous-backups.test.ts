import { describe, expect, test } from "vitest";
import { call, newTable, refused } from "../src/side-clients.ts";

describe("UpdateContinuousBackups", () => {
  test("keeps the setting", async () => {
    const TableName = await newTable();
    const PointInTimeRecoverySpecification = { PointInTimeRecoveryEnabled: true, RecoveryPeriodInDays: 7 };
    const { ContinuousBackupsDescription } = await call("UpdateContinuousBackups", {
      TableName,
      PointInTimeRecoverySpecification,
    });
    expect(ContinuousBackupsDescription?.PointInTimeRecoveryDescription).toEqual({
      PointInTimeRecoveryStatus: "ENABLED",
      RecoveryPeriodInDays: 7,
    });
    await refused(
      call("UpdateContinuousBackups", { TableName: "not-there", PointInTimeRecoverySpecification }),
      "TableNotFoundException",
    );
  });
});
