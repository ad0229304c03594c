/** All ceilings at their smallest: they must read, answer and store what they say, or they prove nothing. */
import { connect } from "node:http2";
import { digestOf } from "../harness/digest.ts";
import type { LoadPlan, LoadResult } from "../load/plan.ts";
import { runLoad } from "../load/run-load.ts";
import { startMillraceServer } from "../servers/millrace-server.ts";
import { scratchDirectory } from "../servers/scratch.ts";
import { bareHttp2Ceiling, decodeCeiling, replayCeiling } from "./ceiling-servers.ts";
import type { CeilingServer, RunningCeiling } from "./ceiling-servers.ts";
import { runBareJournal } from "./run-bare-journal.ts";

const STREAM = "bench";
const SHARDS = 3;
const RECORD_BYTES = 100;
const REQUESTS = 4;
const RECORDS_PER_REQUEST = 20;
const PARTITION_KEYS = { count: 50, seed: 7 };

/** What {@link ceilingsSmoke} comes to. */
export const CEILINGS_SMOKE_DIGEST = "062bde31ac71ae9c";

/** Runs every ceiling, without peers and without figures, and digests the records that went through them. */
export async function ceilingsSmoke(): Promise<string> {
  return digestOf(
    await withCeiling(decodeCeiling("decode", SHARDS), putBoth),
    await withCeiling(replayCeiling("replay puts", ["PutRecords", "PutRecord"]), putBoth),
    await withCeiling(replayCeiling("replay gets", ["GetRecords", "GetShardIterator"]), getTwice),
    await withCeiling(bareHttp2Ceiling("bare HTTP/2", ["PutRecord"]), putOverHttp2),
    await feedJournal(),
  );
}

async function withCeiling(
  ceiling: CeilingServer,
  use: (running: RunningCeiling) => Promise<string>,
): Promise<string> {
  const running = await ceiling.start();
  try {
    await createStream(running.upstreamEndpoint);
    return await use(running);
  } finally {
    await running.stop();
  }
}

async function putBoth({ endpoint }: RunningCeiling): Promise<string> {
  const json = await put(endpoint, "json");
  const cbor = await put(endpoint, "cbor");
  return digestOf(json.digest!, cbor.digest!);
}

/** What was put once is read twice, and more that is put in between is not seen: the second time is a repetition. */
async function getTwice({ endpoint, upstreamEndpoint }: RunningCeiling): Promise<string> {
  const { digest } = await put(upstreamEndpoint, "json");
  const first = await get(endpoint);
  await put(upstreamEndpoint, "json");
  const second = await get(endpoint);
  if (first.digest !== digest || second.digest !== digest)
    throw new Error(`${digest} was put, ${first.digest} was read first and ${second.digest} again`);
  return digest!;
}

/** Two sessions, as the SDK makes a new one for each request. The answers are the same bytes. */
async function putOverHttp2({ endpoint }: RunningCeiling): Promise<string> {
  const answers = [await post(endpoint, "one"), await post(endpoint, "two")];
  const [first, second] = answers.map(({ status, body }) => `${status} ${body}`);
  if (!first!.startsWith('200 {"') || first !== second) throw new Error(`answered ${first}, then ${second}`);
  return digestOf(Object.keys(JSON.parse(answers[0]!.body) as object).join());
}

async function feedJournal(): Promise<string> {
  const scratch = scratchDirectory("smoke");
  try {
    const entriesFrom = `${scratch.path}/entries`;
    const server = await startMillraceServer({ dataDir: entriesFrom });
    try {
      await createStream(server.endpoint);
      await put(server.endpoint, "cbor");
    } finally {
      await server.stop();
    }
    const { digest, records } = await runBareJournal({
      entriesFrom,
      directory: `${scratch.path}/data`,
      inFlight: 2,
      entriesPerRequest: SHARDS,
      warmUpMs: 0,
      durationMs: 100,
    });
    if (records === 0) throw new Error("the journal stored nothing");
    return digest;
  } finally {
    scratch.remove();
  }
}

function put(endpoint: string, protocol: LoadPlan["protocol"]): Promise<LoadResult> {
  return runLoad({
    endpoint,
    streamName: STREAM,
    operation: "PutRecords",
    protocol,
    // On one connection, so that batches and their entries come in order.
    connections: 1,
    recordBytes: RECORD_BYTES,
    recordsPerRequest: RECORDS_PER_REQUEST,
    partitionKeys: PARTITION_KEYS,
    requests: REQUESTS,
  });
}

function get(endpoint: string): Promise<LoadResult> {
  return runLoad({
    endpoint,
    streamName: STREAM,
    operation: "GetRecords",
    protocol: "json",
    connections: 1,
    recordBytes: RECORD_BYTES,
    passes: 1,
    check: "records",
  });
}

const JSON_TYPE = "application/x-amz-json-1.1";

async function createStream(endpoint: string): Promise<void> {
  const call = async (operation: string, input: object): Promise<string> => {
    const response = await fetch(endpoint, {
      method: "POST",
      headers: { "content-type": JSON_TYPE, "x-amz-target": `Kinesis_20131202.${operation}` },
      body: JSON.stringify(input),
    });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${operation} was answered ${response.status}: ${text}`);
    return text;
  };
  await call("CreateStream", { StreamName: STREAM, ShardCount: SHARDS });
  while (!(await call("DescribeStreamSummary", { StreamName: STREAM })).includes('"ACTIVE"'));
}

function post(endpoint: string, partitionKey: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const session = connect(endpoint);
    session.on("error", reject);
    const stream = session.request({
      ":method": "POST",
      "content-type": JSON_TYPE,
      "x-amz-target": "Kinesis_20131202.PutRecord",
    });
    let status = 0;
    let body = "";
    stream.on("response", (headers) => (status = headers[":status"] ?? 0));
    stream.setEncoding("utf8").on("data", (text: string) => (body += text));
    stream.on("error", reject);
    stream.on("end", () => session.close(() => resolve({ status, body })));
    stream.end(JSON.stringify({ StreamName: STREAM, PartitionKey: partitionKey, Data: "YWJj" }));
  });
}
