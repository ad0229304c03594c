import { ServiceError } from "@millrace/api";
import type { sts } from "@millrace/api";
import type { Secrets, ServiceClock } from "@millrace/runtime";
import type { Handler } from "@millrace/wire";

const DURATION_DEFAULT_SECONDS = 3_600;
const ROLE_ARN = /^arn:[^:]+:iam::(\d{12}):role\/(?:.*\/)?([\w+=,.@-]+)$/;

/**
 * Gives credentials. The access key is the account of the role, which is how the server knows the account of whoever
 * signs with it; the secret and the token are drawn, and not kept, as signatures are not verified yet.
 */
export function assumeRole(
  clock: ServiceClock,
  secrets: Secrets,
): Handler<(typeof sts)["operations"]["AssumeRole"]> {
  return async (_caller, input) => {
    const role = ROLE_ARN.exec(input.RoleArn);
    if (role === null) {
      throw new ServiceError("ValidationException", `${input.RoleArn} is invalid`);
    }
    const [, accountId = "", roleName = ""] = role;
    const id = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex").toUpperCase();
    const roleId = `AROA${id(secrets.bytes(8))}`;
    return {
      Credentials: {
        AccessKeyId: accountId,
        SecretAccessKey: Buffer.from(secrets.bytes(30)).toString("base64"),
        SessionToken: Buffer.from(secrets.bytes(96)).toString("base64"),
        Expiration:
          Math.floor(clock.nowMs() / 1000 + (input.DurationSeconds ?? DURATION_DEFAULT_SECONDS)) * 1000,
      },
      AssumedRoleUser: {
        AssumedRoleId: `${roleId}:${input.RoleSessionName}`,
        Arn: `arn:aws:sts::${accountId}:assumed-role/${roleName}/${input.RoleSessionName}`,
      },
      ...(input.SourceIdentity === undefined ? {} : { SourceIdentity: input.SourceIdentity }),
    };
  };
}
