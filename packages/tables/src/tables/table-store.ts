/**
 * The tables of all accounts with their items, as far as they are durable: a view that is built from the engine's
 * keyed state and follows its commits. Every write expects the revisions of the items that it was decided on, and
 * of their tables, so that of two writes at once the second is decided again on what the first left.
 */
import { ServiceError } from "@millrace/api";
import type { LogEngine, StateChange } from "@millrace/log";
import { restoredItem } from "../values/attribute-value.ts";
import { Items } from "./items.ts";
import type { StoredItem } from "./items.ts";
import { ITEM_PREFIX, TABLE_PREFIX, tableKey, TRANSACTION_PREFIX } from "./table-row.ts";
import type { TableName, TableRow, TransactionRow } from "./table-row.ts";

/** Items are in memory and in every snapshot of the journal, so there is an end to them. */
export const STORED_BYTES_MAX = 256 << 20;

/** A table as it is; its items go on changing. */
export interface Table {
  readonly name: TableName;
  readonly row: TableRow;
  readonly revision: number;
  readonly items: Items;
}

export interface StoreListener {
  tablePut(table: Table): void;
  itemPut(table: Table, item: StoredItem): void;
  transactionPut(row: TransactionRow): void;
}

export class TableStore {
  readonly #engine: LogEngine;
  readonly #listener: StoreListener;
  readonly #tables = new Map<string, Table>();
  /** Keys of tables by their ids. */
  readonly #keysById = new Map<string, string>();
  readonly #transactions = new Map<string, { readonly row: TransactionRow; readonly revision: number }>();
  readonly #unwatch: () => void;

  constructor(engine: LogEngine, listener: StoreListener) {
    this.#engine = engine;
    this.#listener = listener;
    // Tables first: items are found by their table's id.
    for (const prefix of [TABLE_PREFIX, ITEM_PREFIX, TRANSACTION_PREFIX]) {
      for (const [key, { value, revision }] of engine.state.list(prefix)) this.#put(key, value, revision);
    }
    this.#unwatch = engine.state.watch((change, revision) => this.#follow(change, revision));
  }

  /** Stops following the engine. */
  close(): void {
    this.#unwatch();
  }

  /** The table of this name, also one that is on its way out. */
  find(name: TableName): Table | undefined {
    return this.#tables.get(tableKey(name));
  }

  all(): IterableIterator<Table> {
    return this.#tables.values();
  }

  /** An account's tables in a region, in order of name. */
  tablesOf(accountId: string, region: string): Table[] {
    return [...this.#tables.values()]
      .filter(({ name }) => name.accountId === accountId && name.region === region)
      .sort((left, right) => (left.name.name < right.name.name ? -1 : 1));
  }

  transaction(key: string): { readonly row: TransactionRow; readonly revision: number } | undefined {
    return this.#transactions.get(key);
  }

  transactions(): IterableIterator<[string, { readonly row: TransactionRow; readonly revision: number }]> {
    return this.#transactions.entries();
  }

  storedBytes(): number {
    let sizeBytes = 0;
    for (const { items } of this.#tables.values()) sizeBytes += items.sizeBytes;
    return sizeBytes;
  }

  /**
   * Commits what `decide` makes of the state as it is, and decides again when another commit came first. Resolves
   * with what was decided once it is durable and visible here. A change without `expect` writes nothing.
   *
   * @throws {ServiceError} what `decide` throws; `InternalServerError` when the engine takes no changes.
   */
  async commit<T>(decide: () => { readonly change: StateChange; readonly result: T }): Promise<T> {
    for (;;) {
      const { change, result } = decide();
      if (change.expect === undefined) return result;
      if (await this.attempt(change)) return result;
    }
  }

  /**
   * Commits a change; false when what it expects is not so any more.
   *
   * @throws {ServiceError} `InternalServerError` when the engine takes no changes.
   */
  async attempt(change: StateChange): Promise<boolean> {
    const outcome = await this.#engine.state.commit(change);
    if (outcome.kind === "committed") return true;
    if (outcome.kind === "conflict") return false;
    throw new ServiceError("InternalServerError", `The change could not be stored: ${outcome.reason}.`, {
      status: 500,
    });
  }

  #follow({ puts = [], deletes = [] }: StateChange, revision: number): void {
    // A table before its items.
    for (const [key, value] of puts) if (key.startsWith(TABLE_PREFIX)) this.#put(key, value, revision);
    for (const [key, value] of puts) if (!key.startsWith(TABLE_PREFIX)) this.#put(key, value, revision);
    for (const key of deletes) this.#delete(key);
  }

  #put(key: string, value: string, revision: number): void {
    if (key.startsWith(TABLE_PREFIX)) {
      const row = JSON.parse(value) as TableRow;
      const [, accountId = "", region = "", name = ""] = key.split("/");
      const known = this.#tables.get(key);
      const items = known?.row.id === row.id ? known.items : new Items();
      if (known !== undefined) this.#keysById.delete(known.row.id);
      const table: Table = { name: { accountId, region, name }, row, revision, items };
      this.#tables.set(key, table);
      this.#keysById.set(row.id, key);
      this.#listener.tablePut(table);
    } else if (key.startsWith(ITEM_PREFIX)) {
      const found = this.#tableOfItem(key);
      if (found === undefined) return;
      const { table, keyText } = found;
      const item = table.items.put(table.row.key, keyText, restoredItem(value), revision);
      this.#listener.itemPut(table, item);
    } else if (key.startsWith(TRANSACTION_PREFIX)) {
      const row = JSON.parse(value) as TransactionRow;
      this.#transactions.set(key, { row, revision });
      this.#listener.transactionPut(row);
    }
  }

  #delete(key: string): void {
    if (key.startsWith(TABLE_PREFIX)) {
      const known = this.#tables.get(key);
      if (known === undefined) return;
      this.#tables.delete(key);
      this.#keysById.delete(known.row.id);
    } else if (key.startsWith(ITEM_PREFIX)) {
      const found = this.#tableOfItem(key);
      found?.table.items.delete(found.keyText);
    } else if (key.startsWith(TRANSACTION_PREFIX)) this.#transactions.delete(key);
  }

  #tableOfItem(key: string): { readonly table: Table; readonly keyText: string } | undefined {
    const [, id = "", keyText = ""] = key.split("/");
    const table = this.#tables.get(this.#keysById.get(id) ?? "");
    return table === undefined ? undefined : { table, keyText };
  }
}

export function itemKey(table: Table, keyText: string): string {
  return `${ITEM_PREFIX}${table.row.id}/${keyText}`;
}
