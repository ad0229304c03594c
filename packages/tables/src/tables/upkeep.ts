/**
 * What happens to tables by themselves, in service time: items expire, tables that were deleted go, and so do the
 * tokens of transactions. One timer waits for whatever is due first; there is none while nothing will be.
 */
import type { LogEngine } from "@millrace/log";
import type { Logger, ServiceClock, Timer } from "@millrace/runtime";
import type { StoredItem } from "./items.ts";
import { itemKey, TableStore } from "./table-store.ts";
import type { StoreListener, Table } from "./table-store.ts";
import { tableKey } from "./table-row.ts";
import type { TableRow, TransactionRow } from "./table-row.ts";

const KEYS_PER_COMMIT = 500;
/** How soon work that failed is tried again. */
const RETRY_MS = 1_000;
/** Older times are no times of expiry, as documented. */
const EXPIRY_AGE_MAX_MS = 5 * 365 * 24 * 3_600_000;
/** The machine's timers do not reach further than this; what is due later is looked at again then. */
const WAIT_MAX_MS = 24 * 3_600_000;

export class Upkeep implements StoreListener {
  readonly #clock: ServiceClock;
  readonly #log: Logger;
  readonly store: TableStore;
  #timer: { readonly timer: Timer; readonly dueMs: number } | undefined;
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(clock: ServiceClock, log: Logger, engine: LogEngine) {
    this.#clock = clock;
    this.#log = log;
    this.store = new TableStore(engine, this);
  }

  tablePut(table: Table): void {
    const { goneMs, timeToLive } = table.row;
    if (goneMs !== undefined) this.#wakeAt(goneMs);
    if (timeToLive !== undefined) for (const item of table.items.all()) this.itemPut(table, item);
  }

  itemPut(table: Table, item: StoredItem): void {
    const expiryMs = expiryOf(table.row, item);
    if (expiryMs !== undefined && !isTooOld(expiryMs, this.#clock.nowMs())) this.#wakeAt(expiryMs);
  }

  transactionPut({ goneMs }: TransactionRow): void {
    this.#wakeAt(goneMs);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.timer.cancel();
    await this.#running;
    this.store.close();
  }

  /** Deletes a table's items and then the table itself. Nobody writes to one that is marked as going. */
  async remove(table: Table): Promise<void> {
    for (;;) {
      const found = this.store.find(table.name);
      if (found?.row.id !== table.row.id) return;
      const keys = [...found.items.all()]
        .slice(0, KEYS_PER_COMMIT)
        .map(({ keyText }) => itemKey(found, keyText));
      const own = tableKey(found.name);
      await this.store.attempt({
        expect: [[own, found.revision]],
        deletes: keys.length === 0 ? [own] : keys,
      });
    }
  }

  #wakeAt(dueMs: number): void {
    if (this.#isClosed || (this.#timer !== undefined && this.#timer.dueMs <= dueMs)) return;
    this.#timer?.timer.cancel();
    const waitMs = Math.min(Math.max(0, Math.ceil(dueMs - this.#clock.nowMs())), WAIT_MAX_MS);
    const timer = this.#clock.schedule(waitMs, () => {
      this.#timer = undefined;
      return this.#run();
    });
    this.#timer = { timer, dueMs };
  }

  async #run(): Promise<void> {
    await this.#running;
    this.#running = this.#pass();
    await this.#running;
  }

  async #pass(): Promise<void> {
    const nowMs = this.#clock.nowMs();
    try {
      for (const table of [...this.store.all()]) {
        const { goneMs, timeToLive } = table.row;
        if (goneMs !== undefined && goneMs <= nowMs) await this.remove(table);
        else if (timeToLive !== undefined) await this.#expire(table, nowMs);
      }
      for (const [key, { row, revision }] of [...this.store.transactions()]) {
        if (row.goneMs <= nowMs) await this.store.attempt({ expect: [[key, revision]], deletes: [key] });
        else this.#wakeAt(row.goneMs);
      }
    } catch (error) {
      this.#log.warn("upkeep of tables failed and will be tried again", { reason: String(error) });
      this.#wakeAt(nowMs + RETRY_MS);
    }
  }

  /** Deletes what has expired, as it was when that was found; what was written meanwhile is looked at again. */
  async #expire(table: Table, nowMs: number): Promise<void> {
    let expired: StoredItem[] = [];
    for (const item of [...table.items.all()]) {
      const expiryMs = expiryOf(table.row, item);
      if (expiryMs === undefined || isTooOld(expiryMs, nowMs)) continue;
      if (expiryMs > nowMs) this.#wakeAt(expiryMs);
      else expired.push(item);
    }
    while (expired.length > 0) {
      const some = expired.slice(0, KEYS_PER_COMMIT);
      expired = expired.slice(KEYS_PER_COMMIT);
      const expect = some.map(({ keyText, revision }) => [itemKey(table, keyText), revision] as const);
      const isDone = await this.store.attempt({ expect, deletes: expect.map(([key]) => key) });
      if (!isDone) this.#wakeAt(nowMs);
    }
  }
}

/** When an item expires, in service milliseconds; undefined when it does not. */
function expiryOf({ timeToLive }: TableRow, { item }: StoredItem): number | undefined {
  const seconds = timeToLive === undefined ? undefined : item[timeToLive]?.N;
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}

function isTooOld(expiryMs: number, nowMs: number): boolean {
  return expiryMs < nowMs - EXPIRY_AGE_MAX_MS;
}
