/** What every answer is marked with: two ids, and the time. */
import type { Random } from "@millrace/runtime";
import { httpDate } from "./calendar.ts";

export interface Ids {
  readonly requestId: string;
  /** A second id that the service sends: base64 of 72 bytes. */
  readonly extendedId: string;
}

/** Drawn at once: drawing, and writing as text, costs about as much for this many as for one. */
const IDS_AT_ONCE = 32;
const REQUEST_ID_BYTES = 16;
const EXTENDED_ID_BYTES = 72;

/** Makes ids, two for each request. */
export function idsFrom(random: Random): () => Ids {
  let requestIds = "";
  let extendedIds = "";
  let taken = IDS_AT_ONCE;
  const draw = () => {
    const bytes = Buffer.from(random.bytes(REQUEST_ID_BYTES * IDS_AT_ONCE));
    for (let at = 0; at < bytes.length; at += REQUEST_ID_BYTES) {
      // Version 4, variant 1 (RFC 9562 §5.4).
      bytes[at + 6] = (bytes[at + 6]! & 0x0f) | 0x40;
      bytes[at + 8] = (bytes[at + 8]! & 0x3f) | 0x80;
    }
    requestIds = bytes.toString("hex");
    // No padding comes between them, as the bytes of one are a multiple of three.
    extendedIds = Buffer.from(random.bytes(EXTENDED_ID_BYTES * IDS_AT_ONCE)).toString("base64");
    taken = 0;
  };
  return () => {
    if (taken === IDS_AT_ONCE) draw();
    const at = taken * REQUEST_ID_BYTES * 2;
    const extendedAt = (taken * EXTENDED_ID_BYTES * 4) / 3;
    taken += 1;
    return {
      requestId:
        `${requestIds.slice(at, at + 8)}-${requestIds.slice(at + 8, at + 12)}-${requestIds.slice(at + 12, at + 16)}` +
        `-${requestIds.slice(at + 16, at + 20)}-${requestIds.slice(at + 20, at + 32)}`,
      extendedId: extendedIds.slice(extendedAt, extendedAt + (EXTENDED_ID_BYTES * 4) / 3),
    };
  };
}

/** The `Date` header changes once a second. */
let lastSecond = NaN;
let lastDate = "";

export function dateHeader(nowMs: number): string {
  const second = Math.floor(nowMs / 1_000);
  if (second !== lastSecond) {
    lastSecond = second;
    lastDate = httpDate(nowMs);
  }
  return lastDate;
}
