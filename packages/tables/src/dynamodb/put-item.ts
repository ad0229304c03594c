import { dynamodb } from "@millrace/api";
import { Placeholders } from "../expressions/placeholders.ts";
import { handle } from "../handler.ts";
import { invalid } from "../refusals.ts";
import { keyOf } from "../tables/item-key.ts";
import { conditionOf, refuseMixture } from "../writing/conditions.ts";
import { writeItem } from "../writing/write-item.ts";
import { itemToPut } from "../writing/write-plan.ts";

/** Writes a whole item in place of the one with its key, if the condition holds for that one. */
export const putItem = handle(dynamodb.operations.PutItem, async (context, input, call) => {
  if (input.ReturnValues !== undefined && !["NONE", "ALL_OLD"].includes(input.ReturnValues)) {
    throw invalid("Return values set to invalid value");
  }
  refuseMixture(input, ["Expected", "ConditionalOperator"], ["ConditionExpression"]);
  const placeholders = new Placeholders(input, input.ConditionExpression !== undefined);
  const condition = conditionOf(input, placeholders);
  placeholders.refuseUnused();
  return writeItem(context, input, call, (table) => {
    const item = itemToPut(table, input.Item, call.nowMs);
    return {
      key: keyOf(table.row.key, item),
      deed: { kind: "put", item },
      condition,
      returnOldOnFailure: input.ReturnValuesOnConditionCheckFailure === "ALL_OLD",
    };
  });
});
