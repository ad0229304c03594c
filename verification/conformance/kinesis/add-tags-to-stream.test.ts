import { describe, expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, refused, specify, times, violates } = suite;

const tags = { Tags: { stage: "test" } };
const many = (count: number, prefix = "tag") =>
  Object.fromEntries(times(count, (index) => [`${prefix}-${String(index).padStart(3, "0")}`, String(index)]));

specify("AddTagsToStream", () => {
  test("adds tags and replaces those that have the same key", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    await account.call("AddTagsToStream", { StreamName: name, Tags: { a: "1", b: "2" } });
    await account.call("AddTagsToStream", { StreamName: name, Tags: { b: "3", c: "" } });
    const { Tags, HasMoreTags } = await account.call("ListTagsForStream", { StreamName: name });
    expect(Tags).toEqual([
      { Key: "a", Value: "1" },
      { Key: "b", Value: "3" },
      { Key: "c", Value: "" },
    ]);
    expect(HasMoreTags).toBe(false);
  });

  test("takes letters of every script, digits, spaces and _ . / = + - @", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    const Tags = { "clé_a.b/c=d+e-f@g h": "größe 1", 键: "值" };
    await account.call("AddTagsToStream", { StreamName: name, Tags });
    const answer = await account.call("ListTagsForStream", { StreamName: name });
    expect(Object.fromEntries(answer.Tags.map(({ Key, Value }) => [Key, Value]))).toEqual(Tags);
  });

  test.each([{ "a;b": "" }, { a: "b!" }, { "a*": "" }])("refuses other characters: %j", async (Tags) => {
    const account = newAccount();
    const { name } = await account.stream();
    await refused(
      "AddTagsToStream",
      "InvalidArgumentException",
      account.call("AddTagsToStream", { StreamName: name, Tags }),
      "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white space, _ . / = + - % @.",
    );
  });

  test("refuses a percent sign in words of its own", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    await refused(
      "AddTagsToStream",
      "InvalidArgumentException",
      account.call("AddTagsToStream", { StreamName: name, Tags: { "a%b": "" } }),
      `Failed to add tags to stream ${name} under account ${await account.id()} because some tags contained illegal characters. The allowed characters are Unicode letters, white-spaces, '_',',','/','=','+','-','@'.`,
    );
  });

  test("takes 50 tags for a stream and no more", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    await account.call("AddTagsToStream", { StreamName: name, Tags: many(50) });
    await account.call("AddTagsToStream", { StreamName: name, Tags: many(1) });
    await refused(
      "AddTagsToStream",
      "InvalidArgumentException",
      account.call("AddTagsToStream", { StreamName: name, Tags: { another: "" } }),
      /^Failed to add tags to stream .* because a given stream cannot have more than \d+ tags associated with it\.$/,
    );
  });

  describe("validation", () => {
    const constraint = (max: number, min: number) =>
      `Member must satisfy constraint: [Member must have length less than or equal to ${max}, Member must have length greater than or equal to ${min}]`;
    const long = { key: "k".repeat(129), value: "v".repeat(257) };

    test.each([
      { rule: "tags are needed", input: {}, expected: [suite.mustNotBeNull("tags")] },
      { rule: "there is at least one tag", input: { Tags: {} }, expected: [suite.tooShort("tags", "{}", 1)] },
      {
        rule: "a key has at most 128 characters",
        input: { Tags: { [long.key]: "" } },
        expected: [
          suite.violation(
            "tags",
            `{${long.key}=}`,
            constraint(128, 1).replace("Member must satisfy", "Map keys must satisfy"),
          ),
        ],
      },
      {
        rule: "a value has at most 256 characters",
        input: { Tags: { a: long.value } },
        expected: [
          suite.violation(
            "tags",
            `{a=${long.value}}`,
            constraint(256, 0).replace("Member must satisfy", "Map value must satisfy"),
          ),
        ],
      },
    ])("$rule", async ({ input, expected }) => {
      await violates(
        "AddTagsToStream",
        newAccount().call("AddTagsToStream", { StreamName: "none", ...input }),
        expected,
      );
    });
  });

  test("is limited to five calls a second for an account", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    await suite.meetsLimit(
      "AddTagsToStream",
      "LimitExceededException",
      suite.burst(account, "AddTagsToStream", 20, () => ({ StreamName: name, ...tags })),
      /^Rate exceeded for /,
    );
  });

  suite.refusesDeletingStream("AddTagsToStream", (_, { name }) => ({ StreamName: name, ...tags }));
  suite.streamAddressing("AddTagsToStream", () => tags);
  suite.injectedErrors("AddTagsToStream", async (account) => ({
    StreamName: (await account.stream()).name,
    ...tags,
  }));
});
