import { DisableEnhancedMonitoring } from "@millrace/api";
import { changeMetrics, metricsAsked } from "../enhanced-monitoring.ts";
import { readStreamName } from "../find-stream.ts";
import { handle } from "../handler.ts";

/** Stops metrics of single shards. */
export const disableEnhancedMonitoring = handle(
  DisableEnhancedMonitoring,
  (context, input, { caller, failure, nowMs }) => {
    const name = readStreamName(input, caller, failure);
    const asked = metricsAsked(input.ShardLevelMetrics);
    return changeMetrics(context, name, nowMs, failure, (metric, had) => had && !asked.has(metric));
  },
);
