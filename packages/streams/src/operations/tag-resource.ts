import { TagResource } from "@millrace/api";
import { handle } from "../handler.ts";
import { changeResource, readResource, refuseDeleting } from "../resources/find-resource.ts";
import { withTags } from "../resources/tags.ts";

/** Sets tags of a stream or a consumer; a tag that it has already gets the new value. */
export const tagResource = handle(TagResource, async (context, input, { failure }) => {
  await changeResource(context, readResource(input.ResourceARN, failure), failure, (resource) => {
    refuseDeleting(resource, failure);
    return { ...resource, tags: withTags(context, resource.tags, input.Tags, resource.title, failure) };
  });
  return {};
});
