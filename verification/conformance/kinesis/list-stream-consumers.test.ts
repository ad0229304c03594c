import { describe, expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, patiently, refused, specify, violates } = suite;

async function streamWithConsumers(...names: string[]) {
  const account = newAccount();
  const stream = await account.stream();
  for (const name of names) await account.consumer(stream, name);
  return { account, StreamARN: stream.arn };
}

const namesOf = ({ Consumers }: suite.Answer<"ListStreamConsumers">) =>
  Consumers.map(({ ConsumerName }) => ConsumerName);

specify("ListStreamConsumers", () => {
  test("lists the consumers of a stream", async () => {
    const { account, StreamARN } = await streamWithConsumers("one", "two");
    const answer = await account.call("ListStreamConsumers", { StreamARN });
    expect(namesOf(answer).toSorted()).toEqual(["one", "two"]);
    expect(answer.Consumers[0]).toEqual({
      ConsumerName: expect.any(String) as string,
      ConsumerARN: expect.stringContaining(`${StreamARN}/consumer/`) as string,
      ConsumerStatus: "ACTIVE",
      ConsumerCreationTimestamp: expect.any(Date) as Date,
    });
    expect(answer.NextToken).toBeUndefined();
  });

  test("answers an empty list for a stream without consumers", async () => {
    const { account, StreamARN } = await streamWithConsumers();
    expect((await account.call("ListStreamConsumers", { StreamARN })).Consumers).toEqual([]);
  });

  describe("pages", () => {
    test("follow each other by token", async () => {
      const { account, StreamARN } = await streamWithConsumers("a", "b", "c");
      const first = await account.call("ListStreamConsumers", { StreamARN, MaxResults: 2 });
      expect(first.Consumers).toHaveLength(2);
      const second = await account.call("ListStreamConsumers", { StreamARN, NextToken: first.NextToken });
      expect([...namesOf(first), ...namesOf(second)].toSorted()).toEqual(["a", "b", "c"]);
      expect(second.NextToken).toBeUndefined();
    });

    suite.timed("have tokens that are good for five minutes", async (advance) => {
      const { account, StreamARN } = await streamWithConsumers("a", "b");
      const { NextToken } = await account.call("ListStreamConsumers", { StreamARN, MaxResults: 1 });
      await advance(290_000);
      await patiently(() => account.call("ListStreamConsumers", { StreamARN, NextToken }));
      await advance(20_000);
      await refused(
        "ListStreamConsumers",
        "ExpiredNextTokenException",
        account.call("ListStreamConsumers", { StreamARN, NextToken }),
      );
    });

    test("have tokens that the service gave", async () => {
      const { account, StreamARN } = await streamWithConsumers();
      await refused(
        "ListStreamConsumers",
        "InvalidArgumentException",
        account.call("ListStreamConsumers", { StreamARN, NextToken: "bm90IGEgdG9rZW4=" }),
      );
    });
  });

  describe("validation", () => {
    test.each([
      {
        rule: "a page has at least one consumer",
        MaxResults: 0,
        expected: [suite.tooSmall("maxResults", 0, 1)],
      },
      {
        rule: "a page has at most 10,000 consumers",
        MaxResults: 10_001,
        expected: [suite.tooLarge("maxResults", 10_001, 10_000)],
      },
      { rule: "a token is not empty", NextToken: "", expected: [suite.tooShort("nextToken", "", 1)] },
    ])("$rule", async ({ rule: _, expected, ...input }) => {
      const account = newAccount();
      const StreamARN = await suite.arnOf(account, "none");
      await violates(
        "ListStreamConsumers",
        account.call("ListStreamConsumers", { StreamARN, ...input }),
        expected,
      );
    });
  });

  test("is limited to five calls a second for a stream", async () => {
    const { account, StreamARN } = await streamWithConsumers();
    await suite.meetsLimit(
      "ListStreamConsumers",
      "LimitExceededException",
      suite.burst(account, "ListStreamConsumers", 20, () => ({ StreamARN })),
      /^Rate exceeded for /,
    );
  });

  suite.needsActiveStream("ListStreamConsumers", (_, { arn }) => ({ StreamARN: arn }));
  suite.streamAddressing("ListStreamConsumers", () => ({}), { only: "StreamARN" });
});
