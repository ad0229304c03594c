import { AssumeRoleCommand, GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { describe, expect, test } from "vitest";
import { refused, tokens } from "../src/side-clients.ts";

const RoleArn = "arn:aws:iam::444455556666:role/path/consumer";

describe("AssumeRole", () => {
  test("gives credentials of the role's account, for as long as was asked for", async () => {
    const askedMs = Date.now();
    const answer = await tokens().send(
      new AssumeRoleCommand({ RoleArn, RoleSessionName: "me", DurationSeconds: 900 }),
    );
    expect(answer.AssumedRoleUser?.Arn).toBe("arn:aws:sts::444455556666:assumed-role/consumer/me");
    expect(answer.Credentials?.Expiration?.getTime()).toBeGreaterThanOrEqual(askedMs + 899_000);
    const { Account } = await tokens(answer.Credentials?.AccessKeyId).send(new GetCallerIdentityCommand({}));
    expect(Account).toBe("444455556666");
  });

  test("what is no role, and a session that is too short, are refused", async () => {
    const assume = (input: object) =>
      tokens().send(new AssumeRoleCommand({ RoleArn, RoleSessionName: "me", ...input }));
    await refused(
      assume({ RoleArn: "arn:aws:iam::444455556666:user/me" }),
      "ValidationError",
      "arn:aws:iam::444455556666:user/me is invalid",
    );
    await refused(
      assume({ DurationSeconds: 1 }),
      "ValidationError",
      "1 validation error detected: Value '1' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900",
    );
  });
});
