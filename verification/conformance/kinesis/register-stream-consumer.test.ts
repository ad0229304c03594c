import { describe, expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, patiently, refused, specify, times, uniqueName, violates } = suite;

const consumer = { ConsumerName: "consumer" };

specify("RegisterStreamConsumer", () => {
  test("makes a consumer that is CREATING first and ACTIVE soon", async () => {
    const account = newAccount();
    const { name, arn } = await account.stream();
    const { Consumer } = await account.call("RegisterStreamConsumer", { StreamARN: arn, ...consumer });
    expect(Consumer).toMatchObject({ ConsumerName: "consumer", ConsumerStatus: "CREATING" });
    expect(Consumer.ConsumerCreationTimestamp).toBeInstanceOf(Date);
    const seconds = Math.floor(Consumer.ConsumerCreationTimestamp.getTime() / 1000);
    expect(Consumer.ConsumerARN).toBe(`${arn}/consumer/consumer:${seconds}`);
    await suite.until("the consumer is ACTIVE", async () => {
      const { ConsumerDescription } = await account.call("DescribeStreamConsumer", {
        ConsumerARN: Consumer.ConsumerARN,
      });
      return ConsumerDescription.ConsumerStatus === "ACTIVE";
    });
    const { StreamDescriptionSummary } = await account.call("DescribeStreamSummary", { StreamName: name });
    expect(StreamDescriptionSummary.ConsumerCount).toBe(1);
  });

  test("attaches the tags that come with it", async () => {
    const account = newAccount();
    const { arn } = await account.stream();
    const { Consumer } = await account.call("RegisterStreamConsumer", {
      StreamARN: arn,
      ...consumer,
      Tags: { team: "blue" },
    });
    const { Tags } = await patiently(() =>
      account.call("ListTagsForResource", { ResourceARN: Consumer.ConsumerARN }),
    );
    expect(Tags).toEqual([{ Key: "team", Value: "blue" }]);
  });

  test("refuses tags with characters that no tag has", async () => {
    const account = newAccount();
    const { arn } = await account.stream();
    await refused(
      "RegisterStreamConsumer",
      "InvalidArgumentException",
      account.call("RegisterStreamConsumer", { StreamARN: arn, ...consumer, Tags: { "a;b": "" } }),
    );
  });

  test("refuses a name that the stream has already", async () => {
    const account = newAccount();
    const stream = await account.stream();
    await account.consumer(stream, "taken");
    await refused(
      "RegisterStreamConsumer",
      "ResourceInUseException",
      account.call("RegisterStreamConsumer", { StreamARN: stream.arn, ConsumerName: "taken" }),
    );
  });

  test("takes the same name on another stream", async () => {
    const account = newAccount();
    const [one, other] = [await account.stream(), await account.stream()];
    await account.consumer(one, "same");
    await account.consumer(other, "same");
  });

  test("takes twenty consumers for a stream and no more", async () => {
    const account = newAccount();
    const stream = await account.stream();
    for (let index = 0; index < 20; index++) await account.consumer(stream);
    // Wait until the rate of calls is not what is refused.
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await refused(
      "RegisterStreamConsumer",
      "LimitExceededException",
      account.call("RegisterStreamConsumer", { StreamARN: stream.arn, ...consumer }),
    );
  });

  test("is limited to five calls a second and to five consumers being created, for a stream", async () => {
    const account = newAccount();
    const { arn } = await account.stream();
    const { accepted } = await suite.meetsLimit(
      "RegisterStreamConsumer",
      "LimitExceededException",
      times(15, () => account.call("RegisterStreamConsumer", { StreamARN: arn, ConsumerName: uniqueName() })),
      /./,
    );
    expect(accepted).toBeGreaterThanOrEqual(1);
    expect(accepted).toBeLessThan(12);
  });

  describe("validation", () => {
    test("a name is needed", async () => {
      const account = newAccount();
      await violates(
        "RegisterStreamConsumer",
        account.call("RegisterStreamConsumer", { StreamARN: await suite.arnOf(account, "none") }),
        [suite.mustNotBeNull("consumerName")],
      );
    });

    test.each([
      {
        rule: "a name has the characters of one",
        ConsumerName: "a b",
        expected: [suite.offPattern("consumerName", "a b", suite.patterns.name)],
      },
      {
        rule: "a name has at most 128 characters",
        ConsumerName: "c".repeat(129),
        expected: [suite.tooLong("consumerName", "c".repeat(129), 128)],
      },
    ])("$rule", async ({ ConsumerName, expected }) => {
      const account = newAccount();
      await violates(
        "RegisterStreamConsumer",
        account.call("RegisterStreamConsumer", {
          StreamARN: await suite.arnOf(account, "none"),
          ConsumerName,
        }),
        expected,
      );
    });
  });

  suite.streamAddressing("RegisterStreamConsumer", () => consumer, { only: "StreamARN" });
  suite.injectedErrors("RegisterStreamConsumer", async (account) => ({
    StreamARN: (await account.stream()).arn,
    ...consumer,
  }));
});
