import { describe, expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, specify, times, violates } = suite;

specify("ListTagsForStream", () => {
  test("lists tags in the order of their keys", async () => {
    const account = newAccount();
    const { name } = await account.stream({ Tags: { b: "2", a: "1", C: "3" } });
    const answer = await account.call("ListTagsForStream", { StreamName: name });
    expect(answer.Tags).toEqual([
      { Key: "C", Value: "3" },
      { Key: "a", Value: "1" },
      { Key: "b", Value: "2" },
    ]);
    expect(answer.HasMoreTags).toBe(false);
  });

  test("answers an empty list for a stream without tags", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    const answer = await account.call("ListTagsForStream", { StreamName: name });
    expect(answer).toEqual({ Tags: [], HasMoreTags: false });
  });

  test("goes on after a key", async () => {
    const account = newAccount();
    const Tags = Object.fromEntries(times(5, (index) => [`key-${index}`, ""]));
    const { name } = await account.stream({ Tags });
    const first = await account.call("ListTagsForStream", { StreamName: name, Limit: 3 });
    expect(first.Tags.map(({ Key }) => Key)).toEqual(["key-0", "key-1", "key-2"]);
    expect(first.HasMoreTags).toBe(true);
    const second = await account.call("ListTagsForStream", {
      StreamName: name,
      ExclusiveStartTagKey: "key-2",
    });
    expect(second.Tags.map(({ Key }) => Key)).toEqual(["key-3", "key-4"]);
    expect(second.HasMoreTags).toBe(false);
  });

  describe("validation", () => {
    test.each([
      { rule: "a page has at least one tag", Limit: 0, expected: [suite.tooSmall("limit", 0, 1)] },
      { rule: "a page has at most 50 tags", Limit: 51, expected: [suite.tooLarge("limit", 51, 50)] },
      {
        rule: "a key is not empty",
        ExclusiveStartTagKey: "",
        expected: [suite.tooShort("exclusiveStartTagKey", "", 1)],
      },
    ])("$rule", async ({ rule: _, expected, ...input }) => {
      await violates(
        "ListTagsForStream",
        newAccount().call("ListTagsForStream", { StreamName: "none", ...input }),
        expected,
      );
    });
  });

  test("is limited to five calls a second for a stream", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    await suite.meetsLimit(
      "ListTagsForStream",
      "LimitExceededException",
      suite.burst(account, "ListTagsForStream", 20, () => ({ StreamName: name })),
      suite.rateOfStream(name, await account.id()),
    );
  });

  suite.streamAddressing("ListTagsForStream", () => ({}));
  suite.injectedErrors("ListTagsForStream", async (account) => ({
    StreamName: (await account.stream()).name,
  }));
});
