import { dynamodb } from "@millrace/api";
import { holds } from "../expressions/evaluate.ts";
import { Placeholders } from "../expressions/placeholders.ts";
import { handle } from "../handler.ts";
import { givenKeyCondition, keyConditionOn } from "../reading/key-condition.ts";
import { filterOf, readPage, shownPaths } from "../reading/read-page.ts";
import { behind, inQueryOrder, sourceOf } from "../reading/source.ts";
import { wantedPaths } from "../reading/wanted-paths.ts";
import { tableInUse } from "../tables/find-table.ts";

/** Reads the items of one partition key, of a table or an index, in the order of their sort keys. */
export const query = handle(dynamodb.operations.Query, (context, input, call) => {
  const { FilterExpression, KeyConditionExpression, ProjectionExpression } = input;
  const hasExpressions = [FilterExpression, KeyConditionExpression, ProjectionExpression].some(
    (text) => text !== undefined,
  );
  const placeholders = new Placeholders(input, hasExpressions);
  const given = givenKeyCondition(input, placeholders);
  const paths = wantedPaths(input, placeholders);
  const filter = filterOf(input, ["QueryFilter", input.QueryFilter], placeholders);
  placeholders.refuseUnused();
  const table = tableInUse(context, input.TableName, call);
  const source = sourceOf(table, input.IndexName, input.ConsistentRead === true, call.nowMs);
  const key = keyConditionOn(source.key, table.row, given);
  const shown = shownPaths(source, input.Select, paths);
  const { sort } = key;
  const wanted = inQueryOrder(source, key).filter(({ item }) => sort === undefined || holds(sort, item));
  const candidates = behind(source, wanted, input.ExclusiveStartKey, input.ScanIndexForward !== false);
  return readPage(source, candidates, input, filter, shown);
});
