import { RemoveTagsFromStream } from "@millrace/api";
import { readStreamName } from "../find-stream.ts";
import { handle } from "../handler.ts";
import { changeResource, refuseDeleting } from "../resources/find-resource.ts";
import { withoutTags } from "../resources/tags.ts";

/** Removes tags of a stream by their keys; keys that it has no tag for are ignored. */
export const removeTagsFromStream = handle(
  RemoveTagsFromStream,
  async (context, input, { caller, failure }) => {
    const stream = readStreamName(input, caller, failure);
    await changeResource(context, { kind: "stream", stream }, failure, (resource) => {
      refuseDeleting(resource, failure);
      return { ...resource, tags: withoutTags(resource.tags, input.TagKeys, resource.title, failure) };
    });
    return {};
  },
);
