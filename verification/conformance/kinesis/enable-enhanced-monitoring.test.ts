import { describe, expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, shardLevelMetrics, specify, violates } = suite;

const metrics = { ShardLevelMetrics: ["IncomingBytes"] };

specify("EnableEnhancedMonitoring", () => {
  test("adds metrics, and tells those before and after", async () => {
    const account = newAccount();
    const { name, arn } = await account.stream();
    const first = await account.call("EnableEnhancedMonitoring", { StreamName: name, ...metrics });
    expect(first).toEqual({
      StreamName: name,
      StreamARN: arn,
      CurrentShardLevelMetrics: [],
      DesiredShardLevelMetrics: ["IncomingBytes"],
    });
    await account.settled(name);
    const second = await account.call("EnableEnhancedMonitoring", {
      StreamName: name,
      ShardLevelMetrics: ["OutgoingRecords", "IncomingBytes"],
    });
    expect(second.CurrentShardLevelMetrics).toEqual(["IncomingBytes"]);
    expect(second.DesiredShardLevelMetrics.toSorted()).toEqual(["IncomingBytes", "OutgoingRecords"]);
    await account.settled(name);
    const { StreamDescription } = await account.call("DescribeStream", { StreamName: name });
    expect(StreamDescription.EnhancedMonitoring[0]?.ShardLevelMetrics.toSorted()).toEqual([
      "IncomingBytes",
      "OutgoingRecords",
    ]);
  });

  test("ALL stands for each of the seven", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    const answer = await account.call("EnableEnhancedMonitoring", {
      StreamName: name,
      ShardLevelMetrics: ["ALL"],
    });
    expect(answer.DesiredShardLevelMetrics.toSorted()).toEqual(shardLevelMetrics);
  });

  describe("validation", () => {
    test.each([
      { rule: "metrics are needed", input: {}, expected: [suite.mustNotBeNull("shardLevelMetrics")] },
      {
        rule: "there is at least one metric",
        input: { ShardLevelMetrics: [] },
        expected: [suite.tooShort("shardLevelMetrics", "[]", 1)],
      },
    ])("$rule", async ({ input, expected }) => {
      await violates(
        "EnableEnhancedMonitoring",
        newAccount().call("EnableEnhancedMonitoring", { StreamName: "none", ...input }),
        expected,
      );
    });

    test("metrics have names that the service knows", async () => {
      await suite.refused(
        "EnableEnhancedMonitoring",
        "ValidationException",
        newAccount().call("EnableEnhancedMonitoring", {
          StreamName: "none",
          ShardLevelMetrics: ["Temperature"],
        }),
        /^1 validation error detected: Value '\[Temperature\]' at 'shardLevelMetrics' failed to satisfy constraint: Member must satisfy constraint: \[Member must satisfy enum value set: \[/,
      );
    });
  });

  test("is limited to five calls a second for a stream", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    await suite.meetsLimit(
      "EnableEnhancedMonitoring",
      "LimitExceededException",
      suite.burst(account, "EnableEnhancedMonitoring", 20, () => ({ StreamName: name, ...metrics })),
      suite.rateOfStream(name, await account.id()),
    );
  });

  suite.needsActiveStream("EnableEnhancedMonitoring", (_, { name }) => ({ StreamName: name, ...metrics }));
  suite.streamAddressing("EnableEnhancedMonitoring", () => metrics);
  suite.injectedErrors("EnableEnhancedMonitoring", async (account) => ({
    StreamName: (await account.stream()).name,
    ...metrics,
  }));
});
