/** What is handed to the writer and waits for its block. */
import type { EncodedBatch } from "../entry-codec.ts";
import type { EntryPlace } from "../entry-place.ts";
import type { CommitOutcome, PlacedOutcome, StateChange } from "../log-engine.ts";
import type { CommittedChange } from "./keyed-state.ts";

/** A change as the journal itself makes it: the caller's, or one about segments. */
export interface WriterChange extends StateChange {
  readonly segmentsAdded?: readonly number[];
  readonly segmentsDropped?: readonly number[];
  readonly holes?: NonNullable<CommittedChange["holes"]>;
}

export interface AppendItem {
  readonly kind: "append";
  readonly logId: number;
  readonly batch: EncodedBatch;
  /** Undefined for what arrives now and goes wherever the log ends. */
  readonly place: EntryPlace | undefined;
  readonly bytes: number;
  readonly resolve: (outcome: PlacedOutcome) => void;
}

export interface ChangeItem {
  readonly kind: "change";
  readonly change: WriterChange;
  readonly bytes: number;
  readonly resolve: (outcome: CommitOutcome) => void;
}

/** What waits for the writer. */
export type QueueItem = AppendItem | ChangeItem;
