import { describe, expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, refused, specify, times, violates } = suite;

const keys = { TagKeys: ["team"] };

specify("UntagResource", () => {
  test("removes tags of a stream, and does not mind keys that are not there", async () => {
    const account = newAccount();
    const { arn } = await account.stream({ Tags: { a: "1", b: "2" } });
    await account.call("UntagResource", { ResourceARN: arn, TagKeys: ["a", "zzz"] });
    expect((await account.call("ListTagsForResource", { ResourceARN: arn })).Tags).toEqual([
      { Key: "b", Value: "2" },
    ]);
  });

  test("removes tags of a consumer", async () => {
    const account = newAccount();
    const consumer = await account.consumer(await account.stream());
    await account.call("TagResource", { ResourceARN: consumer, Tags: { a: "1", b: "2" } });
    await account.call("UntagResource", { ResourceARN: consumer, TagKeys: ["b"] });
    expect((await account.call("ListTagsForResource", { ResourceARN: consumer })).Tags).toEqual([
      { Key: "a", Value: "1" },
    ]);
  });

  test("refuses characters that no key has", async () => {
    const account = newAccount();
    const { arn } = await account.stream();
    await refused(
      "UntagResource",
      "InvalidArgumentException",
      account.call("UntagResource", { ResourceARN: arn, TagKeys: ["a;b"] }),
    );
  });

  describe("validation", () => {
    test.each([
      { rule: "keys are needed", input: {}, expected: [suite.mustNotBeNull("tagKeys")] },
      {
        rule: "there is at least one key",
        input: { TagKeys: [] },
        expected: [suite.tooShort("tagKeys", "[]", 1)],
      },
      {
        rule: "there are at most 50 keys",
        input: { TagKeys: times(51, String) },
        expected: [suite.tooLong("tagKeys", `[${times(51, String).join(", ")}]`, 50)],
      },
    ])("$rule", async ({ input, expected }) => {
      const account = newAccount();
      await violates(
        "UntagResource",
        account.call("UntagResource", { ResourceARN: await suite.arnOf(account, "none"), ...input }),
        expected,
      );
    });
  });

  suite.refusesDeletingStream("UntagResource", (_, { arn }) => ({ ResourceARN: arn, ...keys }));
  suite.resourceAddressing("UntagResource", () => keys);
  suite.injectedErrors("UntagResource", async (account) => ({
    ResourceARN: (await account.stream()).arn,
    ...keys,
  }));
});
