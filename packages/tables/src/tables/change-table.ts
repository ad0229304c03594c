import type { Call, TablesContext } from "../handler.ts";
import { describedTable } from "./find-table.ts";
import { tableKey } from "./table-row.ts";
import type { TableRow } from "./table-row.ts";
import type { Table } from "./table-store.ts";

/**
 * Changes what is stored of a table, on what it is when the change is committed, and gives the table as it became.
 *
 * @throws {ServiceError} `ResourceNotFoundException`, and what `decide` throws.
 */
export async function changeTable(
  context: TablesContext,
  given: string,
  call: Call,
  decide: (table: Table) => TableRow,
): Promise<Table> {
  const { store } = context;
  const name = await store.commit(() => {
    const table = describedTable(context, given, call);
    const row = decide(table);
    const key = tableKey(table.name);
    return {
      change: { expect: [[key, table.revision]], puts: [[key, JSON.stringify(row)]] },
      result: table.name,
    };
  });
  return store.find(name)!;
}
