import { describe, expect, test } from "vitest";
import { timed } from "../src/suite.ts";
import { call, lease, newTable, refused } from "../src/side-clients.ts";

const ttl = (Enabled: boolean, AttributeName = "ttl") => ({
  TimeToLiveSpecification: { Enabled, AttributeName },
});

describe("UpdateTimeToLive", () => {
  test("switches expiry on and off", async () => {
    const TableName = await newTable();
    expect(await call("UpdateTimeToLive", { TableName, ...ttl(true) })).toMatchObject(ttl(true));
    await refused(
      call("UpdateTimeToLive", { TableName, ...ttl(true) }),
      "ValidationException",
      "TimeToLive is already enabled",
    );
    await refused(
      call("UpdateTimeToLive", { TableName, ...ttl(false, "other") }),
      "ValidationException",
      /different AttributeName/,
    );
    await call("UpdateTimeToLive", { TableName, ...ttl(false) });
    await refused(
      call("UpdateTimeToLive", { TableName, ...ttl(false) }),
      "ValidationException",
      "TimeToLive is already disabled",
    );
    await refused(
      call("UpdateTimeToLive", { TableName: "not-there", ...ttl(true) }),
      "ResourceNotFoundException",
    );
  });

  timed("items are gone once their second is past", async (advance) => {
    const TableName = await newTable();
    await call("UpdateTimeToLive", { TableName, ...ttl(true) });
    // Service time may be ahead of this machine's.
    const { TableDescription } = await call("UpdateTable", { TableName, DeletionProtectionEnabled: false });
    expect(TableDescription).toBeDefined();
    const nowMs = (await call("DescribeTable", { TableName })).Table?.CreationDateTime?.getTime() ?? 0;
    await call("PutItem", {
      TableName,
      Item: lease("a", { ttl: { N: String(Math.ceil(nowMs / 1000) + 1_000) } }),
    });
    await advance(900_000);
    expect((await call("Scan", { TableName })).Count).toBe(1);
    await advance(110_000);
    expect((await call("Scan", { TableName })).Count).toBe(0);
  });
});
