/**
 * Makes on-demand streams follow their traffic. Once a minute each is looked at, and changed in one commit: it
 * stays ACTIVE, and no client notices but by the shards. A stream that is being changed by somebody else is left
 * for the next minute, so that there is one open operation per stream.
 */
import type { Reshard } from "../catalog/records.ts";
import type { Shard } from "../catalog/shard.ts";
import type { Stream } from "../catalog/stream.ts";
import type { StreamsContext } from "../context.ts";
import { onDemandShardsMax, shardsPerAccount } from "../limits.ts";
import { reshardAll } from "../shards/reshard.ts";
import { shardsForThroughput } from "../shards/warm-throughput.ts";
import type { ScalingShard } from "./scaling-plan.ts";
import { COOL, HOT, isHot, planMerges, planSplits, shardsForDouble } from "./scaling-plan.ts";
import type { StreamTraffic } from "./stream-traffic.ts";

/** How often the pass runs, in service milliseconds: the minute in which rates are measured. */
const PERIOD_MS = 60_000;

const DAY_MS = 86_400_000;

/** A stream that was watched for less does not shrink: what it needed before is not known. */
const WATCHED_MS_MIN = 30 * DAY_MS;

/** How long after one scale-down there is no other. */
const SHRINK_EVERY_MS = DAY_MS;

export function startOnDemandScaling(context: StreamsContext): void {
  const { background, clock } = context;
  const run = async (): Promise<void> => {
    // Next first: a pass that fails must not be the last.
    background.schedule("on-demand scaling", clock.nowMs() + PERIOD_MS, run);
    await scalingPass(context);
  };
  background.schedule("on-demand scaling", clock.nowMs() + PERIOD_MS, run);
}

/** One pass over all on-demand streams. */
export async function scalingPass(context: StreamsContext): Promise<void> {
  for (const known of [...context.traffic.all()]) {
    const { stream } = known;
    if (stream.gone || (await context.traffic.handOver(known))) continue;
    // It may have been read anew.
    const traffic = context.traffic.ofStream(stream);
    if (traffic === undefined || !context.traffic.endMinute(traffic)) continue;
    if (stream.header.status === "ACTIVE") await scale(context, traffic);
  }
  await context.traffic.store("due");
}

async function scale(context: StreamsContext, traffic: StreamTraffic): Promise<void> {
  const { stream } = traffic;
  const nowMs = context.clock.nowMs();
  noticeLoweredWarmth(traffic, nowMs);
  const splits = splitsOf(context, traffic, nowMs);
  const steps = splits.length > 0 ? splits : mergesOf(context, traffic, nowMs);
  if (steps.length === 0) return;
  await apply(context, stream, steps);
  context.log.info("an on-demand stream was scaled to its traffic", {
    stream: stream.arn,
    changes: steps.length,
    openShards: stream.openShards().length,
  });
}

/**
 * Lowering warm throughput lets go of capacity at once, down to what was asked for and what the last hour
 * needed; what was needed before that no longer counts. Source: API reference, UpdateStreamWarmThroughput.
 */
function noticeLoweredWarmth(traffic: StreamTraffic, nowMs: number): void {
  const warmMiBps = traffic.stream.header.warmThroughputMiBps ?? 0;
  if (warmMiBps === traffic.warmMiBps) return;
  traffic.isShrinking = warmMiBps < traffic.warmMiBps;
  traffic.warmMiBps = warmMiBps;
  traffic.isDirty = true;
  if (!traffic.isShrinking) return;
  traffic.history.forgetBeforeHour(nowMs);
  for (const shard of traffic.shards()) {
    shard.history.forgetBeforeHour(nowMs);
    shard.isDirty = true;
  }
}

