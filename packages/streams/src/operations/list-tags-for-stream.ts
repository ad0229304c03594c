import { ListTagsForStream } from "@millrace/api";
import { findStream } from "../find-stream.ts";
import { handle } from "../handler.ts";
import { tagList } from "../resources/tags.ts";

/** Lists the tags of a stream, page by page, in order of their keys. */
export const listTagsForStream = handle(ListTagsForStream, (context, input, { caller, failure }) => {
  const { header } = findStream(context, input, caller, failure);
  const { ExclusiveStartTagKey: after = "", Limit: limit = context.limits.tagsPerResource } = input;
  const tags = tagList(header.tags).filter(({ Key }) => Key > after);
  return { Tags: tags.slice(0, limit), HasMoreTags: tags.length > limit };
});
