import { describe, expect, test } from "vitest";
import { call, newTable, refused } from "../src/side-clients.ts";

describe("DescribeTimeToLive", () => {
  test("says by which attribute items expire", async () => {
    const TableName = await newTable();
    expect((await call("DescribeTimeToLive", { TableName })).TimeToLiveDescription).toEqual({
      TimeToLiveStatus: "DISABLED",
    });
    await call("UpdateTimeToLive", {
      TableName,
      TimeToLiveSpecification: { Enabled: true, AttributeName: "expires" },
    });
    expect((await call("DescribeTimeToLive", { TableName })).TimeToLiveDescription).toEqual({
      TimeToLiveStatus: "ENABLED",
      AttributeName: "expires",
    });
    await refused(call("DescribeTimeToLive", { TableName: "not-there" }), "ResourceNotFoundException");
  });
});
