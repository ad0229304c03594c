import { dynamodb } from "@millrace/api";
import { Placeholders } from "../expressions/placeholders.ts";
import { handle } from "../handler.ts";
import { invalid } from "../refusals.ts";
import { givenKey } from "../tables/item-key.ts";
import { conditionOf, refuseMixture } from "../writing/conditions.ts";
import { writeItem } from "../writing/write-item.ts";

/** Deletes an item, if the condition holds for it. Deleting one that is not there succeeds. */
export const deleteItem = handle(dynamodb.operations.DeleteItem, async (context, input, call) => {
  if (input.ReturnValues !== undefined && !["NONE", "ALL_OLD"].includes(input.ReturnValues)) {
    throw invalid("Return values set to invalid value");
  }
  refuseMixture(input, ["Expected", "ConditionalOperator"], ["ConditionExpression"]);
  const placeholders = new Placeholders(input, input.ConditionExpression !== undefined);
  const condition = conditionOf(input, placeholders);
  placeholders.refuseUnused();
  return writeItem(context, input, call, ({ row }) => ({
    key: givenKey(row, input.Key),
    deed: { kind: "delete" },
    condition,
    returnOldOnFailure: input.ReturnValuesOnConditionCheckFailure === "ALL_OLD",
  }));
});
