/** Reads a stream from its beginning with a worker of `@millrace/consumer`, and says what that cost this process. */
import { createDynamoClient, createKinesisClient } from "@millrace/client";
import { createConsumer, openDynamoLeaseStore, polling } from "@millrace/consumer";
import { nodeRuntime } from "@millrace/runtime";
import type { DrainPlan, DrainResult } from "./drain-plan.ts";

export async function drain(plan: DrainPlan): Promise<DrainResult> {
  const { endpoint, region, applicationName, warmUpCount } = plan;
  const { clock, random, log } = nodeRuntime({ logLevel: "warn" });
  const credentials = { accessKeyId: "000000000000", secretAccessKey: "secret" };
  const far = { endpoint, region, credentials, clock, random };
  const kinesis = createKinesisClient({ ...far, protocol: "cbor" });
  const tables = createDynamoClient(far);
  const consumer = createConsumer({
    client: kinesis,
    applicationName,
    streams: [plan.streamName],
    leaseStore: await openDynamoLeaseStore({ client: tables, tableName: applicationName, clock }),
    clock,
    random,
    log,
    retrieval: polling({ callsPerSecondMax: Infinity, bytesPerSecondMax: Infinity }),
  });
  let recordCount = 0;
  let sizeBytes = 0;
  let warm: { readonly atMs: number; readonly cpu: NodeJS.CpuUsage } | undefined;
  let result: DrainResult | undefined;
  await consumer.run(({ data }) => {
    recordCount += 1;
    sizeBytes += data.byteLength;
    if (recordCount === warmUpCount) warm = { atMs: performance.now(), cpu: process.cpuUsage() };
    if (recordCount !== plan.recordCount || warm === undefined) return;
    const { user, system } = process.cpuUsage(warm.cpu);
    result = {
      recordCount,
      sizeBytes,
      measuredCount: recordCount - warmUpCount,
      cpuMs: (user + system) / 1_000,
      tookMs: performance.now() - warm.atMs,
    };
    void consumer.stop();
  });
  await Promise.all([kinesis.close(), tables.close()]);
  if (result === undefined) throw new Error(`only ${recordCount} records came`);
  return { ...result, recordCount, sizeBytes };
}
