import { expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, refused, specify, unknownStream, until } = suite;

specify("DeleteStream", () => {
  test("makes the stream DELETING, and then nobody knows it", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    await account.call("DeleteStream", { StreamName: name });
    await until(`${name} is gone`, async () => {
      try {
        const { StreamDescriptionSummary } = await account.call("DescribeStreamSummary", {
          StreamName: name,
        });
        expect(StreamDescriptionSummary.StreamStatus).toBe("DELETING");
        return false;
      } catch (error) {
        expect((error as suite.CallError).code).toBe("ResourceNotFoundException");
        return true;
      }
    });
    await refused(
      "DeleteStream",
      "ResourceNotFoundException",
      account.call("DeleteStream", { StreamName: name }),
      unknownStream(name, await account.id()),
    );
  });

  test("leaves the name free for another stream, which has none of the records", async () => {
    const account = newAccount();
    const stream = await account.stream();
    await account.call("PutRecord", { StreamName: stream.name, Data: suite.utf8("old"), PartitionKey: "k" });
    await account.call("DeleteStream", { StreamName: stream.name });
    await until(`${stream.name} is gone`, () =>
      account.call("ListStreams").then(({ StreamNames }) => !StreamNames.includes(stream.name)),
    );
    const next = await account.stream({ StreamName: stream.name });
    expect(await suite.readShard(account, next)).toEqual([]);
  });

  test("makes the stream refuse records at once", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    await account.call("DeleteStream", { StreamName: name });
    await refused(
      "PutRecord",
      "ResourceNotFoundException",
      account.call("PutRecord", { StreamName: name, Data: suite.utf8("late"), PartitionKey: "k" }),
      unknownStream(name, await account.id()),
    );
  });

  test("refuses a stream that has consumers", async () => {
    const account = newAccount();
    const stream = await account.stream();
    await account.consumer(stream);
    await refused(
      "DeleteStream",
      "ResourceInUseException",
      account.call("DeleteStream", { StreamName: stream.name }),
    );
    await refused(
      "DeleteStream",
      "ResourceInUseException",
      account.call("DeleteStream", { StreamName: stream.name, EnforceConsumerDeletion: false }),
    );
  });

  test("takes the consumers along when told to", async () => {
    const account = newAccount();
    const stream = await account.stream();
    const ConsumerARN = await account.consumer(stream);
    await account.call("DeleteStream", { StreamName: stream.name, EnforceConsumerDeletion: true });
    await until("the consumer is gone", () =>
      account.call("DescribeStreamConsumer", { ConsumerARN }).then(
        () => false,
        (error: suite.CallError) => error.code === "ResourceNotFoundException",
      ),
    );
  });

  test("is limited to five calls a second for an account", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    await suite.meetsLimit(
      "DeleteStream",
      "LimitExceededException",
      suite.burst(account, "DeleteStream", 20, () => ({ StreamName: name })),
      /^Rate exceeded for /,
    );
  });

  suite.streamAddressing("DeleteStream", () => ({}));
  suite.injectedErrors("DeleteStream", async (account) => ({ StreamName: (await account.stream()).name }));
});
