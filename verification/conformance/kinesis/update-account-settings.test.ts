import { describe, expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, specify, timed, violates } = suite;

const commitment = (Status: string) => ({ MinimumThroughputBillingCommitment: { Status } });

specify("UpdateAccountSettings", () => {
  // An account of one's own at AWS would be billed for a day: these cases run where time can be moved.
  timed("enables the commitment, with the time from which it may end", async () => {
    const account = newAccount();
    const answer = await account.call("UpdateAccountSettings", commitment("ENABLED"));
    const enabled = answer.MinimumThroughputBillingCommitment;
    expect(enabled.Status).toBe("ENABLED");
    expect(enabled.StartedAt).toBeInstanceOf(Date);
    expect(enabled.EarliestAllowedEndAt.getTime() - enabled.StartedAt.getTime()).toBeGreaterThanOrEqual(
      24 * 3_600_000,
    );
    const { MinimumThroughputBillingCommitment } = await account.call("DescribeAccountSettings");
    expect(MinimumThroughputBillingCommitment.Status).toBe("ENABLED");
  });

  timed("ends the commitment no earlier than that", async (advance) => {
    const account = newAccount();
    await account.call("UpdateAccountSettings", commitment("ENABLED"));
    const ending = await account.call("UpdateAccountSettings", commitment("DISABLED"));
    expect(ending.MinimumThroughputBillingCommitment.Status).toBe("ENABLED_UNTIL_EARLIEST_ALLOWED_END");
    await advance(25 * 3_600_000);
    const { MinimumThroughputBillingCommitment } = await account.call("DescribeAccountSettings");
    expect(MinimumThroughputBillingCommitment.Status).toBe("DISABLED");
  });

  timed("does not end the commitment while a stream has a warm throughput", async () => {
    const account = newAccount();
    await account.call("UpdateAccountSettings", commitment("ENABLED"));
    await account.stream({ StreamModeDetails: { StreamMode: "ON_DEMAND" }, WarmThroughputMiBps: 10 });
    await suite.refused(
      "UpdateAccountSettings",
      "InvalidArgumentException",
      account.call("UpdateAccountSettings", commitment("DISABLED")),
    );
  });

  timed("is limited to five calls a second for an account", async () => {
    const account = newAccount();
    await suite.meetsLimit(
      "UpdateAccountSettings",
      "LimitExceededException",
      suite.burst(account, "UpdateAccountSettings", 20, () => commitment("ENABLED")),
      suite.rateOfAccount(await account.id()),
    );
  });

  describe("validation", () => {
    test("a commitment is needed", async () => {
      await violates("UpdateAccountSettings", newAccount().call("UpdateAccountSettings", {}), [
        suite.mustNotBeNull("minimumThroughputBillingCommitment"),
      ]);
    });

    test("a status is one of two", async () => {
      await suite.violatesValues(
        "UpdateAccountSettings",
        newAccount().call("UpdateAccountSettings", commitment("PERHAPS")),
        "minimumThroughputBillingCommitment.status",
        "PERHAPS",
        ["ENABLED", "DISABLED"],
      );
    });
  });
});
