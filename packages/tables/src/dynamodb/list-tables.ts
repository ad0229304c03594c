import { dynamodb } from "@millrace/api";
import { handle } from "../handler.ts";
import { knownTable } from "../tables/find-table.ts";

const LIMIT_DEFAULT = 100;

/** Lists the names of the caller's tables in a region, in order. */
export const listTables = handle(dynamodb.operations.ListTables, (context, input, { caller, nowMs }) => {
  const { ExclusiveStartTableName: after = "", Limit: limit = LIMIT_DEFAULT } = input;
  const names = context.store
    .tablesOf(caller.accountId, caller.region)
    .filter(({ name }) => name.name > after && knownTable(context, name, nowMs) !== undefined)
    .map(({ name }) => name.name);
  const page = names.slice(0, limit);
  return {
    TableNames: page,
    ...(names.length > page.length ? { LastEvaluatedTableName: page.at(-1)! } : {}),
  };
});
