import { describe, expect, test } from "vitest";
import { call, newTable, refused } from "../src/side-clients.ts";

describe("ListTagsOfResource", () => {
  test("lists the tags of a table", async () => {
    const TableName = await newTable({ Tags: [{ Key: "a", Value: "1" }] });
    const ResourceArn = (await call("DescribeTable", { TableName })).Table?.TableArn;
    expect((await call("ListTagsOfResource", { ResourceArn })).Tags).toEqual([{ Key: "a", Value: "1" }]);
    await refused(
      call("ListTagsOfResource", { ResourceArn: `${ResourceArn}-x` }),
      "ResourceNotFoundException",
    );
    await refused(call("ListTagsOfResource", { ResourceArn, NextToken: "x" }), "ValidationException");
  });
});
