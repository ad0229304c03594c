import { expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, policyFor, refused, specify } = suite;

specify("DeleteResourcePolicy", () => {
  test("removes the policy", async () => {
    const account = newAccount();
    const { arn } = await account.stream();
    await account.call("PutResourcePolicy", { ResourceARN: arn, Policy: policyFor(arn) });
    await account.call("DeleteResourcePolicy", { ResourceARN: arn });
    expect((await account.call("GetResourcePolicy", { ResourceARN: arn })).Policy).toBe("{}");
  });

  test("refuses a resource that has none", async () => {
    const account = newAccount();
    const { arn } = await account.stream();
    await refused(
      "DeleteResourcePolicy",
      "ResourceNotFoundException",
      account.call("DeleteResourcePolicy", { ResourceARN: arn }),
    );
  });

  test("is limited to five calls a second for an account", async () => {
    const account = newAccount();
    const { arn } = await account.stream();
    await suite.meetsLimit(
      "DeleteResourcePolicy",
      "LimitExceededException",
      suite.burst(account, "DeleteResourcePolicy", 20, () => ({ ResourceARN: arn })),
      /^Rate exceeded for /,
    );
  });

  suite.refusesDeletingStream("DeleteResourcePolicy", async (account, { arn }) => {
    await account.call("PutResourcePolicy", { ResourceARN: arn, Policy: policyFor(arn) });
    return { ResourceARN: arn };
  });
  suite.resourceAddressing("DeleteResourcePolicy", async (account, arn) => {
    const known = arn !== "" && !arn.includes("none") && (await exists(account, arn));
    if (known) await account.call("PutResourcePolicy", { ResourceARN: arn, Policy: policyFor(arn) });
    return {};
  });
  suite.injectedErrors("DeleteResourcePolicy", async (account) => {
    const { arn } = await account.stream();
    await account.call("PutResourcePolicy", { ResourceARN: arn, Policy: policyFor(arn) });
    return { ResourceARN: arn };
  });
});

const exists = (account: suite.Account, ResourceARN: string): Promise<boolean> =>
  account.call("ListTagsForResource", { ResourceARN }).then(
    () => true,
    () => false,
  );
