import { describe, expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, patiently, specify, times, uniqueName, violates } = suite;

/** An account with this many streams, and their names in the order of the alphabet. */
async function accountWithStreams(count: number) {
  const account = newAccount();
  const prefix = uniqueName();
  const names = times(count, (index) => `${prefix}-${"abcdefgh"[index]}`);
  // Created backwards, so that the order of the list is not the order of creation.
  for (const name of names.toReversed()) await account.stream({ StreamName: name });
  return { account, names, before: prefix };
}

specify("ListStreams", () => {
  test("lists the streams of the account in the order of their names", async () => {
    const { account, names, before } = await accountWithStreams(3);
    const answer = await account.call("ListStreams", { ExclusiveStartStreamName: before, Limit: 3 });
    expect(answer.StreamNames).toEqual(names);
    expect(answer.StreamSummaries.map(({ StreamName }) => StreamName)).toEqual(names);
    expect(answer.StreamSummaries[0]).toMatchObject({
      StreamStatus: "ACTIVE",
      StreamModeDetails: { StreamMode: "PROVISIONED" },
    });
    expect(answer.StreamSummaries[0]?.StreamARN).toMatch(new RegExp(`:stream/${names[0]}$`));
    expect(answer.StreamSummaries[0]?.StreamCreationTimestamp).toBeInstanceOf(Date);
  });

  describe("pages", () => {
    test("follow each other by token", async () => {
      const { account, names, before } = await accountWithStreams(5);
      const first = await account.call("ListStreams", { Limit: 2, ExclusiveStartStreamName: before });
      expect(first.StreamNames).toEqual(names.slice(0, 2));
      expect(first.HasMoreStreams).toBe(true);
      const second = await account.call("ListStreams", { Limit: 2, NextToken: first.NextToken });
      expect(second.StreamNames).toEqual(names.slice(2, 4));
      expect(second.HasMoreStreams).toBe(true);
    });

    test("follow each other by the last name", async () => {
      const { account, names } = await accountWithStreams(3);
      const page = await account.call("ListStreams", { Limit: 1, ExclusiveStartStreamName: names[0] });
      expect(page.StreamNames).toEqual([names[1]]);
      expect(page.HasMoreStreams).toBe(true);
    });

    test("may start after a name that does not exist", async () => {
      const { account, names } = await accountWithStreams(2);
      const page = await account.call("ListStreams", { Limit: 1, ExclusiveStartStreamName: `${names[0]}-x` });
      expect(page.StreamNames).toEqual([names[1]]);
    });
  });

  test("the last page has no token and says that there is no more", async () => {
    const account = newAccount();
    const answer = await account.call("ListStreams", { ExclusiveStartStreamName: "zzzzzzzzzzzzzzzz" });
    expect(answer.StreamNames).toEqual([]);
    expect(answer.HasMoreStreams).toBe(false);
    expect(answer.NextToken).toBeUndefined();
  });

  suite.timed("a token is good for five minutes", async (advance) => {
    const { account, before } = await accountWithStreams(3);
    const { NextToken } = await account.call("ListStreams", { Limit: 1, ExclusiveStartStreamName: before });
    await advance(290_000);
    await patiently(() => account.call("ListStreams", { Limit: 1, NextToken }));
    await advance(20_000);
    await suite.refused(
      "ListStreams",
      "ExpiredNextTokenException",
      account.call("ListStreams", { Limit: 1, NextToken }),
    );
  });

  test("a token that nobody gave out is refused", async () => {
    await suite.refused(
      "ListStreams",
      "InvalidArgumentException",
      newAccount().call("ListStreams", { NextToken: "bm90IGEgdG9rZW4=" }),
    );
  });

  test("is limited to five calls a second for an account", async () => {
    const account = newAccount();
    await suite.meetsLimit(
      "ListStreams",
      "LimitExceededException",
      suite.burst(account, "ListStreams", 20, () => ({})),
      suite.rateOfAccount(await account.id()),
    );
  });

  describe("validation", () => {
    test.each([
      { rule: "a page has at least one name", Limit: 0, expected: [suite.tooSmall("limit", 0, 1)] },
      {
        rule: "a page has at most 10,000 names",
        Limit: 10_001,
        expected: [suite.tooLarge("limit", 10_001, 10_000)],
      },
      {
        rule: "a name has the characters of one",
        ExclusiveStartStreamName: "a b",
        expected: [suite.offPattern("exclusiveStartStreamName", "a b", suite.patterns.name)],
      },
      { rule: "a token is not empty", NextToken: "", expected: [suite.tooShort("nextToken", "", 1)] },
    ])("$rule", async ({ rule: _, expected, ...input }) => {
      await violates("ListStreams", newAccount().call("ListStreams", input), expected);
    });
  });
});
