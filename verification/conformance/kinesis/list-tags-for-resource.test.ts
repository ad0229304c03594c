import { expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, specify } = suite;

specify("ListTagsForResource", () => {
  test("lists the tags of a stream in the order of their keys", async () => {
    const account = newAccount();
    const { arn } = await account.stream({ Tags: { b: "2", a: "1" } });
    const { Tags } = await account.call("ListTagsForResource", { ResourceARN: arn });
    expect(Tags).toEqual([
      { Key: "a", Value: "1" },
      { Key: "b", Value: "2" },
    ]);
  });

  test("lists all fifty tags in one answer", async () => {
    const account = newAccount();
    const { arn } = await account.stream({
      Tags: Object.fromEntries(suite.times(50, (index) => [`key-${index}`, ""])),
    });
    const { Tags } = await account.call("ListTagsForResource", { ResourceARN: arn });
    expect(Tags).toHaveLength(50);
  });

  test("answers an empty list for a resource without tags", async () => {
    const account = newAccount();
    const { arn } = await account.stream();
    expect((await account.call("ListTagsForResource", { ResourceARN: arn })).Tags).toEqual([]);
  });

  suite.resourceAddressing("ListTagsForResource", () => ({}));
  suite.injectedErrors("ListTagsForResource", async (account) => ({
    ResourceARN: (await account.stream()).arn,
  }));
});
