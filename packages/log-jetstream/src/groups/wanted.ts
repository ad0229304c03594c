/** What is to be appended to a log group, and the messages that it becomes. */
import type { EncodedBatch, EntryPlace, PlacedOutcome, ShardLogId } from "@millrace/log";
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
      readonly sinceMs: number;
      readonly resolve: (outcome: PlacedOutcome) => void;
    }
  | {
      readonly kind: "close";
      readonly logId: ShardLogId;
      readonly sinceMs: number;
      readonly resolve: (endIndex: number) => void;
    };

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
