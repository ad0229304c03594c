import { AddTagsToStream } from "@millrace/api";
import { readStreamName } from "../find-stream.ts";
import { handle } from "../handler.ts";
import { changeResource, refuseDeleting } from "../resources/find-resource.ts";
import { withTags } from "../resources/tags.ts";

/** Sets tags of a stream; a tag that it has already gets the new value. */
export const addTagsToStream = handle(AddTagsToStream, async (context, input, { caller, failure }) => {
  const stream = readStreamName(input, caller, failure);
  await changeResource(context, { kind: "stream", stream }, failure, (resource) => {
    refuseDeleting(resource, failure);
    return { ...resource, tags: withTags(context, resource.tags, input.Tags, resource.title, failure) };
  });
  return {};
});
