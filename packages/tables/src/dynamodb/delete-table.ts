import { dynamodb } from "@millrace/api";
import { handle } from "../handler.ts";
import { invalid } from "../refusals.ts";
import { changeTable } from "../tables/change-table.ts";
import { description } from "../tables/describe.ts";
import { refuseUnsettled } from "../tables/find-table.ts";

/** Marks a table as going: from then on nobody reaches its items, and after the delay of transitions it is gone. */
export const deleteTable = handle(dynamodb.operations.DeleteTable, async (context, input, call) => {
  const table = await changeTable(context, input.TableName, call, (found) => {
    refuseUnsettled(found, call.nowMs);
    if (found.row.isProtected) {
      throw invalid(
        "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.",
      );
    }
    return { ...found.row, goneMs: call.nowMs + context.transitionDelayMs };
  });
  return { TableDescription: description(table, call.nowMs) };
});
