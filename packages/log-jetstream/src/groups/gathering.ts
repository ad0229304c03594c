import { isMisplaced, type ShardLogId } from "@millrace/log";
import { BATCH_MESSAGES_MAX, type MessageToPublish } from "../broker/broker.ts";
import { PART_BYTES_MAX } from "./group-message.ts";
import type { GroupNames } from "./group-names.ts";
import type { LogTail, LogTails } from "./log-tails.ts";
import { messagesOf, type UnderWay, type Wanted, type WantedTurn } from "./wanted.ts";

/** Bytes of one append; an entry may exceed it. */
const APPEND_BYTES_MAX = 1 << 20;

export interface GatheringOptions {
  readonly names: GroupNames;
  readonly session: string;
  /** Service time, in milliseconds. */
  readonly nowMs: () => number;
  /** Counts what this gateway writes. */
  readonly nextNumber: () => number;
}

/** The next append of a group. */
export interface Gathered {
  readonly messages: MessageToPublish[];
  readonly underWay: UnderWay[];
  /** So many from the front of the queue are dealt with: they are under way, or have their outcome. */
  readonly takenCount: number;
}

/** Puts the next append together from the front of a queue, behind what is known. What needs no message gets its outcome. */
export function gatherAppend(
  queue: readonly (Wanted | WantedTurn)[],
  tails: LogTails,
  { names, session, nowMs, nextNumber }: GatheringOptions,
): Gathered {
  const messages: MessageToPublish[] = [];
  const underWay: UnderWay[] = [];
  const ahead = new Map<ShardLogId, LogTail>();
  let bytes = 0;
  let takenCount = 0;
  for (const wanted of queue) {
    if (wanted.kind === "turn") break;
    const sizeBytes = wanted.kind === "append" ? wanted.batch.byteLength : 0;
    const partCount = Math.max(1, Math.ceil(sizeBytes / PART_BYTES_MAX));
    if (
      messages.length > 0 &&
      (bytes + sizeBytes > APPEND_BYTES_MAX || messages.length + partCount > BATCH_MESSAGES_MAX)
    )
      break;
    takenCount += 1;
    const { logId } = wanted;
    const tail = ahead.get(logId) ?? tails.of(logId);
    if (tail.isClosed) {
      if (wanted.kind === "append") wanted.resolve({ kind: "closed" });
      else wanted.resolve(tail.nextIndex);
      continue;
    }
    const index = tail.nextIndex;
    const place = wanted.kind === "append" ? wanted.place : undefined;
    if (wanted.kind === "append" && isMisplaced(place, index)) {
      wanted.resolve({ kind: "misplaced", nextIndex: index });
      continue;
    }
    bytes += sizeBytes;
    const number = nextNumber();
    const arrivalMs = Math.max(place?.arrivalMs ?? nowMs(), tail.lastArrivalMs);
    underWay.push({ wanted, number, index, arrivalMs });
    messages.push(...messagesOf(names, wanted, { session, number, index, arrivalMs, partCount }));
    ahead.set(
      logId,
      wanted.kind === "close"
        ? { ...tail, isClosed: true }
        : { nextIndex: index + 1, lastArrivalMs: arrivalMs, isClosed: false },
    );
  }
  return { messages, underWay, takenCount };
}
