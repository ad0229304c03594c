import { ListTagsForResource } from "@millrace/api";
import { handle } from "../handler.ts";
import { findResource, readResource } from "../resources/find-resource.ts";
import { tagList } from "../resources/tags.ts";

/** Lists the tags of a stream or a consumer, in order of their keys. */
export const listTagsForResource = handle(ListTagsForResource, (context, input, { failure }) => {
  const { tags } = findResource(context, readResource(input.ResourceARN, failure), failure);
  return { Tags: tagList(tags) };
});
