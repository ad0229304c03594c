/** Keeps a cluster busy without a gateway: a closed loop of entries over shards. */
import { performance } from "node:perf_hooks";
import { seededRandom } from "@millrace/runtime";
import { LatencyRecorder } from "../load/latencies.ts";
import type { FeedPlan, FeedResult } from "./feed-plan.ts";
import type { FeedTarget } from "./feed-targets.ts";

/** Data of entries is cut from this many bytes. */
const POOL_BYTES = 4 << 20;

export async function feed(target: FeedTarget, plan: FeedPlan): Promise<FeedResult> {
  const { shards, entryBytes, inFlight, warmUpMs, durationMs = Infinity, entries = Infinity } = plan;
  const random = seededRandom(1);
  const pool = Buffer.from(random.bytes(POOL_BYTES + entryBytes));
  const startMs = performance.now() + warmUpMs;
  const endMs = startMs + durationMs;
  const latencies = new LatencyRecorder();
  let entriesEver = 0;
  let cpuAtStart: NodeJS.CpuUsage | undefined;
  let cpu: NodeJS.CpuUsage | undefined;
  let countedMs = 0;
  // Not after each entry: asking is a call of the kernel.
  const starting = setTimeout(() => (cpuAtStart = process.cpuUsage()), warmUpMs);
  const ending =
    durationMs === Infinity
      ? undefined
      : setTimeout(() => (cpu = process.cpuUsage(cpuAtStart)), warmUpMs + durationMs);

  const put = async () => {
    for (;;) {
      const beganMs = performance.now();
      if (beganMs >= endMs || latencies.count >= entries) return;
      const shard = shards[random.below(shards.length)]!;
      const from = random.below(POOL_BYTES);
      await target.append(shard, pool.subarray(from, from + entryBytes));
      entriesEver += 1;
      const nowMs = performance.now();
      if (nowMs < startMs || nowMs >= endMs) continue;
      latencies.add(nowMs - beganMs);
      countedMs = nowMs - startMs;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, put));
  clearTimeout(starting);
  clearTimeout(ending);
  const { user, system } = cpu ?? process.cpuUsage(cpuAtStart);
  return {
    entries: latencies.count,
    entriesEver,
    elapsedMs: plan.durationMs ?? countedMs,
    latencyMs: latencies.summary(),
    cpuMs: (user + system) / 1_000,
  };
}
