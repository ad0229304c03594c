import { expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, specify } = suite;

specify("DescribeAccountSettings", () => {
  test("tells that an account without a commitment has none", async () => {
    const { MinimumThroughputBillingCommitment } = await newAccount().call("DescribeAccountSettings");
    expect(MinimumThroughputBillingCommitment?.Status ?? "DISABLED").toBe("DISABLED");
  });

  test("is limited to five calls a second for an account", async () => {
    const account = newAccount();
    await suite.meetsLimit(
      "DescribeAccountSettings",
      "LimitExceededException",
      suite.burst(account, "DescribeAccountSettings", 20, () => ({})),
      suite.rateOfAccount(await account.id()),
    );
  });
});
