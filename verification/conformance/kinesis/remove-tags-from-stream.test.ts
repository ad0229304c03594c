import { describe, expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, refused, specify, times, violates } = suite;

const keys = { TagKeys: ["stage"] };

specify("RemoveTagsFromStream", () => {
  test("removes the tags of these keys, and does not mind keys that are not there", async () => {
    const account = newAccount();
    const { name } = await account.stream({ Tags: { a: "1", b: "2", c: "3" } });
    await account.call("RemoveTagsFromStream", { StreamName: name, TagKeys: ["a", "c", "zzz"] });
    const { Tags } = await account.call("ListTagsForStream", { StreamName: name });
    expect(Tags).toEqual([{ Key: "b", Value: "2" }]);
  });

  test("refuses characters that no key has", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    await refused(
      "RemoveTagsFromStream",
      "InvalidArgumentException",
      account.call("RemoveTagsFromStream", { StreamName: name, TagKeys: ["a;b"] }),
      "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white space, _ . / = + - % @.",
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
      {
        rule: "a key is not empty",
        input: { TagKeys: [""] },
        expected: [
          suite.violation(
            "tagKeys",
            "[]",
            "Member must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1]",
          ),
        ],
      },
    ])("$rule", async ({ input, expected }) => {
      await violates(
        "RemoveTagsFromStream",
        newAccount().call("RemoveTagsFromStream", { StreamName: "none", ...input }),
        expected,
      );
    });
  });

  test("is limited to five calls a second for a stream", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    await suite.meetsLimit(
      "RemoveTagsFromStream",
      "LimitExceededException",
      suite.burst(account, "RemoveTagsFromStream", 20, () => ({ StreamName: name, ...keys })),
      suite.rateOfStream(name, await account.id()),
    );
  });

  suite.refusesDeletingStream("RemoveTagsFromStream", (_, { name }) => ({ StreamName: name, ...keys }));
  suite.streamAddressing("RemoveTagsFromStream", () => keys);
  suite.injectedErrors("RemoveTagsFromStream", async (account) => ({
    StreamName: (await account.stream()).name,
    ...keys,
  }));
});
