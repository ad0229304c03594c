import { dynamodb } from "@millrace/api";
import { handle } from "../handler.ts";
import { invalid } from "../refusals.ts";
import { changeTable } from "../tables/change-table.ts";
import { readTags } from "../tables/read-definition.ts";

const TAG_COUNT_MAX = 50;

/** Sets tags of a table; a tag that it has already gets the new value. */
export const tagResource = handle(dynamodb.operations.TagResource, async (context, input, call) => {
  const added = readTags(input.Tags);
  await changeTable(context, input.ResourceArn, call, ({ row }) => {
    const tags = { ...row.tags, ...added };
    if (Object.keys(tags).length > TAG_COUNT_MAX) {
      throw invalid(`The number of tags exceeds the limit of ${TAG_COUNT_MAX}`);
    }
    return { ...row, tags };
  });
  return {};
});
