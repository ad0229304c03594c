import type { ServiceError } from "@millrace/api";
import type { Stream } from "../catalog/stream.ts";

/** Refuses to reshard an on-demand stream by hand: its shards are the service's. */
export function requireProvisioned(
  stream: Stream,
  operation: string,
  failure: (code: "ValidationException", message: string) => ServiceError,
): void {
  if (stream.header.mode === "PROVISIONED") return;
  throw failure(
    "ValidationException",
    `${operation} is not supported for stream ${stream.name} under account ${stream.accountId} in ON_DEMAND mode.`,
  );
}
