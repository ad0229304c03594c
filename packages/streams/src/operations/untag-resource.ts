import { UntagResource } from "@millrace/api";
import { handle } from "../handler.ts";
import { changeResource, readResource, refuseDeleting } from "../resources/find-resource.ts";
import { withoutTags } from "../resources/tags.ts";

/** Removes tags of a stream or a consumer by their keys; keys that it has no tag for are ignored. */
export const untagResource = handle(UntagResource, async (context, input, { failure }) => {
  await changeResource(context, readResource(input.ResourceARN, failure), failure, (resource) => {
    refuseDeleting(resource, failure);
    return { ...resource, tags: withoutTags(resource.tags, input.TagKeys, resource.title, failure) };
  });
  return {};
});
