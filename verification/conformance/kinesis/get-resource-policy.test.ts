import { expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, policyFor, specify } = suite;

specify("GetResourcePolicy", () => {
  test("answers the policy that was put", async () => {
    const account = newAccount();
    const { arn } = await account.stream();
    await account.call("PutResourcePolicy", { ResourceARN: arn, Policy: policyFor(arn) });
    const { Policy } = await account.call("GetResourcePolicy", { ResourceARN: arn });
    expect(JSON.parse(Policy)).toEqual(JSON.parse(policyFor(arn)));
  });

  test("answers an empty policy where none was put", async () => {
    const account = newAccount();
    const { arn } = await account.stream();
    expect(await account.call("GetResourcePolicy", { ResourceARN: arn })).toEqual({ Policy: "{}" });
  });

  test("is limited to five calls a second for an account", async () => {
    const account = newAccount();
    const { arn } = await account.stream();
    await suite.meetsLimit(
      "GetResourcePolicy",
      "LimitExceededException",
      suite.burst(account, "GetResourcePolicy", 20, () => ({ ResourceARN: arn })),
      /^Rate exceeded for /,
    );
  });

  suite.resourceAddressing("GetResourcePolicy", () => ({}));
  suite.injectedErrors("GetResourcePolicy", async (account) => ({
    ResourceARN: (await account.stream()).arn,
  }));
});
