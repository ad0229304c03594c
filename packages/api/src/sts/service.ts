import { service } from "../service.ts";
import { AssumeRole } from "./assume-role.ts";
import { GetCallerIdentity } from "./get-caller-identity.ts";

/** The part of AWS Security Token Service that clients of Kinesis use. */
export const sts = service({
  name: "sts",
  targetPrefix: "AWSSecurityTokenServiceV20110615",
  apiVersion: "2011-06-15",
  xmlNamespace: "https://sts.amazonaws.com/doc/2011-06-15/",
  queryErrorCodes: {
    ValidationException: "ValidationError",
    MalformedPolicyDocumentException: "MalformedPolicyDocument",
    PackedPolicyTooLargeException: "PackedPolicyTooLarge",
  },
  operations: {
    AssumeRole,
    GetCallerIdentity,
  },
});
