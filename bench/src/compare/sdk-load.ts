/** PutRecord by the JavaScript SDK, again and again, with the SDK's own settings. */
import { performance } from "node:perf_hooks";
import { KinesisClient, PutRecordCommand } from "@aws-sdk/client-kinesis";
import { LatencyRecorder } from "../load/latencies.ts";
import type { Latencies } from "../load/plan.ts";
import { CREDENTIALS, REGION } from "./control.ts";

export interface SdkLoadPlan {
  readonly endpoint: string;
  readonly streamName: string;
  readonly inFlight: number;
  readonly recordBytes: number;
  readonly warmUpMs: number;
  readonly durationMs: number;
}

export interface SdkLoadResult {
  readonly requests: number;
  readonly elapsedMs: number;
  readonly latencyMs: Latencies;
  /** The SDK's own processor time while it counted, user and kernel. */
  readonly cpuMs: number;
}

/** Rejects with the first error that is answered: one attempt is all that a call gets, so that none is hidden. */
export async function loadWithSdk(plan: SdkLoadPlan): Promise<SdkLoadResult> {
  const { endpoint, streamName, inFlight, recordBytes, warmUpMs, durationMs } = plan;
  const client = new KinesisClient({ endpoint, region: REGION, credentials: CREDENTIALS, maxAttempts: 1 });
  const startMs = performance.now() + warmUpMs;
  const endMs = startMs + durationMs;
  const latencies = new LatencyRecorder();
  const data = Buffer.alloc(recordBytes, "sdk ");
  let cpu = process.cpuUsage();
  let isCounting = false;
  let turn = 0;

  const putInTurn = async () => {
    for (;;) {
      const beganMs = performance.now();
      if (beganMs >= endMs) return;
      if (!isCounting && beganMs >= startMs) {
        isCounting = true;
        cpu = process.cpuUsage();
      }
      turn += 1;
      await client.send(
        new PutRecordCommand({ StreamName: streamName, PartitionKey: `key-${turn}`, Data: data }),
      );
      const nowMs = performance.now();
      if (beganMs >= startMs && nowMs <= endMs) latencies.add(nowMs - beganMs);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, putInTurn));
  const { user, system } = process.cpuUsage(cpu);
  client.destroy();
  if (latencies.count === 0) throw new Error(`no call was answered within ${durationMs} ms`);
  return {
    requests: latencies.count,
    elapsedMs: durationMs,
    latencyMs: latencies.summary(),
    cpuMs: (user + system) / 1_000,
  };
}
