import { DeleteResourcePolicy } from "@millrace/api";
import { handle } from "../handler.ts";
import { changeResource, readResource, refuseDeleting } from "../resources/find-resource.ts";

/** Removes the policy of a stream or a consumer, which must have one. */
export const deleteResourcePolicy = handle(DeleteResourcePolicy, async (context, input, { failure }) => {
  await changeResource(context, readResource(input.ResourceARN, failure), failure, (resource) => {
    if (resource.policy === undefined) {
      // That it fails is recorded; the words are those of LocalStack.
      throw failure(
        "ResourceNotFoundException",
        `No resource policy found for resource ARN ${input.ResourceARN}`,
      );
    }
    refuseDeleting(resource, failure);
    return { tags: resource.tags };
  });
  return {};
});
