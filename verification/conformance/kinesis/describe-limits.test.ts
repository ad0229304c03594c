import { expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, specify } = suite;

specify("DescribeLimits", () => {
  test("counts the open shards of the account and tells how many it may have", async () => {
    const account = newAccount();
    await account.stream({ ShardCount: 3 });
    const limits = await account.call("DescribeLimits");
    expect(limits.OpenShardCount).toBeGreaterThanOrEqual(3);
    expect(limits.ShardLimit).toBeGreaterThanOrEqual(limits.OpenShardCount);
    expect(limits.OnDemandStreamCount).toBeGreaterThanOrEqual(0);
    expect(limits.OnDemandStreamCountLimit).toBeGreaterThanOrEqual(1);
  });

  test("counts on-demand streams", async () => {
    const account = newAccount();
    await account.stream({ StreamModeDetails: { StreamMode: "ON_DEMAND" } });
    expect((await account.call("DescribeLimits")).OnDemandStreamCount).toBeGreaterThanOrEqual(1);
  });

  test("is limited to one call a second for an account", async () => {
    const account = newAccount();
    await suite.meetsLimit(
      "DescribeLimits",
      "LimitExceededException",
      suite.burst(account, "DescribeLimits", 10, () => ({})),
      suite.rateOfAccount(await account.id()),
    );
  });
});
