import type { Reshard, StreamHeader } from "./catalog/records.ts";
import type { StreamsContext } from "./context.ts";

/** The header of a stream whose settings have changed: in force at once, and UPDATING for the transition delay. */
export function updating(context: StreamsContext, header: StreamHeader, nowMs: number): StreamHeader {
  return {
    ...header,
    status: "UPDATING",
    pending: { kind: "settle", dueMs: nowMs + context.transitionDelayMs },
  };
}

/** The header of a stream that is UPDATING until its shards are other ones. */
export function resharding(
  context: StreamsContext,
  header: StreamHeader,
  reshard: Reshard,
  nowMs: number,
): StreamHeader {
  return {
    ...header,
    status: "UPDATING",
    pending: { kind: "reshard", dueMs: nowMs + context.transitionDelayMs, reshard },
  };
}
