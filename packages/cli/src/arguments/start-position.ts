import { parseDurationMs } from "@millrace/server";
import { UsageError } from "./usage-error.ts";

/** Where reading begins. */
export type StartPosition =
  | { readonly kind: "LATEST" }
  | { readonly kind: "TRIM_HORIZON" }
  | { readonly kind: "AT_TIMESTAMP"; readonly timestampMs: number }
  | { readonly kind: "AT_SEQUENCE_NUMBER"; readonly sequenceNumber: string };

/**
 * Reads `latest`, `trim-horizon`, a point in time (`2026-11-20T16:00:00Z`, epoch seconds), how long ago
 * (`-5m`), or a sequence number (`sequence:495…`), which is one of a single shard.
 *
 * @param nowMs the time that "ago" counts from.
 */
export function parseStartPosition(text: string, nowMs: number): StartPosition {
  const word = text.toLowerCase().replaceAll("_", "-");
  if (word === "latest") return { kind: "LATEST" };
  if (word === "trim-horizon" || word === "start" || word === "beginning") return { kind: "TRIM_HORIZON" };
  const sequenceNumber = /^sequence:(\d{1,129})$/.exec(word)?.[1];
  if (sequenceNumber !== undefined) return { kind: "AT_SEQUENCE_NUMBER", sequenceNumber };
  if (text.startsWith("-")) {
    const agoMs = parseDurationMs(text.slice(1));
    if (agoMs !== undefined) return { kind: "AT_TIMESTAMP", timestampMs: nowMs - agoMs };
  } else if (/^\d{9,11}(?:\.\d+)?$/.test(text)) {
    return { kind: "AT_TIMESTAMP", timestampMs: Number(text) * 1_000 };
  } else if (/^\d{4}-\d{2}-\d{2}/.test(text)) {
    const timestampMs = Date.parse(text);
    if (!Number.isNaN(timestampMs)) return { kind: "AT_TIMESTAMP", timestampMs };
  }
  throw new UsageError(
    `--from ${text}: expected latest, trim-horizon, a time such as 2026-11-20T16:00:00Z or 1795184401, how long ago, such as -5m, or sequence:N with --shard`,
  );
}
