/** What clients tell the checkers about. A checker looks at an event before the ledger takes note of it. */
import type { CheckerName } from "../broken-promise.ts";
import type { Attempt, ShardModel, StreamModel } from "../ledger.ts";
import type { Death, Moment } from "../world/world.ts";

/** A put was answered with a place. */
export interface Acknowledgement {
  readonly stream: StreamModel;
  readonly shard: ShardModel;
  readonly attempt: Attempt;
  readonly sequenceNumber: string;
  readonly received: Moment;
}

/** Where a chain of iterators stands. */
export type Cursor =
  | { readonly kind: "horizon" }
  | { readonly kind: "at" | "after"; readonly sequenceNumber: string }
  /** The iterator was asked for at a moment. */
  | { readonly kind: "time"; readonly timestampMs: number; readonly sent: Moment }
  /** Between these moments the iterator was made. */
  | { readonly kind: "latest"; readonly sent: Moment; readonly received: Moment };

export interface ReadRecord {
  readonly sequenceNumber: string;
  readonly arrivalMs: number;
  readonly data: Uint8Array;
  readonly partitionKey: string | undefined;
}

export interface ToldChild {
  readonly shardId: string;
  readonly parents: readonly string[];
  readonly start: bigint;
  readonly end: bigint;
}

/** An answer of GetRecords, or an event of a subscription. */
export interface Page {
  readonly stream: StreamModel;
  readonly shard: ShardModel;
  /** Where it began. */
  readonly cursor: Cursor;
  /** The chain that it belongs to began at the horizon, before this. */
  readonly chainFromHorizon: Moment | undefined;
  readonly records: readonly ReadRecord[];
  /** A subscription's word that it has given everything up to this number. */
  readonly upTo: string | undefined;
  /** Nothing that was durable when it was read lies behind its last record. */
  readonly atTip: boolean;
  /** SHARD_END. */
  readonly ended: boolean;
  readonly children: readonly ToldChild[];
  readonly sent: Moment;
  readonly received: Moment;
}

export interface ListedShard {
  readonly shardId: string;
  readonly parents: readonly string[];
  readonly start: bigint;
  readonly end: bigint;
  readonly startingSequenceNumber: string;
  readonly endingSequenceNumber: string | undefined;
}

/** All shards of a stream, as told by one answer of ListShards. */
export interface Listing {
  readonly stream: StreamModel;
  readonly shards: readonly ListedShard[];
  readonly sent: Moment;
  readonly received: Moment;
}

/** Reading was refused because what the disk holds is damaged. */
export interface Unreadable {
  readonly stream: StreamModel;
  readonly shard: ShardModel;
  /** The records that it is about: from the first number up to, not including, the second. */
  readonly from: string;
  readonly to: string;
  readonly received: Moment;
}

/** Something that was there is not: a stream that was created, or a shard that cannot be past retention. */
export interface Missing {
  readonly what: string;
  /** When it was last known to be there. */
  readonly proven: Moment;
  readonly received: Moment;
}

/** An iterator was used. */
export interface IteratorUse {
  readonly stream: StreamModel;
  /** Between these moments it was made. */
  readonly madeAfter: Moment;
  readonly madeBefore: Moment;
  readonly forged: boolean;
  readonly sent: Moment;
  readonly received: Moment;
  readonly answer: { readonly kind: "answered" } | { readonly kind: "refused"; readonly code: string };
}

/** The server did not start. */
export interface RefusedStart {
  readonly error: unknown;
  /** The disk was full, operations of it were failing, or stored bits had been flipped. */
  readonly excuses: { readonly fullDisk: boolean; readonly failingDisk: boolean; readonly rot: boolean };
}

export interface Checker {
  readonly name: CheckerName;
  acknowledged?(event: Acknowledgement): void;
  read?(page: Page): void;
  listed?(listing: Listing): void;
  unreadable?(event: Unreadable): void;
  missing?(event: Missing): void;
  iteratorUsed?(use: IteratorUse): void;
  refusedToStart?(refusal: RefusedStart): void;
}

/** What checkers know of the past besides the ledger. */
export interface Past {
  /** How each life ended, the first one at 0. */
  readonly deaths: readonly Death[];
  /** Whether the disk failed or was full at some time between two lives. */
  diskWasBad(fromLife: number, toLife: number): boolean;
}
