import { describe, expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, shardLevelMetrics, specify, violates } = suite;

const metrics = { ShardLevelMetrics: ["IncomingBytes"] };

specify("DisableEnhancedMonitoring", () => {
  test("removes metrics, and tells those before and after", async () => {
    const account = newAccount();
    const { name, arn } = await account.stream();
    await account.call("EnableEnhancedMonitoring", {
      StreamName: name,
      ShardLevelMetrics: ["IncomingBytes", "OutgoingBytes"],
    });
    await account.settled(name);
    const answer = await account.call("DisableEnhancedMonitoring", { StreamName: name, ...metrics });
    expect(answer).toMatchObject({
      StreamName: name,
      StreamARN: arn,
      DesiredShardLevelMetrics: ["OutgoingBytes"],
    });
    expect(answer.CurrentShardLevelMetrics.toSorted()).toEqual(["IncomingBytes", "OutgoingBytes"]);
    await account.settled(name);
    const { StreamDescriptionSummary } = await account.call("DescribeStreamSummary", { StreamName: name });
    expect(StreamDescriptionSummary.EnhancedMonitoring).toEqual([{ ShardLevelMetrics: ["OutgoingBytes"] }]);
  });

  test("ALL stands for each of the seven", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    await account.call("EnableEnhancedMonitoring", { StreamName: name, ShardLevelMetrics: ["ALL"] });
    await account.settled(name);
    const answer = await account.call("DisableEnhancedMonitoring", {
      StreamName: name,
      ShardLevelMetrics: ["ALL"],
    });
    expect(answer.CurrentShardLevelMetrics.toSorted()).toEqual(shardLevelMetrics);
    expect(answer.DesiredShardLevelMetrics).toEqual([]);
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
        "DisableEnhancedMonitoring",
        newAccount().call("DisableEnhancedMonitoring", { StreamName: "none", ...input }),
        expected,
      );
    });

    test("metrics have names that the service knows", async () => {
      await suite.refused(
        "DisableEnhancedMonitoring",
        "ValidationException",
        newAccount().call("DisableEnhancedMonitoring", {
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
      "DisableEnhancedMonitoring",
      "LimitExceededException",
      suite.burst(account, "DisableEnhancedMonitoring", 20, () => ({ StreamName: name, ...metrics })),
      suite.rateOfStream(name, await account.id()),
    );
  });

  suite.needsActiveStream("DisableEnhancedMonitoring", (_, { name }) => ({ StreamName: name, ...metrics }));
  suite.streamAddressing("DisableEnhancedMonitoring", () => metrics);
  suite.injectedErrors("DisableEnhancedMonitoring", async (account) => ({
    StreamName: (await account.stream()).name,
    ...metrics,
  }));
});
