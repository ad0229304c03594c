import { expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, shard, specify } = suite;

specify("DescribeStreamSummary", () => {
  test("tells about a stream without its shards", async () => {
    const account = newAccount();
    const { name, arn } = await account.stream({ ShardCount: 3 });
    const { StreamDescriptionSummary: summary } = await account.call("DescribeStreamSummary", {
      StreamName: name,
    });
    expect(summary).toMatchObject({
      StreamName: name,
      StreamARN: arn,
      StreamStatus: "ACTIVE",
      StreamModeDetails: { StreamMode: "PROVISIONED" },
      RetentionPeriodHours: 24,
      EnhancedMonitoring: [{ ShardLevelMetrics: [] }],
      EncryptionType: "NONE",
      OpenShardCount: 3,
      ConsumerCount: 0,
      MaxRecordSizeInKiB: 1024,
    });
    expect(summary).not.toHaveProperty("Shards");
  });

  test("counts open shards only", async () => {
    const account = newAccount();
    const { name } = await account.stream({ ShardCount: 2 });
    await account.call("MergeShards", {
      StreamName: name,
      ShardToMerge: shard(0),
      AdjacentShardToMerge: shard(1),
    });
    await account.settled(name);
    const { StreamDescriptionSummary } = await account.call("DescribeStreamSummary", { StreamName: name });
    expect(StreamDescriptionSummary.OpenShardCount).toBe(1);
  });

  test("counts consumers", async () => {
    const account = newAccount();
    const stream = await account.stream();
    await account.consumer(stream);
    const { StreamDescriptionSummary } = await account.call("DescribeStreamSummary", {
      StreamName: stream.name,
    });
    expect(StreamDescriptionSummary.ConsumerCount).toBe(1);
  });

  test("is limited to twenty calls a second for an account", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    await suite.meetsLimit(
      "DescribeStreamSummary",
      "LimitExceededException",
      suite.burst(account, "DescribeStreamSummary", 70, () => ({ StreamName: name })),
      /^Rate exceeded for /,
    );
  });

  suite.streamAddressing("DescribeStreamSummary", () => ({}));
  suite.injectedErrors("DescribeStreamSummary", async (account) => ({
    StreamName: (await account.stream()).name,
  }));
});
