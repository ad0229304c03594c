import { dynamodb } from "@millrace/api";
import { handle } from "../handler.ts";
import { invalid } from "../refusals.ts";
import { changeTable } from "../tables/change-table.ts";
import { refuseUnsettled } from "../tables/find-table.ts";

/** Lets items expire by an attribute, or no longer; in force at once. */
export const updateTimeToLive = handle(dynamodb.operations.UpdateTimeToLive, async (context, input, call) => {
  const { AttributeName, Enabled } = input.TimeToLiveSpecification;
  await changeTable(context, input.TableName, call, (table) => {
    refuseUnsettled(table, call.nowMs);
    const { timeToLive, ...rest } = table.row;
    if (Enabled && timeToLive !== undefined) throw invalid("TimeToLive is already enabled");
    if (!Enabled && timeToLive === undefined) throw invalid("TimeToLive is already disabled");
    if (!Enabled && timeToLive !== AttributeName) {
      throw invalid(
        "TimeToLive is active on a different AttributeName: current AttributeName is " + timeToLive,
      );
    }
    return Enabled ? { ...rest, timeToLive: AttributeName } : rest;
  });
  return { TimeToLiveSpecification: { Enabled, AttributeName } };
});
