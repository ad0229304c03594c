import { expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, refused, specify } = suite;

const lengthened = async (hours: number) => {
  const account = newAccount();
  const stream = await account.stream();
  await account.call("IncreaseStreamRetentionPeriod", {
    StreamName: stream.name,
    RetentionPeriodHours: hours,
  });
  await account.settled(stream.name);
  return { account, stream };
};

specify("DecreaseStreamRetentionPeriod", () => {
  test("keeps records for a shorter time", async () => {
    const { account, stream } = await lengthened(72);
    await account.call("DecreaseStreamRetentionPeriod", {
      StreamName: stream.name,
      RetentionPeriodHours: 30,
    });
    await account.settled(stream.name);
    const { StreamDescriptionSummary } = await account.call("DescribeStreamSummary", {
      StreamName: stream.name,
    });
    expect(StreamDescriptionSummary.RetentionPeriodHours).toBe(30);
  });

  suite.timed("records older than that are gone at once, for good", async (advance) => {
    const { account, stream } = await lengthened(72);
    const put = (text: string) =>
      account.call("PutRecord", { StreamName: stream.name, Data: suite.utf8(text), PartitionKey: "k" });
    await put("old");
    await advance(40 * 3_600_000);
    await put("young");
    await account.call("DecreaseStreamRetentionPeriod", {
      StreamName: stream.name,
      RetentionPeriodHours: 24,
    });
    await account.settled(stream.name);
    const texts = async () => (await suite.readShard(account, stream)).map(({ Data }) => suite.text(Data));
    expect(await texts()).toEqual(["young"]);
    await account.call("IncreaseStreamRetentionPeriod", {
      StreamName: stream.name,
      RetentionPeriodHours: 72,
    });
    await account.settled(stream.name);
    expect(await texts()).toEqual(["young"]);
  });

  test("does not lengthen", async () => {
    const { account, stream } = await lengthened(48);
    await refused(
      "DecreaseStreamRetentionPeriod",
      "InvalidArgumentException",
      account.call("DecreaseStreamRetentionPeriod", { StreamName: stream.name, RetentionPeriodHours: 49 }),
      `Requested retention period (49 hours) for stream ${stream.name} can not be longer than existing retention period (48 hours). Use IncreaseRetentionPeriod API.`,
    );
  });

  test("is a day at least", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    await refused(
      "DecreaseStreamRetentionPeriod",
      "InvalidArgumentException",
      account.call("DecreaseStreamRetentionPeriod", { StreamName: name, RetentionPeriodHours: 23 }),
      "Minimum allowed retention period is 24 hours. Requested retention period (23 hours) is too short.",
    );
  });

  test("needs to be told the hours", async () => {
    await suite.violates(
      "DecreaseStreamRetentionPeriod",
      newAccount().call("DecreaseStreamRetentionPeriod", { StreamName: "none" }),
      [suite.mustNotBeNull("retentionPeriodHours")],
    );
  });

  test("is limited to five calls a second for a stream", async () => {
    const { account, stream } = await lengthened(200);
    await suite.meetsLimit(
      "DecreaseStreamRetentionPeriod",
      "LimitExceededException",
      suite.burst(account, "DecreaseStreamRetentionPeriod", 20, (index) => ({
        StreamName: stream.name,
        RetentionPeriodHours: 199 - index,
      })),
      suite.rateOfStream(stream.name, await account.id()),
    );
  });

  const hours = { RetentionPeriodHours: 24 };
  suite.needsActiveStream("DecreaseStreamRetentionPeriod", (_, { name }) => ({ StreamName: name, ...hours }));
  suite.streamAddressing("DecreaseStreamRetentionPeriod", () => hours);
  suite.injectedErrors("DecreaseStreamRetentionPeriod", async (account) => ({
    StreamName: (await account.stream()).name,
    ...hours,
  }));
});
