import { dynamodb } from "@millrace/api";
import { handle } from "../handler.ts";
import { changeTable } from "../tables/change-table.ts";

/** Takes tags off a table; keys that no tag has are ignored. */
export const untagResource = handle(dynamodb.operations.UntagResource, async (context, input, call) => {
  const removed = new Set(input.TagKeys);
  await changeTable(context, input.ResourceArn, call, ({ row }) => ({
    ...row,
    tags: Object.fromEntries(Object.entries(row.tags).filter(([key]) => !removed.has(key))),
  }));
  return {};
});
