import { dynamodb } from "@millrace/api";
import { consumed, readUnits } from "../capacity.ts";
import { Placeholders } from "../expressions/placeholders.ts";
import { project } from "../expressions/projection.ts";
import { handle } from "../handler.ts";
import { wantedPaths } from "../reading/wanted-paths.ts";
import { tableInUse } from "../tables/find-table.ts";
import { givenKey } from "../tables/item-key.ts";
import { keyTextOf } from "../tables/items.ts";

/** Reads an item. All reads are consistent; what was asked for only changes what it is said to cost. */
export const getItem = handle(dynamodb.operations.GetItem, (context, input, call) => {
  const placeholders = new Placeholders(input, input.ProjectionExpression !== undefined);
  const paths = wantedPaths(input, placeholders);
  placeholders.refuseUnused();
  const { items, name, row } = tableInUse(context, input.TableName, call);
  const found = items.get(keyTextOf(row.key, givenKey(row, input.Key)));
  const units = readUnits(found?.sizeBytes ?? 0, input.ConsistentRead === true);
  return {
    ...(found === undefined ? {} : { Item: paths === undefined ? found.item : project(found.item, paths) }),
    ...consumed(input.ReturnConsumedCapacity, name.name, units),
  };
});
