import { expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, refused, specify, timed, violates } = suite;

const onDemand = { StreamModeDetails: { StreamMode: "ON_DEMAND" } };
const warm = { WarmThroughputMiBps: 10 };

/** Warm throughput belongs to accounts that committed themselves to a minimum. */
async function committed(): Promise<suite.Account> {
  const account = newAccount();
  await commit(account);
  return account;
}

const commit = (account: suite.Account) =>
  account.call("UpdateAccountSettings", { MinimumThroughputBillingCommitment: { Status: "ENABLED" } });

specify("UpdateStreamWarmThroughput", () => {
  timed("prepares a stream for a throughput, with shards enough for it", async () => {
    const account = await committed();
    const { name, arn } = await account.stream(onDemand);
    const answer = await account.call("UpdateStreamWarmThroughput", { StreamName: name, ...warm });
    expect(answer).toMatchObject({ StreamName: name, StreamARN: arn, WarmThroughput: { TargetMiBps: 10 } });
    await account.settled(name);
    const { StreamDescriptionSummary: summary } = await account.call("DescribeStreamSummary", {
      StreamName: name,
    });
    expect(summary.WarmThroughput).toEqual({ TargetMiBps: 10, CurrentMiBps: 10 });
    expect(summary.OpenShardCount).toBeGreaterThanOrEqual(10);
  });

  test("is not for provisioned streams", async () => {
    const account = newAccount();
    const { name } = await account.stream();
    await refused(
      "UpdateStreamWarmThroughput",
      "InvalidArgumentException",
      account.call("UpdateStreamWarmThroughput", { StreamName: name, ...warm }),
    );
  });

  test("needs to be told the throughput, which is not negative", async () => {
    await violates(
      "UpdateStreamWarmThroughput",
      newAccount().call("UpdateStreamWarmThroughput", { StreamName: "none" }),
      [suite.mustNotBeNull("warmThroughputMiBps")],
    );
    await violates(
      "UpdateStreamWarmThroughput",
      newAccount().call("UpdateStreamWarmThroughput", { StreamName: "none", WarmThroughputMiBps: -1 }),
      [suite.tooSmall("warmThroughputMiBps", -1, 0)],
    );
  });

  test("is limited to five calls a second for an account", async () => {
    const account = newAccount();
    const { name } = await account.stream(onDemand);
    await suite.meetsLimit(
      "UpdateStreamWarmThroughput",
      "LimitExceededException",
      suite.burst(account, "UpdateStreamWarmThroughput", 20, () => ({ StreamName: name, ...warm })),
      /^Rate exceeded for /,
    );
  });

  suite.needsActiveStream(
    "UpdateStreamWarmThroughput",
    async (account, { name }) => {
      await commit(account);
      return { StreamName: name, ...warm };
    },
    onDemand,
  );

  suite.streamAddressing(
    "UpdateStreamWarmThroughput",
    async (account) => {
      await commit(account);
      return warm;
    },
    { stream: onDemand, restOfUnknown: warm },
  );
  suite.injectedErrors("UpdateStreamWarmThroughput", async (account) => {
    await commit(account);
    return { StreamName: (await account.stream(onDemand)).name, ...warm };
  });
});
