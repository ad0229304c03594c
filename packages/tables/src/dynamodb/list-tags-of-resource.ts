import { dynamodb } from "@millrace/api";
import { handle } from "../handler.ts";
import { invalid } from "../refusals.ts";
import { tagList } from "../tables/describe.ts";
import { describedTable } from "../tables/find-table.ts";

/** Lists all tags of a table: there are never more than fit on the first page, so no token is ever given out. */
export const listTagsOfResource = handle(dynamodb.operations.ListTagsOfResource, (context, input, call) => {
  if (input.NextToken !== undefined) throw invalid("The provided token is invalid");
  return { Tags: tagList(describedTable(context, input.ResourceArn, call).row.tags) };
});
