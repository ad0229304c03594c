import { describe, expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, refused, specify, violates } = suite;

specify("DescribeStreamConsumer", () => {
  test.each(["its ARN", "its stream and its name"])("finds a consumer by %s", async (way) => {
    const account = newAccount();
    const stream = await account.stream();
    const ConsumerARN = await account.consumer(stream, "consumer");
    const input = way === "its ARN" ? { ConsumerARN } : { StreamARN: stream.arn, ConsumerName: "consumer" };
    const { ConsumerDescription } = await account.call("DescribeStreamConsumer", input);
    expect(ConsumerDescription).toEqual({
      ConsumerName: "consumer",
      ConsumerARN,
      ConsumerStatus: "ACTIVE",
      ConsumerCreationTimestamp: expect.any(Date) as Date,
      StreamARN: stream.arn,
    });
  });

  test("refuses a consumer that the stream does not have", async () => {
    const account = newAccount();
    const { arn } = await account.stream();
    for (const input of [
      { StreamARN: arn, ConsumerName: "none" },
      { ConsumerARN: `${arn}/consumer/none:1700000000` },
    ]) {
      await refused(
        "DescribeStreamConsumer",
        "ResourceNotFoundException",
        account.call("DescribeStreamConsumer", input),
      );
    }
  });

  test("refuses a consumer of a stream that nobody knows", async () => {
    const account = newAccount();
    await refused(
      "DescribeStreamConsumer",
      "ResourceNotFoundException",
      account.call("DescribeStreamConsumer", {
        StreamARN: await suite.arnOf(account, "none"),
        ConsumerName: "consumer",
      }),
    );
  });

  test("refuses the ARN of a consumer that was registered at another time", async () => {
    const account = newAccount();
    const arn = await account.consumer(await account.stream(), "consumer");
    await refused(
      "DescribeStreamConsumer",
      "ResourceNotFoundException",
      account.call("DescribeStreamConsumer", { ConsumerARN: arn.replace(/\d+$/, "1000000000") }),
    );
  });

  test.each([{}, { ConsumerName: "consumer" }])(
    "needs a name with its stream, or an ARN: %j",
    async (input) => {
      await refused(
        "DescribeStreamConsumer",
        "InvalidArgumentException",
        newAccount().call("DescribeStreamConsumer", input),
      );
    },
  );

  describe("validation", () => {
    test("an ARN looks like one", async () => {
      await violates(
        "DescribeStreamConsumer",
        newAccount().call("DescribeStreamConsumer", { ConsumerARN: "x" }),
        [suite.offPattern("consumerARN", "x", suite.patterns.consumerARN)],
      );
    });
  });

  test("is limited to twenty calls a second for a stream", async () => {
    const account = newAccount();
    const ConsumerARN = await account.consumer(await account.stream());
    await suite.meetsLimit(
      "DescribeStreamConsumer",
      "LimitExceededException",
      suite.burst(account, "DescribeStreamConsumer", 70, () => ({ ConsumerARN })),
      /^Rate exceeded for /,
    );
  });
});
