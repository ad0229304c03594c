import { describe, expect, test } from "vitest";
import * as suite from "../src/suite.ts";

const { newAccount, policyFor, refused, specify, violates } = suite;

specify("PutResourcePolicy", () => {
  test("keeps the policy of a stream until another one comes", async () => {
    const account = newAccount();
    const { arn } = await account.stream();
    const policy = policyFor(arn);
    await account.call("PutResourcePolicy", { ResourceARN: arn, Policy: policy });
    const first = await account.call("GetResourcePolicy", { ResourceARN: arn });
    expect(JSON.parse(first.Policy)).toEqual(JSON.parse(policy));
    const other = policy.replace("Readers", "Others");
    await account.call("PutResourcePolicy", { ResourceARN: arn, Policy: other });
    const second = await account.call("GetResourcePolicy", { ResourceARN: arn });
    expect(JSON.parse(second.Policy)).toEqual(JSON.parse(other));
  });

  test("keeps the policy of a consumer apart from that of its stream", async () => {
    const account = newAccount();
    const stream = await account.stream();
    const consumer = await account.consumer(stream);
    await account.call("PutResourcePolicy", { ResourceARN: consumer, Policy: policyFor(consumer) });
    const ofConsumer = await account.call("GetResourcePolicy", { ResourceARN: consumer });
    expect(JSON.parse(ofConsumer.Policy)).toEqual(JSON.parse(policyFor(consumer)));
    const ofStream = await account.call("GetResourcePolicy", { ResourceARN: stream.arn });
    expect(ofStream.Policy).toBe("{}");
  });

  test.each(["", "not json", "[]", '"text"'])("refuses a policy that is no policy: %j", async (Policy) => {
    const account = newAccount();
    const { arn } = await account.stream();
    await refused(
      "PutResourcePolicy",
      "InvalidArgumentException",
      account.call("PutResourcePolicy", { ResourceARN: arn, Policy }),
    );
  });

  describe("validation", () => {
    test("a policy is needed", async () => {
      const account = newAccount();
      await violates(
        "PutResourcePolicy",
        account.call("PutResourcePolicy", { ResourceARN: await suite.arnOf(account, "none") }),
        [suite.mustNotBeNull("policy")],
      );
    });
  });

  test("is limited to five calls a second for an account", async () => {
    const account = newAccount();
    const { arn } = await account.stream();
    await suite.meetsLimit(
      "PutResourcePolicy",
      "LimitExceededException",
      suite.burst(account, "PutResourcePolicy", 20, () => ({ ResourceARN: arn, Policy: policyFor(arn) })),
      /^Rate exceeded for /,
    );
  });

  suite.refusesDeletingStream("PutResourcePolicy", (_, { arn }) => ({
    ResourceARN: arn,
    Policy: policyFor(arn),
  }));
  suite.resourceAddressing("PutResourcePolicy", (_, arn) => ({ Policy: policyFor(arn) }));
  suite.injectedErrors("PutResourcePolicy", async (account) => {
    const { arn } = await account.stream();
    return { ResourceARN: arn, Policy: policyFor(arn) };
  });
});
