import { expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, refused, specify, until } = suite;

specify("DeregisterStreamConsumer", () => {
  test.each(["its ARN", "its stream and its name"])("removes a consumer by %s", async (way) => {
    const account = newAccount();
    const stream = await account.stream();
    const ConsumerARN = await account.consumer(stream, "consumer");
    await account.call(
      "DeregisterStreamConsumer",
      way === "its ARN" ? { ConsumerARN } : { StreamARN: stream.arn, ConsumerName: "consumer" },
    );
    await until("the consumer is gone", () =>
      account.call("DescribeStreamConsumer", { ConsumerARN }).then(
        ({ ConsumerDescription }) => {
          expect(ConsumerDescription.ConsumerStatus).toBe("DELETING");
          return false;
        },
        (error: suite.CallError) => error.code === "ResourceNotFoundException",
      ),
    );
    const { StreamDescriptionSummary } = await account.call("DescribeStreamSummary", {
      StreamName: stream.name,
    });
    expect(StreamDescriptionSummary.ConsumerCount).toBe(0);
  });

  test("leaves the name free for another consumer with an ARN of its own", async () => {
    const account = newAccount();
    const stream = await account.stream();
    const first = await account.consumer(stream, "again");
    await account.call("DeregisterStreamConsumer", { ConsumerARN: first });
    await until("the consumer is gone", () =>
      account
        .call("ListStreamConsumers", { StreamARN: stream.arn })
        .then(({ Consumers }) => Consumers.length === 0),
    );
    // ARNs tell registrations apart by the second.
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    expect(await account.consumer(stream, "again")).not.toBe(first);
  });

  test("refuses a consumer that nobody knows", async () => {
    const account = newAccount();
    const { arn } = await account.stream();
    await refused(
      "DeregisterStreamConsumer",
      "ResourceNotFoundException",
      account.call("DeregisterStreamConsumer", { StreamARN: arn, ConsumerName: "none" }),
    );
    await refused(
      "DeregisterStreamConsumer",
      "ResourceNotFoundException",
      account.call("DeregisterStreamConsumer", {
        StreamARN: await suite.arnOf(account, "none"),
        ConsumerName: "c",
      }),
    );
  });

  test("needs a name with its stream, or an ARN", async () => {
    const account = newAccount();
    const { arn } = await account.stream();
    for (const input of [{}, { ConsumerName: "consumer" }, { StreamARN: arn }]) {
      await refused(
        "DeregisterStreamConsumer",
        "InvalidArgumentException",
        account.call("DeregisterStreamConsumer", input),
      );
    }
  });

  test("needs an ARN that looks like one", async () => {
    await suite.violates(
      "DeregisterStreamConsumer",
      newAccount().call("DeregisterStreamConsumer", { ConsumerARN: "x" }),
      [suite.offPattern("consumerARN", "x", suite.patterns.consumerARN)],
    );
  });

  test("is limited to five calls a second for a stream", async () => {
    const account = newAccount();
    const ConsumerARN = await account.consumer(await account.stream());
    await suite.meetsLimit(
      "DeregisterStreamConsumer",
      "LimitExceededException",
      suite.burst(account, "DeregisterStreamConsumer", 20, () => ({ ConsumerARN })),
      /^Rate exceeded for /,
    );
  });
});
