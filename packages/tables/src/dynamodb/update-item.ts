import { dynamodb } from "@millrace/api";
import { legacyUpdate } from "../expressions/legacy.ts";
import { Placeholders } from "../expressions/placeholders.ts";
import { readUpdate } from "../expressions/read-update.ts";
import { handle } from "../handler.ts";
import { givenKey } from "../tables/item-key.ts";
import { conditionOf, refuseMixture } from "../writing/conditions.ts";
import { writeItem } from "../writing/write-item.ts";
import { refuseKeyChanges } from "../writing/write-plan.ts";

/** Changes attributes of an item, if the condition holds for it. One that is not there comes into being. */
export const updateItem = handle(dynamodb.operations.UpdateItem, async (context, input, call) => {
  const { AttributeUpdates, ConditionExpression, UpdateExpression } = input;
  refuseMixture(
    input,
    ["AttributeUpdates", "Expected", "ConditionalOperator"],
    ["UpdateExpression", "ConditionExpression"],
  );
  const hasExpressions = UpdateExpression !== undefined || ConditionExpression !== undefined;
  const placeholders = new Placeholders(input, hasExpressions);
  const actions =
    UpdateExpression === undefined
      ? legacyUpdate(AttributeUpdates ?? {})
      : readUpdate(UpdateExpression, placeholders);
  const condition = conditionOf(input, placeholders);
  placeholders.refuseUnused();
  return writeItem(context, input, call, ({ row }) => {
    refuseKeyChanges(row, actions);
    return {
      key: givenKey(row, input.Key),
      deed: { kind: "update", actions },
      condition,
      returnOldOnFailure: input.ReturnValuesOnConditionCheckFailure === "ALL_OLD",
    };
  });
});
