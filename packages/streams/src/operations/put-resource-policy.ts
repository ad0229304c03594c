import { PutResourcePolicy } from "@millrace/api";
import { handle } from "../handler.ts";
import { changeResource, readResource, refuseDeleting } from "../resources/find-resource.ts";
import { policyFault } from "../resources/policy-document.ts";

/** Sets the policy of a stream or a consumer, in place of the one that it has. */
export const putResourcePolicy = handle(PutResourcePolicy, async (context, input, { failure }) => {
  const { Policy: policy } = input;
  const { policyBytesMax } = context.limits;
  await changeResource(context, readResource(input.ResourceARN, failure), failure, (resource) => {
    if (Buffer.byteLength(policy) > policyBytesMax) {
      throw failure("LimitExceededException", `A resource policy can have at most ${policyBytesMax} bytes.`);
    }
    const fault = policyFault(policy);
    if (fault !== undefined) throw failure("InvalidArgumentException", `The policy is not valid: ${fault}.`);
    refuseDeleting(resource, failure);
    return { tags: resource.tags, policy };
  });
  return {};
});
