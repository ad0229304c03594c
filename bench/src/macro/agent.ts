/** How fast the agent takes lines out of a file, and what that costs in its process. */
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { once } from "node:events";
import { readAgentConfig, startAgent } from "@millrace/agent";
import { type ClientTransport, createKinesisClient, type KinesisClient } from "@millrace/client";
import { readAggregatedRecord } from "@millrace/model";
import { nodeRuntime } from "@millrace/runtime";
import { type BenchContext, type Bench, bench, type Row } from "../harness/bench.ts";
import { budgets } from "../harness/budgets.ts";
import { digestOf } from "../harness/digest.ts";
import { inTurns, median } from "../harness/rounds.ts";

interface Tailed {
  readonly megabytesPerSecond: number;
  /** Of this process, in which nothing else runs meanwhile. */
  readonly megabytesPerCpuSecond: number;
}

const STREAM = "lines";
/** Milliseconds between two looks at how far the agent is. */
const LOOK_MS = 2;

export const agent: Bench = bench({
  name: "agent",
  kind: "macro",
  question: "How many lines does the agent take out of a file, into a server and into nothing?",
  sizes: {
    smoke: { lineBytes: 200, lines: 2_000 },
    full: { lineBytes: 200, lines: 1_500_000 },
  },
  smokeDigest: "21f83a3b5b8f3d2c",
  async run({ lineBytes, lines }, context) {
    const server = await context.millrace({ streams: { [STREAM]: 1 }, limits: "off" });
    const { clock, random } = nodeRuntime({ logLevel: "error" });
    const client = createKinesisClient({ endpoint: server.endpoint, protocol: "cbor", clock, random });
    const nothing = createKinesisClient({ transport: answersAtOnce(), protocol: "cbor", clock, random });
    const path = join(context.scratch(), "app.log");
    await writeLines(path, lines, lineBytes);
    const runs = await inTurns(context.rounds, {
      server: () => tailed(context, client, path, lines, lineBytes),
      nothing: () => tailed(context, nothing, path, lines, lineBytes),
    });
    const digest = lines > 10_000 ? digestOf(lines) : digestOf(...(await readBack(client)));
    await client.close();
    return {
      rows: [...rowsOf("into a server", runs.server), ...rowsOf("answered at once", runs.nothing)],
      digest,
    };
  },
});

async function writeLines(path: string, count: number, sizeBytes: number): Promise<void> {
  const file = createWriteStream(path);
  const filling = "x".repeat(sizeBytes);
  for (let index = 0; index < count;) {
    let text = "";
    for (const end = Math.min(count, index + 5_000); index < end; index += 1) {
      text += `${`${index} ${filling}`.slice(0, sizeBytes - 1)}\n`;
    }
    if (!file.write(text)) await once(file, "drain");
  }
  file.end();
  await once(file, "close");
}

async function tailed(
  context: BenchContext,
  client: KinesisClient,
  path: string,
  lines: number,
  lineBytes: number,
): Promise<Tailed> {
  context.progress(`${lines} lines of ${lineBytes} bytes`);
  const { clock, random, files, log } = nodeRuntime({ logLevel: "error" });
  const directory = join(context.scratch(), "state");
  await mkdir(directory);
  const flow = {
    filePattern: path,
    kinesisStream: STREAM,
    initialPosition: "START_OF_FILE",
    partitionKeyOption: "FILE",
  };
  const config = readAgentConfig(JSON.stringify({ flows: [flow] }));
  const beganMs = performance.now();
  const cpuBefore = process.cpuUsage();
  const options = { config, files, clock, random, log, client, directory };
  const running = await startAgent({ ...options, hostName: "bench", shardRateShare: Infinity });
  while (running.storedCount < lines) await clock.sleep(LOOK_MS);
  const { user, system } = process.cpuUsage(cpuBefore);
  const tookMs = performance.now() - beganMs;
  if (running.storedCount !== lines) throw new Error(`${running.storedCount} of ${lines} lines were stored`);
  await running.stop();
  const megabytes = (lines * lineBytes) / 1_000_000;
  return {
    megabytesPerSecond: megabytes / (tookMs / 1_000),
    megabytesPerCpuSecond: megabytes / ((user + system) / 1_000_000),
  };
}

/** A service that stores nothing, and is no further away than a function. */
function answersAtOnce(): ClientTransport {
  const shard = {
    ShardId: "shardId-000000000000",
    HashKeyRange: { StartingHashKey: "0", EndingHashKey: "340282366920938463463374607431768211455" },
    SequenceNumberRange: { StartingSequenceNumber: "1" },
  };
  const answers: Readonly<Record<string, object>> = {
    ListShards: { Shards: [shard] },
    DescribeStreamSummary: {
      StreamDescriptionSummary: {
        StreamName: STREAM,
        StreamARN: `arn:aws:kinesis:us-east-1:000000000000:stream/${STREAM}`,
        StreamStatus: "ACTIVE",
        RetentionPeriodHours: 24,
        StreamCreationTimestamp: 0,
        EnhancedMonitoring: [],
        OpenShardCount: 1,
        MaxRecordSizeInKiB: 1_024,
      },
    },
    // With order kept, the lines of a log are put one packed record after the other.
    PutRecords: { Records: [{ SequenceNumber: "1", ShardId: shard.ShardId }] },
  };
  return {
    authority: "nothing",
    copiesBodies: true,
    send({ headers }) {
      const operation = headers["x-amz-target"]?.split(".").at(-1) ?? "";
      const body = Buffer.from(JSON.stringify(answers[operation]));
      return Promise.resolve({
        status: 200,
        headers: { "content-type": "application/x-amz-json-1.1" },
        body: (async function* () {
          yield body;
        })(),
      });
    },
    close: () => Promise.resolve(),
  };
}

/** Every line of the stream. */
async function readBack(client: KinesisClient): Promise<string[]> {
  const found: string[] = [];
  const first = await client.getShardIterator({
    StreamName: STREAM,
    ShardId: "shardId-000000000000",
    ShardIteratorType: "TRIM_HORIZON",
  });
  for (let iterator = first.ShardIterator; iterator !== undefined;) {
    const { Records, NextShardIterator, MillisBehindLatest } = await client.getRecords({
      ShardIterator: iterator,
    });
    for (const { Data } of Records) {
      for (const { data } of readAggregatedRecord(Data) ?? [{ data: Data }]) {
        found.push(Buffer.from(data).toString("latin1"));
      }
    }
    iterator = MillisBehindLatest === 0 ? undefined : NextShardIterator;
  }
  return found;
}

function rowsOf(what: string, runs: readonly Tailed[]): Row[] {
  return [
    {
      what: `${what}, rate`,
      value: median(runs.map(({ megabytesPerSecond }) => megabytesPerSecond)),
      unit: "MB/s",
    },
    {
      what: `${what}, by processor time`,
      value: median(runs.map(({ megabytesPerCpuSecond }) => megabytesPerCpuSecond)),
      unit: "MB/CPU s",
      budget: budgets.agentMBPerCpuSecond,
    },
  ];
}
