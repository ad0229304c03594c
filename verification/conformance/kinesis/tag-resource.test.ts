import { describe, expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, refused, specify, times, violates } = suite;

const tags = { Tags: { team: "blue" } };

specify("TagResource", () => {
  test("adds tags to a stream, which are the tags that ListTagsForStream knows", async () => {
    const account = newAccount();
    const { name, arn } = await account.stream({ Tags: { a: "1" } });
    await account.call("TagResource", { ResourceARN: arn, Tags: { a: "2", b: "3" } });
    const expected = [
      { Key: "a", Value: "2" },
      { Key: "b", Value: "3" },
    ];
    expect((await account.call("ListTagsForStream", { StreamName: name })).Tags).toEqual(expected);
    expect((await account.call("ListTagsForResource", { ResourceARN: arn })).Tags).toEqual(expected);
  });

  test("adds tags to a consumer and not to its stream", async () => {
    const account = newAccount();
    const stream = await account.stream();
    const consumer = await account.consumer(stream);
    await account.call("TagResource", { ResourceARN: consumer, ...tags });
    expect((await account.call("ListTagsForResource", { ResourceARN: consumer })).Tags).toEqual([
      { Key: "team", Value: "blue" },
    ]);
    expect((await account.call("ListTagsForResource", { ResourceARN: stream.arn })).Tags).toEqual([]);
  });

  test("refuses more than 50 tags for a resource", async () => {
    const account = newAccount();
    const { arn } = await account.stream();
    await refused(
      "TagResource",
      "InvalidArgumentException",
      account.call("TagResource", {
        ResourceARN: arn,
        Tags: Object.fromEntries(times(51, (index) => [`k${index}`, ""])),
      }),
    );
  });

  test("refuses characters that no tag has", async () => {
    const account = newAccount();
    const { arn } = await account.stream();
    await refused(
      "TagResource",
      "InvalidArgumentException",
      account.call("TagResource", { ResourceARN: arn, Tags: { "a;b": "" } }),
    );
  });

  describe("validation", () => {
    test("tags are needed", async () => {
      const account = newAccount();
      await violates(
        "TagResource",
        account.call("TagResource", { ResourceARN: await suite.arnOf(account, "none") }),
        [suite.mustNotBeNull("tags")],
      );
    });
  });

  suite.refusesDeletingStream("TagResource", (_, { arn }) => ({ ResourceARN: arn, ...tags }));
  suite.resourceAddressing("TagResource", () => tags);
  suite.injectedErrors("TagResource", async (account) => ({
    ResourceARN: (await account.stream()).arn,
    ...tags,
  }));
});
