/**
 * Calls that a stream may get only so often in 24 hours, which roll on with service time. The stream's header
 * remembers them; only those that succeeded count.
 */
import type { ServiceError } from "@millrace/api";
import type { StreamHeader } from "./catalog/records.ts";
import type { Stream } from "./catalog/stream.ts";

const DAY_MS = 86_400_000;

/** Refuses a call beyond `limit`, in the words of a rate of calls, as users of UpdateStreamMode got them. */
export function refuseBeyondDay(
  stream: Stream,
  operation: string,
  limit: number,
  nowMs: number,
  failure: (code: "LimitExceededException", message: string) => ServiceError,
): void {
  if (callsOfDay(stream, operation, nowMs).length < limit) return;
  throw failure(
    "LimitExceededException",
    `Rate exceeded for stream ${stream.name} under account ${stream.accountId}.`,
  );
}

/** What the stream remembers when the call succeeds: one call more, and none of the days before. */
export function withCallOfDay(stream: Stream, operation: string, nowMs: number): StreamHeader["calls"] {
  return { ...stream.header.calls, [operation]: [...callsOfDay(stream, operation, nowMs), nowMs] };
}

function callsOfDay({ header }: Stream, operation: string, nowMs: number): readonly number[] {
  return (header.calls[operation] ?? []).filter((calledMs) => calledMs > nowMs - DAY_MS);
}
