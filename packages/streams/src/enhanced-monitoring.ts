/** Metrics of single shards: which a stream has, before and after a change. */
import type { Decoded, EnableEnhancedMonitoring } from "@millrace/api";
import { MetricsName } from "@millrace/api";
import type { StreamName } from "./catalog/records.ts";
import type { StreamsContext } from "./context.ts";
import type { FindFailure } from "./find-stream.ts";
import { arnOf, requireActive, streamNotFound } from "./find-stream.ts";
import { updating } from "./updating.ts";

export type ShardLevelMetric = Decoded<typeof MetricsName>;

/** The seven metrics, in the order in which they are told. */
const METRICS: readonly ShardLevelMetric[] = MetricsName.values!.filter((name) => name !== "ALL");

/** The metrics that a request names; ALL stands for each of them. */
export function metricsAsked(names: readonly ShardLevelMetric[]): ReadonlySet<ShardLevelMetric> {
  return new Set(names.includes("ALL") ? METRICS : names);
}

/** Changes the metrics of a stream, and tells which it had and which it will have. */
export async function changeMetrics(
  context: StreamsContext,
  name: StreamName,
  nowMs: number,
  failure: FindFailure & Parameters<typeof requireActive>[1],
  keep: (metric: ShardLevelMetric, had: boolean) => boolean,
): Promise<Decoded<(typeof EnableEnhancedMonitoring)["output"]>> {
  let before: readonly ShardLevelMetric[] = [];
  let after: readonly ShardLevelMetric[] = [];
  await context.catalog.change(name, (stream) => {
    if (stream === undefined) throw streamNotFound(name, failure);
    requireActive(stream, failure);
    const had = new Set(stream.header.shardLevelMetrics);
    before = METRICS.filter((metric) => had.has(metric));
    after = METRICS.filter((metric) => keep(metric, had.has(metric)));
    if (before.length === after.length && before.every((metric, at) => metric === after[at]))
      return undefined;
    return { header: updating(context, { ...stream.header, shardLevelMetrics: after }, nowMs) };
  });
  return {
    StreamName: name.name,
    CurrentShardLevelMetrics: before,
    DesiredShardLevelMetrics: after,
    StreamARN: arnOf(name),
  };
}
