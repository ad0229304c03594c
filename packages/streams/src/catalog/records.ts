/**
 * What the catalog stores, key by key. Values are JSON text; names stay as they are because they are kept.
 *
 * | Key | Value | Changes |
 * | --- | --- | --- |
 * | `stream/<account>/<region>/<name>` | {@link StreamHeader} | every change of a stream puts it, expecting the revision it read |
 * | `shard/<incarnation>/<index, 10 digits>` | {@link ShardRow} | put when the shard opens, put again when it closes, deleted when it vanishes |
 * | `consumer/<incarnation>/<name>` | {@link ConsumerRow} | put, updated and deleted with the registration |
 * | `account/<account>/<region>` | {@link AccountRow} | settings of an account |
 * | `traffic/<incarnation>` | `StoredStreamTraffic` of `on-demand/` | every 15 minutes while an on-demand stream has traffic |
 * | `traffic/<incarnation>/<index, 10 digits>` | `StoredHistory` of `on-demand/` | the same, for each of its open shards |
 * | `streams/secret` | base64 of 32 bytes | put once, when the data directory is new |
 */
import type { HashKeyHex } from "@millrace/model";

export type StreamStatus = "CREATING" | "ACTIVE" | "UPDATING" | "DELETING";
export type StreamMode = "PROVISIONED" | "ON_DEMAND";
export type RecordDistribution = "AUTO" | "USER_PARTITION_KEY";

/** Everything about a stream but its shards and consumers. Times are service milliseconds. */
export interface StreamHeader {
  /** 16 hexadecimal digits; a stream made again under the same name has others. */
  readonly incarnation: string;
  readonly status: StreamStatus;
  /** What ends a status other than ACTIVE; resumed after a restart. */
  readonly pending?: PendingOperation;
  readonly mode: StreamMode;
  readonly createdMs: number;
  readonly retentionHours: number;
  /**
   * Nothing that arrived before this is ever read again, whatever the retention period becomes:
   * moved up when the period is raised.
   */
  readonly horizonMs: number;
  readonly nextShardIndex: number;
  readonly maxRecordSizeKiB: number;
  readonly recordDistribution: RecordDistribution;
  readonly encryption: { readonly type: "NONE" } | { readonly type: "KMS"; readonly keyId: string };
  /** When encryption was on, oldest first, the last one open while it is; those past retention are dropped. */
  readonly encryptedPeriods?: readonly { readonly fromMs: number; readonly toMs?: number }[];
  readonly shardLevelMetrics: readonly string[];
  readonly warmThroughputMiBps?: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly policy?: string;
  /** When limited operations were called, newest last; older than their window are dropped. */
  readonly calls: Readonly<Record<string, readonly number[]>>;
  /** Of a stream that was copied from elsewhere; it is CREATING until everything is here. */
  readonly import?: {
    /** Which stream, and which life of it. */
    readonly source: string;
    readonly isFinished: boolean;
    /** Its records did not keep their numbers: they have those of their places, and entries remember the others. */
    readonly isRenumbered?: true;
  };
}

/** What becomes of a stream at `dueMs`. */
export type PendingOperation =
  | { readonly kind: "create"; readonly dueMs: number; readonly shardCount: number }
  | { readonly kind: "reshard"; readonly dueMs: number; readonly reshard: Reshard }
  /** A change of settings that is in force already: only the status goes back to ACTIVE. */
  | { readonly kind: "settle"; readonly dueMs: number }
  | { readonly kind: "delete"; readonly dueMs: number };

export type Reshard =
  | { readonly kind: "split"; readonly shardIndex: number; readonly newStartingHashKey: HashKeyHex }
  | { readonly kind: "merge"; readonly shardIndex: number; readonly adjacentShardIndex: number }
  | { readonly kind: "uniform"; readonly targetShardCount: number };

export interface ShardRow {
  readonly startingHashKey: HashKeyHex;
  readonly endingHashKey: HashKeyHex;
  readonly generation: number;
  readonly parents: readonly number[];
  readonly logId: number;
  readonly createdMs: number;
  readonly closedMs?: number;
  /** Of a shard that was copied from elsewhere: where its numbers began there and, if it was closed there, ended. */
  readonly imported?: {
    readonly startingSequenceNumber: string;
    readonly endingSequenceNumber?: string;
  };
  /** The same of a shard whose records got new numbers; nobody asks by these. */
  readonly renumbered?: { readonly startingSequenceNumber: string };
}

export interface ConsumerRow {
  readonly status: "CREATING" | "ACTIVE" | "DELETING";
  readonly createdMs: number;
  readonly pending?: { readonly kind: "create" | "delete"; readonly dueMs: number };
  readonly tags: Readonly<Record<string, string>>;
  readonly policy?: string;
}

export interface AccountRow {
  /** The newest commitment to a least throughput. `endMs` may lie ahead: it then still runs to its earliest end. */
  readonly throughputCommitment?: { readonly startedMs: number; readonly endMs?: number };
}

export const SECRET_KEY = "streams/secret";
export const STREAM_PREFIX = "stream/";
export const SHARD_PREFIX = "shard/";
export const CONSUMER_PREFIX = "consumer/";
export const TRAFFIC_PREFIX = "traffic/";

export interface StreamName {
  readonly accountId: string;
  readonly region: string;
  readonly name: string;
}

export function streamKey({ accountId, region, name }: StreamName): string {
  return `${STREAM_PREFIX}${accountId}/${region}/${name}`;
}

export function shardKey(incarnation: string, shardIndex: number): string {
  return `${SHARD_PREFIX}${incarnation}/${String(shardIndex).padStart(10, "0")}`;
}

export function consumerKey(incarnation: string, consumerName: string): string {
  return `${CONSUMER_PREFIX}${incarnation}/${consumerName}`;
}

export function accountKey(accountId: string, region: string): string {
  return `account/${accountId}/${region}`;
}

/** What every decision changes that is made on all of an account's streams; its value says what it was about. */
export function turnKey(accountId: string, region: string): string {
  return `turn/${accountId}/${region}`;
}

/** The traffic of a stream; those of its shards begin with it. */
export function streamTrafficKey(incarnation: string): string {
  return `${TRAFFIC_PREFIX}${incarnation}`;
}

export function shardTrafficKey(incarnation: string, shardIndex: number): string {
  return `${streamTrafficKey(incarnation)}/${String(shardIndex).padStart(10, "0")}`;
}

/** Whose traffic a key is about. */
export function trafficIncarnationOf(key: string): string {
  return key.split("/")[1] ?? "";
}

/** A stored key, taken apart; undefined for keys that are not the catalog's. */
export function parseKey(
  key: string,
):
  | ({ readonly kind: "stream" } & StreamName)
  | { readonly kind: "shard"; readonly incarnation: string; readonly shardIndex: number }
  | { readonly kind: "consumer"; readonly incarnation: string; readonly consumerName: string }
  | undefined {
  const [kind, first, second, third] = key.split("/");
  if (kind === "stream" && third !== undefined) {
    return { kind, accountId: first!, region: second!, name: third };
  }
  if (kind === "shard" && second !== undefined) {
    return { kind, incarnation: first!, shardIndex: Number(second) };
  }
  if (kind === "consumer" && second !== undefined) {
    return { kind, incarnation: first!, consumerName: second };
  }
  return undefined;
}
