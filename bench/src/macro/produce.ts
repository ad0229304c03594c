/** What user records cost in the process that produces them. */
import { createKinesisClient, type KinesisClient } from "@millrace/client";
import { createProducer, type ProducerOptions, type RecordToPut } from "@millrace/producer";
import { nodeRuntime } from "@millrace/runtime";
import { type Bench, bench, type Row } from "../harness/bench.ts";
import { digestOf } from "../harness/digest.ts";
import { inTurns, median } from "../harness/rounds.ts";
import { readUserRecords, userRecords } from "../load/user-records.ts";

interface Produced {
  readonly recordsPerSecond: number;
  /** Processor time of this process, in which nothing else runs meanwhile. */
  readonly cpuMicrosecondsPerRecord: number;
  readonly latencyP99Ms: number | undefined;
}

/** Single puts that are under way at once. */
const SINGLE_PUTS = 32;

export const produce: Bench = bench({
  name: "produce",
  kind: "macro",
  question: "What does a user record cost in the producer, packed and not, beside a call for each?",
  sizes: {
    smoke: { shards: 2, recordBytes: 100, records: 1_500, singleRecords: 50, lingerMs: 10 },
    full: { shards: 8, recordBytes: 100, records: 500_000, singleRecords: 20_000, lingerMs: 100 },
  },
  smokeDigest: "a8c134d2b9935e5e",
  async run({ shards, recordBytes, records, singleRecords, lingerMs }, context) {
    const streams = { aggregated: shards, unaggregated: shards, single: shards };
    const server = await context.millrace({ streams });
    const { clock, random } = nodeRuntime({ logLevel: "error" });
    const client = createKinesisClient({ endpoint: server.endpoint, protocol: "cbor", clock, random });
    const through = async (stream: string, options: Partial<ProducerOptions>): Promise<Produced> => {
      context.progress(`${stream}: ${records} records`);
      const rates = { shardRateShare: Infinity, lingerMs };
      const producer = createProducer({ client, stream, clock, random, ...rates, ...options });
      const produced = await measured(records, async () => {
        await producer.putAll(userRecords(0, records, recordBytes));
        await producer.close();
      });
      const { storedCount, recordLatency } = producer.metrics();
      if (storedCount !== records) throw new Error(`${storedCount} of ${records} records were stored`);
      return { ...produced, latencyP99Ms: recordLatency.p99Ms };
    };
    const runs = await inTurns(context.rounds, {
      aggregated: () => through("aggregated", {}),
      unaggregated: () => through("unaggregated", { aggregation: false, order: "none" }),
      single: () => {
        context.progress(`single: ${singleRecords} calls`);
        return measured(singleRecords, () => putSingly(client, userRecords(0, singleRecords, recordBytes)));
      },
    });
    const digest =
      records > 10_000
        ? digestOf(records)
        : digestOf(...(await readBack(client, Object.keys(streams))).toSorted());
    await client.close();
    return {
      rows: [
        ...rowsOf("packed", runs.aggregated),
        ...rowsOf("not packed", runs.unaggregated),
        ...rowsOf("PutRecord for each", runs.single),
      ],
      digest,
    };
  },
});

async function measured(count: number, work: () => Promise<void>): Promise<Produced> {
  const cpuBefore = process.cpuUsage();
  const beganMs = performance.now();
  await work();
  const tookMs = performance.now() - beganMs;
  const { user, system } = process.cpuUsage(cpuBefore);
  return {
    recordsPerSecond: (count / tookMs) * 1_000,
    cpuMicrosecondsPerRecord: (user + system) / count,
    latencyP99Ms: undefined,
  };
}

async function putSingly(client: KinesisClient, records: Iterator<RecordToPut>): Promise<void> {
  const putOneAfterTheOther = async () => {
    for (let next = records.next(); next.done !== true; next = records.next()) {
      const { partitionKey: PartitionKey, data } = next.value;
      await client.putRecord({ StreamName: "single", PartitionKey, Data: Buffer.from(data) });
    }
  };
  await Promise.all(Array.from({ length: SINGLE_PUTS }, putOneAfterTheOther));
}

/** Every user record of the streams, as texts. */
async function readBack(client: KinesisClient, streamNames: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const name of streamNames) {
    for (const text of await readUserRecords(client, name)) found.push(`${name} ${text}`);
  }
  return found;
}

function rowsOf(what: string, runs: readonly Produced[]): Row[] {
  const rows: Row[] = [
    {
      what: `${what}, rate`,
      value: median(runs.map(({ recordsPerSecond }) => recordsPerSecond)),
      unit: "records/s",
    },
    {
      what: `${what}, processor time`,
      value: median(runs.map(({ cpuMicrosecondsPerRecord }) => cpuMicrosecondsPerRecord)),
      unit: "µs/record",
    },
  ];
  const latencies = runs.flatMap(({ latencyP99Ms }) => (latencyP99Ms === undefined ? [] : [latencyP99Ms]));
  if (latencies.length > 0) {
    rows.push({ what: `${what}, from put to stored, p99`, value: median(latencies), unit: "ms" });
  }
  return rows;
}
