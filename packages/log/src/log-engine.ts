/**
 * The contract of a log engine: many shard logs and one small keyed state, behind one commit order.
 * The embedded journal, the memory engine and the cluster engine implement it and pass one contract suite.
 *
 * A position in a shard log is (index of the entry, index of the record in the entry). Indexes start at 1,
 * go up by one per entry, and never change: nothing that moves bytes changes a number.
 */
import type { EncodedBatch } from "./entry-codec.ts";
import type { EntryPlace } from "./entry-place.ts";
import type { Peers } from "./peers.ts";

/** Names a shard's log inside an engine. Never used again, not even after the log is dropped. */
export type ShardLogId = number;

export interface LogEngine {
  readonly state: StateStore;

  /** For engines that other processes write to, too, and absent in others: those processes. */
  readonly peers?: Peers;

  /** A fresh id for a log that a later {@link StateStore.commit} opens. */
  allocateLogId(): ShardLogId;

  /**
   * Appends one entry. Entries of one log keep the order of the calls.
   *
   * Resolves with `appended` only when the entry is durable; every other outcome but `unknown` means that
   * nothing was stored and nothing will be. Never rejects: when the medium fails the process ends.
   */
  append(logId: ShardLogId, batch: EncodedBatch): Promise<AppendOutcome>;

  /**
   * Appends an entry that arrived elsewhere before: with that arrival, or the log's last one if that is later, and only if the entry
   * gets the index that the caller expects. So who copies a log can do it again after any outcome, and nothing is stored twice.
   * Takes its place among the other appends and closes like {@link append}.
   */
  appendAt(logId: ShardLogId, batch: EncodedBatch, place: EntryPlace): Promise<PlacedOutcome>;

  /**
   * Durable entries from `fromIndex` on, in order and without gaps: at least one when there is one,
   * then until `maxBytes` of payload or `maxRecords` are reached.
   */
  read(logId: ShardLogId, fromIndex: number, limits: ReadLimits): Promise<ReadOutcome>;

  /**
   * The index of the first entry that arrived at or after `timestampMs`; the next index when there is none.
   * Arrival is monotone within a log, so this is a binary search.
   */
  seek(logId: ShardLogId, timestampMs: number): Promise<number>;

  /** What is durably known of a log; undefined when it was never opened, or was dropped. */
  describe(logId: ShardLogId): ShardLogBounds | undefined;

  /**
   * For engines that other processes write to, too, and absent in others: has {@link describe} know of a log what was durable when
   * this was called (`newest`), or a moment before (`recent`: for those who read on, since for a while the log is followed then). What
   * was not asked for may be long ago. Undefined when there is nothing to wait for.
   */
  refresh?(logId: ShardLogId, how: "newest" | "recent"): Promise<void> | undefined;

  /**
   * Calls back after each commit that made new entries of the log durable, closed it or dropped it.
   * The callback must not throw and must be quick.
   */
  watch(logId: ShardLogId, listener: () => void): () => void;

  /** The newest arrival time of any record held, in service milliseconds; 0 when there is none. */
  newestArrivalMs(): number;

  /** Why puts are refused at the moment; undefined when they are not. Reads go on. */
  readOnlyReason(): string | undefined;

  /** Figures for metrics and for people. */
  statistics(): EngineStatistics;

  /** Finishes what is queued, makes it durable and lets go of the medium. */
  close(): Promise<void>;
}

export type AppendOutcome =
  | {
      readonly kind: "appended";
      readonly index: number;
      /** Service time, monotone within the log; one for all records of the entry. */
      readonly arrivalMs: number;
    }
  /** The log is closed or dropped: route the records again. */
  | { readonly kind: "closed" }
  /** The medium takes no more for now, for instance because the disk is full. */
  | { readonly kind: "read-only"; readonly reason: string }
  /** It may or may not have been stored. The embedded engines never answer this. */
  | { readonly kind: "unknown"; readonly reason: string };

export type PlacedOutcome =
  | AppendOutcome
  /** The next entry of the log would get another index, or an entry before it in its run was not stored. Nothing was stored. */
  | { readonly kind: "misplaced"; readonly nextIndex: number };

export interface ReadLimits {
  readonly maxBytes: number;
  readonly maxRecords: number;
  /**
   * The caller works through what it gets, gives it back and reads on: an engine that brings entries from afar may end once it has so
   * many bytes of them. Default: it goes on to the limits.
   */
  readonly stepBytes?: number;
}