function splitsOf(context: StreamsContext, traffic: StreamTraffic, nowMs: number): Reshard[] {
  const { accountId, region } = traffic.stream;
  const wanted = wantedShards(traffic, nowMs);
  const isLarge = traffic.stream.openShards().length >= wanted;
  // Most minutes of most streams end here.
  if (isLarge && ![...traffic.shards()].some(({ rate }) => isHot(rate))) return [];
  const most = onDemandShardsMax(context.limits, region);
  const splits = planSplits(scalingShards(traffic, nowMs), wanted, most);
  if (splits.length === 0) return splits;
  const room = shardsPerAccount(context.limits, region) - context.catalog.openShardCountOf(accountId, region);
  return splits.slice(0, Math.max(0, room));
}

/** Capacity is double the peak, and at least what is to be warm. */
function wantedShards(traffic: StreamTraffic, nowMs: number): number {
  return Math.max(
    shardsForDouble(traffic.history.peakOfThirtyDays(nowMs)),
    shardsForThroughput(traffic.warmMiBps),
  );
}

/**
 * A stream shrinks when its account no longer pays for warmth; or when it has had more than twice the shards that
 * it needs for thirty days, and then by half at most, once a day. It keeps what a new stream has.
 */
function mergesOf(context: StreamsContext, traffic: StreamTraffic, nowMs: number): Reshard[] {
  const count = traffic.stream.openShards().length;
  const least = Math.max(wantedShards(traffic, nowMs), context.limits.onDemandShardsAtStart);
  let merges: Reshard[] = [];
  if (traffic.isShrinking) {
    merges = planMerges(scalingShards(traffic, nowMs), least, HOT);
    if (merges.length === 0) {
      traffic.isShrinking = false;
      traffic.isDirty = true;
    }
    return merges;
  }
  if (nowMs - traffic.sinceMs < WATCHED_MS_MIN || nowMs - traffic.shrunkMs < SHRINK_EVERY_MS) return merges;
  if (count < 2 * least) return merges;
  merges = planMerges(scalingShards(traffic, nowMs), Math.max(least, Math.ceil(count / 2)), COOL);
  if (merges.length > 0) {
    traffic.shrunkMs = nowMs;
    traffic.isDirty = true;
  }
  return merges;
}

/** The open shards in order of the ring. */
function scalingShards(traffic: StreamTraffic, nowMs: number): ScalingShard[] {
  // Where the service chooses the place, no key carries anything.
  const isAuto = traffic.stream.header.recordDistribution === "AUTO";
  return traffic.stream.openShards().map((shard: Shard): ScalingShard => {
    const { rate, history, sketch } = traffic.of(shard);
    return {
      shardIndex: shard.shardIndex,
      hashKeyRange: shard.hashKeyRange,
      rate,
      peak: history.peakOfThirtyDays(nowMs),
      median: isAuto ? undefined : sketch.median(),
      isOneKey: !isAuto && sketch.isOneKey,
    };
  });
}

function apply(context: StreamsContext, stream: Stream, steps: readonly Reshard[]): Promise<void> {
  const { catalog, clock, engine } = context;
  return catalog.changeInTurn(stream, (current) => {
    // The plan is for the shards as they were; if anything has come between, the next minute has a new one.
    if (current !== stream || stream.header.status !== "ACTIVE") return undefined;
    const { mode } = stream.header;
    if (mode !== "ON_DEMAND" || !steps.every((step) => isStillOpen(stream, step))) return undefined;
    const { nextShardIndex, ...change } = reshardAll(stream, steps, {
      nowMs: clock.nowMs(),
      allocateLogId: () => engine.allocateLogId(),
    });
    return { ...change, header: { ...stream.header, nextShardIndex } };
  });
}

function isStillOpen(stream: Stream, step: Reshard): boolean {
  const isOpen = (shardIndex: number): boolean => stream.shard(shardIndex)?.isOpen === true;
  switch (step.kind) {
    case "split":
      return isOpen(step.shardIndex);
    case "merge":
      return isOpen(step.shardIndex) && isOpen(step.adjacentShardIndex);
    case "uniform":
      return true;
  }
}
