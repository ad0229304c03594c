import { describe, expect, test } from "vitest";
import { call, newTable } from "../src/side-clients.ts";

describe("UntagResource", () => {
  test("takes tags off, and does not mind those that are not there", async () => {
    const TableName = await newTable({
      Tags: [
        { Key: "a", Value: "1" },
        { Key: "b", Value: "2" },
      ],
    });
    const ResourceArn = (await call("DescribeTable", { TableName })).Table?.TableArn;
    await call("UntagResource", { ResourceArn, TagKeys: ["a", "z"] });
    expect((await call("ListTagsOfResource", { ResourceArn })).Tags).toEqual([{ Key: "b", Value: "2" }]);
  });
});
