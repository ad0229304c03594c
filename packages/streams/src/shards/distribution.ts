/** Who places records: their partition keys, or the service. */
import type { ServiceError } from "@millrace/api";
import type { RecordDistribution, StreamMode } from "../catalog/records.ts";

/** Refuses what only on-demand streams can have. The code is the API reference's, its words are not recorded. */
export function refuseAutoOnProvisioned(
  strategy: RecordDistribution,
  mode: StreamMode,
  failure: (code: "InvalidArgumentException", message: string) => ServiceError,
): void {
  if (strategy !== "AUTO" || mode !== "PROVISIONED") return;
  throw failure(
    "InvalidArgumentException",
    "RecordDistributionStrategy AUTO is only supported for a stream in ON_DEMAND mode.",
  );
}
