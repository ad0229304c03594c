import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { describe, expect, test } from "vitest";
import { ACCOUNT_ID, tokens } from "../src/side-clients.ts";

describe("GetCallerIdentity", () => {
  test("says which account signs", async () => {
    const { Account, Arn, UserId } = await tokens().send(new GetCallerIdentityCommand({}));
    expect({ Account, Arn, UserId }).toEqual({
      Account: ACCOUNT_ID,
      Arn: `arn:aws:iam::${ACCOUNT_ID}:root`,
      UserId: ACCOUNT_ID,
    });
  });
});
