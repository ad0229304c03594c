import { expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, refused, specify } = suite;

specify("IncreaseStreamRetentionPeriod", () => {
  test("keeps records for longer", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    await account.call("IncreaseStreamRetentionPeriod", { StreamName: name, RetentionPeriodHours: 48 });
    await account.settled(name);
    const { StreamDescriptionSummary } = await account.call("DescribeStreamSummary", { StreamName: name });
    expect(StreamDescriptionSummary.RetentionPeriodHours).toBe(48);
  });

  test("up to a year", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    await account.call("IncreaseStreamRetentionPeriod", { StreamName: name, RetentionPeriodHours: 8760 });
    await account.settled(name);
    await refused(
      "IncreaseStreamRetentionPeriod",
      "InvalidArgumentException",
      account.call("IncreaseStreamRetentionPeriod", { StreamName: name, RetentionPeriodHours: 8761 }),
      "Maximum allowed retention period is 8760 hours. Requested retention period (8761 hours) is too long.",
    );
  });

  suite.timed("records that would have expired stay, those that have do not come back", async (advance) => {
    const account = newAccount();
    const stream = await account.stream();
    const put = (text: string) =>
      account.call("PutRecord", { StreamName: stream.name, Data: suite.utf8(text), PartitionKey: "k" });
    await put("gone");
    await advance(20 * 3_600_000);
    await put("kept");
    await advance(5 * 3_600_000);
    await account.call("IncreaseStreamRetentionPeriod", {
      StreamName: stream.name,
      RetentionPeriodHours: 72,
    });
    await account.settled(stream.name);
    await advance(30 * 3_600_000);
    const read = await suite.readShard(account, stream);
    expect(read.map(({ Data }) => suite.text(Data))).toEqual(["kept"]);
  });

  test("does not shorten", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    await account.call("IncreaseStreamRetentionPeriod", { StreamName: name, RetentionPeriodHours: 48 });
    await account.settled(name);
    await refused(
      "IncreaseStreamRetentionPeriod",
      "InvalidArgumentException",
      account.call("IncreaseStreamRetentionPeriod", { StreamName: name, RetentionPeriodHours: 47 }),
      `Requested retention period (47 hours) for stream ${name} can not be shorter than existing retention period (48 hours). Use DecreaseRetentionPeriod API.`,
    );
  });

  test("is a day at least", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    await refused(
      "IncreaseStreamRetentionPeriod",
      "InvalidArgumentException",
      account.call("IncreaseStreamRetentionPeriod", { StreamName: name, RetentionPeriodHours: 23 }),
      "Minimum allowed retention period is 24 hours. Requested retention period (23 hours) is too short.",
    );
  });

  test("needs to be told the hours", async () => {
    await suite.violates(
      "IncreaseStreamRetentionPeriod",
      newAccount().call("IncreaseStreamRetentionPeriod", { StreamName: "none" }),
      [suite.mustNotBeNull("retentionPeriodHours")],
    );
  });

  test("is limited to five calls a second for a stream", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    await suite.meetsLimit(
      "IncreaseStreamRetentionPeriod",
      "LimitExceededException",
      suite.burst(account, "IncreaseStreamRetentionPeriod", 20, (index) => ({
        StreamName: name,
        RetentionPeriodHours: 25 + index,
      })),
      suite.rateOfStream(name, await account.id()),
    );
  });

  const hours = { RetentionPeriodHours: 48 };
  suite.needsActiveStream("IncreaseStreamRetentionPeriod", (_, { name }) => ({ StreamName: name, ...hours }));
  suite.streamAddressing("IncreaseStreamRetentionPeriod", () => hours);
  suite.injectedErrors("IncreaseStreamRetentionPeriod", async (account) => ({
    StreamName: (await account.stream()).name,
    ...hours,
  }));
});
