/** What user records cost in the process that consumes them, beside the KCL. */
import { createKinesisClient } from "@millrace/client";
import { createProducer, type ProducerOptions, type RecordToPut } from "@millrace/producer";
import { nodeRuntime } from "@millrace/runtime";
import { type Bench, bench, type Row } from "../harness/bench.ts";
import { budgets } from "../harness/budgets.ts";
import { digestOf } from "../harness/digest.ts";
import { inTurns, median } from "../harness/rounds.ts";
import type { DrainPlan, DrainResult } from "../load/drain-plan.ts";
import { runDrain, runKclDrain, whyNoKcl } from "../load/run-drain.ts";

const REGION = "us-east-1";
const KEY_COUNT = 10_000;

export const consume: Bench = bench({
  name: "consume",
  kind: "macro",
  question: "What does a user record cost in the consumer, packed and not, beside the KCL?",
  sizes: {
    smoke: {
      shards: 2,
      recordBytes: 1_024,
      records: 300,
      packedRecordBytes: 100,
      packedRecords: 2_000,
      // The KCL takes half a minute until it has its first record.
      withKcl: 0,
    },
    full: {
      shards: 4,
      recordBytes: 1_024,
      records: 400_000,
      packedRecordBytes: 100,
      packedRecords: 2_000_000,
      withKcl: 1,
    },
  },
  smokeDigest: "3ccf86598ca15123",
  async run({ shards, recordBytes, records, packedRecordBytes, packedRecords, withKcl }, context) {
    const server = await context.millrace({ streams: { plain: shards, packed: shards } });
    const { clock, random } = nodeRuntime({ logLevel: "error" });
    const client = createKinesisClient({ endpoint: server.endpoint, protocol: "cbor", clock, random });
    const fill = async (
      stream: string,
      all: Iterable<RecordToPut>,
      options: Partial<ProducerOptions>,
    ): Promise<void> => {
      context.progress(`filling ${stream}`);
      const producer = createProducer({
        client,
        stream,
        clock,
        random,
        shardRateShare: Infinity,
        ...options,
      });
      await producer.putAll(all);
      await producer.close();
    };
    await fill("plain", recordsOf(records, recordBytes), { aggregation: false, order: "none" });
    await fill("packed", recordsOf(packedRecords, packedRecordBytes), {});
    await client.close();

    const reads = (
      streamName: "plain" | "packed",
      who: string,
      run: (plan: DrainPlan) => Promise<DrainResult>,
    ) => {
      const recordCount = streamName === "plain" ? records : packedRecords;
      return (round: number): Promise<DrainResult> => {
        context.progress(`${who} reads ${streamName}`);
        return run({
          endpoint: server.endpoint,
          region: REGION,
          streamName,
          applicationName: `${who}-${streamName}-${round}`,
          // A JVM compiles for a while.
          warmUpCount: Math.floor(recordCount / 2),
          recordCount,
        });
      };
    };
    const whyNot = withKcl === 0 ? "not at this size" : whyNoKcl();
    if (whyNot !== undefined) context.progress(`the KCL is left out: ${whyNot}`);
    const runs: Record<string, DrainResult[]> = await inTurns<string, DrainResult>(context.rounds, {
      plain: reads("plain", "ours", runDrain),
      ...(whyNot === undefined ? { kclPlain: reads("plain", "kcl", runKclDrain) } : {}),
      packed: reads("packed", "ours", runDrain),
      ...(whyNot === undefined ? { kclPacked: reads("packed", "kcl", runKclDrain) } : {}),
    });
    return {
      rows: [
        ...rowsOf("not packed", runs["plain"]!, runs["kclPlain"]),
        ...rowsOf("packed", runs["packed"]!, runs["kclPacked"]),
      ],
      digest: digestOf(
        ...Object.values(runs).flatMap((results) =>
          results.flatMap(({ recordCount, sizeBytes }) => [recordCount, sizeBytes]),
        ),
      ),
    };
  },
});

function* recordsOf(count: number, sizeBytes: number): Generator<RecordToPut> {
  const data = Buffer.alloc(sizeBytes, "x");
  for (let index = 0; index < count; index += 1) yield { partitionKey: `user-${index % KEY_COUNT}`, data };
}

function rowsOf(what: string, ours: readonly DrainResult[], kcl: readonly DrainResult[] | undefined): Row[] {
  const rows: Row[] = [...costsOf(`${what}, ours`, ours)];
  if (kcl === undefined) return rows;
  rows.push(...costsOf(`${what}, the KCL`, kcl));
  rows.push({
    what: `${what}, records for a second of processor time, in multiples of the KCL's`,
    value: median(kcl.map(cpuMicrosecondsPerRecord)) / median(ours.map(cpuMicrosecondsPerRecord)),
    unit: "×",
    budget: budgets.consumerToKcl,
  });
  return rows;
}

function costsOf(who: string, results: readonly DrainResult[]): Row[] {
  return [
    {
      what: `${who}, rate`,
      value: median(results.map(({ measuredCount, tookMs }) => (measuredCount / tookMs) * 1_000)),
      unit: "records/s",
    },
    {
      what: `${who}, processor time`,
      value: median(results.map(cpuMicrosecondsPerRecord)),
      unit: "µs/record",
    },
  ];
}

function cpuMicrosecondsPerRecord({ cpuMs, measuredCount }: DrainResult): number {
  return (cpuMs * 1_000) / measuredCount;
}
