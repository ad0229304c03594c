/** Which known records a page must hold, and which it must not. */
import type { KnownRecord } from "../ledger.ts";
import { arrivedAfterMs, arrivedBeforeMs, firstAtOrAbove } from "../ledger.ts";
import type { Cursor, Page } from "./events.ts";

/** Whether a record lies where a cursor reads. */
export function liesBehind(cursor: Cursor, record: KnownRecord): "yes" | "no" | "maybe" {
  switch (cursor.kind) {
    case "horizon":
      return "yes";
    case "at":
      return record.sequenceNumber >= cursor.sequenceNumber ? "yes" : "no";
    case "after":
      return record.sequenceNumber > cursor.sequenceNumber ? "yes" : "no";
    case "time":
      if (arrivedAfterMs(record) >= cursor.timestampMs) return "yes";
      // One that was on its way when the iterator was made may stand behind it although it arrived before.
      return arrivedBeforeMs(record) < cursor.timestampMs && record.known.order < cursor.sent.order
        ? "no"
        : "maybe";
    case "latest":
      if (record.attempt.sent.order > cursor.received.order) return "yes";
      return record.known.order < cursor.sent.order ? "no" : "maybe";
  }
}

/** The known records, in order, that the page read past: those it holds and those it should have held. */
export function* covered({ shard, cursor, records, upTo, atTip, sent }: Page): Generator<KnownRecord> {
  const { sorted } = shard;
  const last = upTo ?? records.at(-1)?.sequenceNumber ?? "";
  let at = "sequenceNumber" in cursor ? firstAtOrAbove(sorted, cursor.sequenceNumber) : 0;
  for (; at < sorted.length; at += 1) {
    const record = sorted[at] as KnownRecord;
    if (!atTip && record.sequenceNumber > last) return;
    // What became known while the page was under way may be missing from it.
    if (record.known.order > sent.order && record.sequenceNumber > last) continue;
    if (liesBehind(cursor, record) === "yes") yield record;
  }
}
