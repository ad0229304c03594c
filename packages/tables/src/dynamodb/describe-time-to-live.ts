import { dynamodb } from "@millrace/api";
import { handle } from "../handler.ts";
import { describedTable } from "../tables/find-table.ts";

/** Says by which attribute the items of a table expire. */
export const describeTimeToLive = handle(dynamodb.operations.DescribeTimeToLive, (context, input, call) => {
  const { timeToLive } = describedTable(context, input.TableName, call).row;
  return {
    TimeToLiveDescription:
      timeToLive === undefined
        ? ({ TimeToLiveStatus: "DISABLED" } as const)
        : ({ TimeToLiveStatus: "ENABLED", AttributeName: timeToLive } as const),
  };
});