export interface StoredEntry {
  readonly index: number;
  readonly arrivalMs: number;
  readonly recordCount: number;
  /** The encoded batch; read it with `readBatch`. Shared: never write to it. */
  readonly payload: Uint8Array;
}

export type ReadOutcome =
  | {
      readonly kind: "entries";
      /** Empty at the tip, and at the end of a closed log. */
      readonly entries: readonly StoredEntry[];
      /** Where the next read goes on. */
      readonly nextIndex: number;
      /** True when `nextIndex` is the end of a closed log: nothing will ever follow. */
      readonly ended: boolean;
      /**
       * To be called, once at most, when nobody looks at the payloads any more: their memory is used again. Where it is not called
       * the garbage collector sees to it.
       */
      readonly release?: () => void;
    }
  /** Everything below `trimIndex` is past retention. */
  | { readonly kind: "trimmed"; readonly trimIndex: number }
  /** Entries `[fromIndex, toIndex)` were lost to a damaged disk and given up by `data repair`. */
  | { readonly kind: "hole"; readonly fromIndex: number; readonly toIndex: number }
  /** The stored bytes fail their checksum. Nothing is skipped. Entries from `toIndex` on, where it is known, are not concerned. */
  | { readonly kind: "damaged"; readonly index: number; readonly toIndex?: number; readonly detail: string }
  /** The log does not exist (any more). */
  | { readonly kind: "gone" };

export interface ShardLogBounds {
  /** The first index that is not trimmed; equal to `nextIndex` when everything is. */
  readonly trimIndex: number;
  /** The index that the next durable entry will get. */
  readonly nextIndex: number;
  /** Set when the log is closed: equal to `nextIndex` from then on. */
  readonly endIndex: number | undefined;
  /** Arrival of the newest entry ever appended; 0 when there was none. */
  readonly lastArrivalMs: number;
}

/** Small keyed state that commits atomically, together with the opening and closing of shard logs. */
export interface StateStore {
  /** The durable value of `key`. */
  get(key: string): StateValue | undefined;

  /** Durable keys that start with `prefix`, in code unit order, with their values. */
  list(prefix: string): IterableIterator<readonly [key: string, value: StateValue]>;

  /**
   * Commits a change as one unit: after a crash all of it is there or none of it. Changes are ordered
   * with appends: a close takes effect exactly at its place in the commit order, after entries that
   * were queued before it, before those queued after it.
   */
  commit(change: StateChange): Promise<CommitOutcome>;

  /** Calls back, in commit order, after a change became durable. The callback must not throw. */
  watch(listener: (change: StateChange, revision: number) => void): () => void;

  /**
   * For engines that other processes commit to, too, and absent in others: has this store know all that was durable when this
   * was called. Resolves to whether that was more than it knew.
   */
  refresh?(): Promise<boolean>;
}

export interface StateValue {
  readonly value: string;
  /** The revision of the commit that wrote it; revisions go up with every commit. */
  readonly revision: number;
}

export interface StateChange {
  /** Keys that must still have these revisions (0: must not exist), or nothing is committed. */
  readonly expect?: readonly (readonly [key: string, revision: number])[];
  readonly puts?: readonly (readonly [key: string, value: string])[];
  readonly deletes?: readonly string[];
  /** Logs that come into being. */
  readonly opens?: readonly ShardLogId[];
  /** Logs that take no more entries from here on. */
  readonly closes?: readonly ShardLogId[];
  /** Entries below `index` are forgotten; a lower index than before has no effect. */
  readonly trims?: readonly (readonly [logId: ShardLogId, index: number])[];
  /** Logs that vanish with all their entries. */
  readonly drops?: readonly ShardLogId[];
}

export type CommitOutcome =
  | { readonly kind: "committed"; readonly revision: number }
  /** Another commit changed one of the expected keys first. Nothing was stored. */
  | { readonly kind: "conflict"; readonly key: string }
  | { readonly kind: "read-only"; readonly reason: string }
  | { readonly kind: "unknown"; readonly reason: string };

export interface EngineStatistics {
  readonly engine: string;
  readonly commits: number;
  /** How long all of them took together. */
  readonly commitMsTotal: number;
  /** Durations of the last durable writes, in milliseconds, for quantiles; at most a few hundred. */
  readonly recentCommitMs: readonly number[];
  readonly queuedBytes: number;
  readonly queuedEntries: number;
  readonly writtenBytes: number;
  readonly segmentCount: number;
  readonly diskBytes: number;
  readonly diskFreeBytes: number | undefined;
  readonly tailCacheBytes: number;
  readonly logCount: number;
  readonly oldestArrivalMs: number | undefined;
}
