import { describe, expect, test } from "vitest";
import { call, newTable, refused } from "../src/side-clients.ts";

describe("TagResource", () => {
  test("sets tags; one that is there gets the new value", async () => {
    const { Table } = await call("DescribeTable", {
      TableName: await newTable({ Tags: [{ Key: "a", Value: "1" }] }),
    });
    const ResourceArn = Table?.TableArn;
    await call("TagResource", {
      ResourceArn,
      Tags: [
        { Key: "a", Value: "2" },
        { Key: "b", Value: "" },
      ],
    });
    expect((await call("ListTagsOfResource", { ResourceArn })).Tags).toEqual([
      { Key: "a", Value: "2" },
      { Key: "b", Value: "" },
    ]);
  });

  test("a table that is not there, and more than fifty tags, are refused", async () => {
    const { Table } = await call("DescribeTable", { TableName: await newTable() });
    const ResourceArn = Table?.TableArn ?? "";
    await refused(
      call("TagResource", { ResourceArn: `${ResourceArn}-x`, Tags: [] }),
      "ResourceNotFoundException",
    );
    const Tags = Array.from({ length: 51 }, (_, index) => ({ Key: `k${index}`, Value: "v" }));
    await refused(call("TagResource", { ResourceArn, Tags }), "ValidationException");
  });
});
