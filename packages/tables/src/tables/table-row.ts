/**
 * What is stored of tables, key by key. Values are JSON text; names stay as they are because they are kept.
 *
 * | Key | Value | Changes |
 * | --- | --- | --- |
 * | `table/<account>/<region>/<name>` | {@link TableRow} | every change of a table puts it, expecting the revision it read |
 * | `item/<table id>/<partition key>[.<sort key>]`, keys in base64url | the item, as JSON on the wire | every write, expecting the revision it read and the table's |
 * | `transaction/<account>/<region>/<token>` | {@link TransactionRow} | put with its transaction, deleted ten minutes later |
 */

export interface TableName {
  readonly accountId: string;
  readonly region: string;
  readonly name: string;
}

export type KeyType = "S" | "N" | "B";

export interface KeySchemaRow {
  readonly partition: string;
  readonly sort?: string;
}

export interface ThroughputRow {
  readonly read: number;
  readonly write: number;
}

export interface IndexRow {
  readonly name: string;
  readonly key: KeySchemaRow;
  readonly projection: "ALL" | "KEYS_ONLY" | "INCLUDE";
  readonly included?: readonly string[];
  readonly throughput?: ThroughputRow;
  /** CREATING until then. */
  readonly activeMs: number;
  /** DELETING until then, and gone from then on. */
  readonly goneMs?: number;
}

/** Everything about a table but its items. Times are service milliseconds. */
export interface TableRow {
  /** A UUID; a table made again under the same name has another. */
  readonly id: string;
  readonly createdMs: number;
  /** CREATING or UPDATING until then. */
  readonly settledMs: number;
  readonly isNew: boolean;
  /** DELETING until then; what is left afterwards is on its way out. */
  readonly goneMs?: number;
  readonly key: KeySchemaRow;
  /** Types of key attributes, those of indexes included. */
  readonly types: Readonly<Record<string, KeyType>>;
  readonly indexes: readonly IndexRow[];
  readonly billingMode: "PROVISIONED" | "PAY_PER_REQUEST";
  /** When the table was last switched to pay per request. */
  readonly payPerRequestMs?: number;
  readonly throughput: ThroughputRow;
  readonly tableClass?: "STANDARD" | "STANDARD_INFREQUENT_ACCESS";
  readonly isProtected: boolean;
  readonly tags: Readonly<Record<string, string>>;
  /** The attribute by which items expire. */
  readonly timeToLive?: string;
  /** Days of point-in-time recovery asked for. Nothing is kept for it. */
  readonly recoveryDays?: number;
}

/** A transaction that was carried out, so that its repetition is not. */
export interface TransactionRow {
  /** SHA-256 of what was asked, in base64. */
  readonly digest: string;
  readonly goneMs: number;
}

export const TABLE_PREFIX = "table/";
export const ITEM_PREFIX = "item/";
export const TRANSACTION_PREFIX = "transaction/";

export function tableKey({ accountId, region, name }: TableName): string {
  return `${TABLE_PREFIX}${accountId}/${region}/${name}`;
}

export function arnOf({ accountId, region, name }: TableName): string {
  return `arn:aws:dynamodb:${region}:${accountId}:table/${name}`;
}

export type TableStatus = "CREATING" | "UPDATING" | "DELETING" | "ACTIVE";

export function statusOf(row: TableRow, nowMs: number): TableStatus {
  if (row.goneMs !== undefined) return "DELETING";
  if (nowMs >= row.settledMs) return "ACTIVE";
  return row.isNew ? "CREATING" : "UPDATING";
}

/** Indexes that are still there. */
export function indexesOf(row: TableRow, nowMs: number): IndexRow[] {
  return row.indexes.filter(({ goneMs }) => goneMs === undefined || nowMs < goneMs);
}
