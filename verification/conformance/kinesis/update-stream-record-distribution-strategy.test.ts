import { describe, expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, refused, specify, utf8, violates } = suite;

const onDemand = { StreamModeDetails: { StreamMode: "ON_DEMAND" } };
const strategy = (RecordDistributionStrategy: string) => ({ RecordDistributionStrategy });

specify("UpdateStreamRecordDistributionStrategy", () => {
  test("AUTO takes records without keys, and ignores those that come", async () => {
    const account = newAccount();
    const stream = await account.stream(onDemand);
    await account.call("UpdateStreamRecordDistributionStrategy", {
      StreamARN: stream.arn,
      ...strategy("AUTO"),
    });
    await account.settled(stream.name);
    const { StreamDescriptionSummary } = await account.call("DescribeStreamSummary", {
      StreamName: stream.name,
    });
    expect(StreamDescriptionSummary.RecordDistributionStrategy).toBe("AUTO");
    await account.call("PutRecords", {
      StreamName: stream.name,
      Records: suite.times(40, () => ({ Data: utf8("x") })),
    });
    const read = await Promise.all(
      suite.times(4, (index) => suite.readShard(account, stream, suite.shard(index))),
    );
    expect(read.flat()).toHaveLength(40);
    expect(read.flat().every(({ PartitionKey }) => PartitionKey === undefined)).toBe(true);
    expect(read.filter((records) => records.length > 0).length).toBeGreaterThan(1);
  });

  test("USER_PARTITION_KEY is what a stream begins with, and may go back to", async () => {
    const account = newAccount();
    const { name, arn } = await account.stream(onDemand);
    const now = async () => {
      const { StreamDescriptionSummary } = await account.call("DescribeStreamSummary", { StreamName: name });
      return StreamDescriptionSummary.RecordDistributionStrategy ?? "USER_PARTITION_KEY";
    };
    expect(await now()).toBe("USER_PARTITION_KEY");
    for (const next of ["AUTO", "USER_PARTITION_KEY"]) {
      await account.call("UpdateStreamRecordDistributionStrategy", { StreamARN: arn, ...strategy(next) });
      await account.settled(name);
      expect(await now()).toBe(next);
    }
  });

  test("AUTO is not for provisioned streams", async () => {
    const account = newAccount();
    const { arn } = await account.stream();
    await refused(
      "UpdateStreamRecordDistributionStrategy",
      "InvalidArgumentException",
      account.call("UpdateStreamRecordDistributionStrategy", { StreamARN: arn, ...strategy("AUTO") }),
    );
  });

  describe("validation", () => {
    test("a strategy is needed", async () => {
      const account = newAccount();
      await violates(
        "UpdateStreamRecordDistributionStrategy",
        account.call("UpdateStreamRecordDistributionStrategy", {
          StreamARN: await suite.arnOf(account, "none"),
        }),
        [suite.mustNotBeNull("recordDistributionStrategy")],
      );
    });

    test("a strategy is one of two", async () => {
      const account = newAccount();
      await suite.violatesValues(
        "UpdateStreamRecordDistributionStrategy",
        account.call("UpdateStreamRecordDistributionStrategy", {
          StreamARN: await suite.arnOf(account, "none"),
          ...strategy("RANDOM"),
        }),
        "recordDistributionStrategy",
        "RANDOM",
        ["AUTO", "USER_PARTITION_KEY"],
      );
    });
  });

  suite.needsActiveStream(
    "UpdateStreamRecordDistributionStrategy",
    (_, { arn }) => ({ StreamARN: arn, ...strategy("AUTO") }),
    onDemand,
  );
  suite.streamAddressing("UpdateStreamRecordDistributionStrategy", () => strategy("AUTO"), {
    only: "StreamARN",
    stream: onDemand,
  });
  suite.injectedErrors("UpdateStreamRecordDistributionStrategy", async (account) => ({
    StreamARN: (await account.stream(onDemand)).arn,
    ...strategy("AUTO"),
  }));
});
