import { type ExtendedSequenceNumber, isRecordPlace } from "../leases/extended-sequence-number.ts";

/** A place that the service can be asked for. */
export type StartingPlace =
  | { readonly type: "AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER"; readonly sequenceNumber: string }
  | { readonly type: "AT_TIMESTAMP"; readonly timestampMs: number }
  | { readonly type: "TRIM_HORIZON" | "LATEST" };

export interface Reading {
  /** The checkpoint that reading began with. */
  readonly from: ExtendedSequenceNumber;
  /** What AT_TIMESTAMP means. */
  readonly timestampMs: number | undefined;
  /** The number behind which to go on; undefined before anything was read. */
  readonly after: string | undefined;
  /** The wall clock when reading began; undefined before it. */
  readonly begunMs: number | undefined;
}

/** How far this machine's clock may be ahead of the service's. */
const CLOCK_DIFFERENCE_MS = 5_000;

/**
 * Where to begin, or to go on after an iterator or a subscription was lost. LATEST is a moment: whoever began there and
 * has seen nothing since goes on from that moment, or what came meanwhile would be skipped.
 */
export function startingPlace({ from, timestampMs, after, begunMs }: Reading): StartingPlace {
  if (after !== undefined) return { type: "AFTER_SEQUENCE_NUMBER", sequenceNumber: after };
  // Not AFTER: of an aggregated record only the first user records may have been processed.
  if (isRecordPlace(from)) return { type: "AT_SEQUENCE_NUMBER", sequenceNumber: from.sequenceNumber };
  if (from.sequenceNumber === "AT_TIMESTAMP" && timestampMs !== undefined) {
    return { type: "AT_TIMESTAMP", timestampMs };
  }
  if (from.sequenceNumber !== "LATEST") return { type: "TRIM_HORIZON" };
  if (begunMs === undefined) return { type: "LATEST" };
  return { type: "AT_TIMESTAMP", timestampMs: begunMs - CLOCK_DIFFERENCE_MS };
}
