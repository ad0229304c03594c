import type { sts } from "@millrace/api";
import type { Handler } from "@millrace/wire";

/** Says as whom the server sees the caller: nobody's signature is verified yet, so the access key is the user. */
export const getCallerIdentity: Handler<(typeof sts)["operations"]["GetCallerIdentity"]> = async ({
  accountId,
  principal,
}) => ({
  UserId: principal,
  Account: accountId,
  Arn:
    principal === "anonymous" || principal === accountId
      ? `arn:aws:iam::${accountId}:root`
      : `arn:aws:iam::${accountId}:user/${principal}`,
});
