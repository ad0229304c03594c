import { dynamodb } from "@millrace/api";
import { handle } from "../handler.ts";
import { description } from "../tables/describe.ts";
import { describedTable } from "../tables/find-table.ts";

/** Shows a table, also while it is being created or deleted. */
export const describeTable = handle(dynamodb.operations.DescribeTable, (context, input, call) => ({
  Table: description(describedTable(context, input.TableName, call), call.nowMs),
}));
