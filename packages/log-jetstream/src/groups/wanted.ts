/** What is to be appended to a log group, and the messages that it becomes. */
import {
  breakRun,
  type EncodedBatch,
  type EntryPlace,
  type PlacedOutcome,
  type ShardLogId,
} from "@millrace/log";
import type { MessageToPublish } from "../broker/broker.ts";
import { encodeGroupMessage, type GroupMessage, PART_BYTES_MAX, writeGroupMessage } from "./group-message.ts";
import type { GroupNames } from "./group-names.ts";

/** What somebody waits for, and how they hear of it. */
export type Wanted =
  | {
      readonly kind: "append";
      readonly logId: ShardLogId;
      readonly batch: EncodedBatch;
      /** Undefined for what arrives now and goes wherever the log ends. */
      readonly place: EntryPlace | undefined;
      /** Whether the gateway that owns the group is to be asked for its turn before. */
      readonly inTurn: boolean;
      readonly sinceMs: number;
      readonly resolve: (outcome: PlacedOutcome) => void;
    }
  | {
      readonly kind: "close";
      readonly logId: ShardLogId;
      readonly sinceMs: number;
      readonly resolve: (endIndex: number) => void;
    };

/** Somebody else wants to make the next append. */
export interface WantedTurn {
  readonly kind: "turn";
  /** Up to where they know the stream. */
  readonly knownSequence: number;
  /** Undefined when they had better do without. */
  readonly resolve: (loan: Loan | undefined) => void;
}

/** The next append of a group is somebody else's, until it is given back or has taken too long. */
export interface Loan {
  readonly knowledge: Knowledge;
  /** With what is known then; undefined when it has to be found out. */
  giveBack(knowledge: Knowledge | undefined): void;
}

/** What a prefix of a group's stream says of its logs, as one gateway tells it to another that knows a shorter one. */
export interface Knowledge {
  /** The prefix ends with it. */
  readonly sequence: number;
  /** Of the logs that have changed behind what the other knows. */
  readonly logs: readonly KnownLog[];
}

export interface KnownLog {
  readonly logId: ShardLogId;
  readonly nextIndex: number;
  /** Of the first message of the newest entry; 0 when there is none. */
  readonly lastSequence: number;
  readonly lastArrivalMs: number;
  readonly isClosed: boolean;
  /** Of the newest message, entry or close. */
  readonly changedSequence: number;
}

/** Something wanted that is on its way, as the messages it has become. */
export interface UnderWay {
  readonly wanted: Wanted;
  readonly number: number;
  readonly index: number;
  readonly arrivalMs: number;
}

const NO_PAYLOAD = Buffer.alloc(0);

/** A close, or an entry in parts of at most {@link PART_BYTES_MAX}, as they stand in the group's stream. */
export function messagesOf(
  names: GroupNames,
  wanted: Wanted,
  place: {
    readonly session: string;
    readonly number: number;
    readonly index: number;
    readonly arrivalMs: number;
    readonly partCount: number;
  },
): MessageToPublish[] {
  const { logId } = wanted;
  const { partCount } = place;
  const head = { ...place, logId };
  if (wanted.kind === "close") {
    const close: GroupMessage = { ...head, kind: "close", recordCount: 0, part: 0, payload: NO_PAYLOAD };
    return [{ subject: names.close(logId), payload: encodeGroupMessage(close) }];
  }
  const { recordCount, byteLength } = wanted.batch;
  if (partCount === 1) {
    const entry = { ...head, kind: "entry", recordCount, part: 0 } as const;
    const payload = writeGroupMessage(entry, byteLength, (bytes, at) => wanted.batch.writeTo(bytes, at));
    return [{ subject: names.entries(logId), payload }];
  }
  const whole = Buffer.allocUnsafe(byteLength);
  wanted.batch.writeTo(whole, 0);
  return Array.from({ length: partCount }, (_, part) => {
    const payload = whole.subarray(part * PART_BYTES_MAX, (part + 1) * PART_BYTES_MAX);
    const entry: GroupMessage = { ...head, kind: "entry", recordCount, part, payload };
    return { subject: names.entries(logId), payload: encodeGroupMessage(entry) };
  });
}

/** Tells appends that were wanted before `oldestMs` that they are given up, and gives what is left. */
export function withoutOld(
  queue: readonly (Wanted | WantedTurn)[],
  underWay: readonly UnderWay[],
  { oldestMs, reason }: { readonly oldestMs: number; readonly reason: string },
): { readonly queue: (Wanted | WantedTurn)[]; readonly underWay: UnderWay[] } {
  const isOld = (wanted: Wanted | WantedTurn): boolean =>
    wanted.kind === "append" && wanted.sinceMs < oldestMs;
  for (const wanted of [...underWay.map((one) => one.wanted), ...queue]) {
    if (wanted.kind === "append" && isOld(wanted)) breakRun(wanted.place);
  }
  for (const wanted of queue) {
    // It was not sent since anything was heard last, so it is not stored; what is under way may be.
    if (wanted.kind === "append" && isOld(wanted)) wanted.resolve({ kind: "read-only", reason });
  }
  for (const { wanted } of underWay) {
    if (wanted.kind === "append" && isOld(wanted)) wanted.resolve({ kind: "unknown", reason });
  }
  return {
    queue: queue.filter((wanted) => !isOld(wanted)),
    underWay: underWay.filter(({ wanted }) => !isOld(wanted)),
  };
}
