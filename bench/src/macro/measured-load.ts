/** A load brought to a server, with what both sides used meanwhile. */
import type { KinesisClient } from "@millrace/client";
import type { BenchContext, Row } from "../harness/bench.ts";
import { median } from "../harness/rounds.ts";
import { benchClient } from "../load/call.ts";
import type { LoadPlan, LoadResult } from "../load/plan.ts";
import { sumOfDigests } from "../load/record-digest.ts";
import { LoadError, runLoad, runLoadHere } from "../load/run-load.ts";
import type { RunningServer } from "../servers/bench-server.ts";
import { cpuMsOf } from "../servers/process-usage.ts";

export interface MeasuredLoad {
  readonly load: LoadResult;
  /** Processor time of the server over the wall time of the load, its warm-up included; 1 is one core. */
  readonly serverCores: number;
  /** The same of the load generator, while it counted. */
  readonly generatorCores: number;
}

/** @throws {LoadError} */
export async function measureLoad(
  server: Pick<RunningServer, "pids">,
  plan: LoadPlan,
): Promise<MeasuredLoad> {
  const cpuBeforeMs = cpuMsOf(server.pids);
  // A fixed number of requests is for checking that everything works: no rate is taken from it.
  const load = await (plan.requests === undefined ? runLoad(plan) : runLoadHere(plan));
  const wallMs = load.elapsedMs + (plan.warmUpMs ?? 0);
  return {
    load,
    serverCores: (cpuMsOf(server.pids) - cpuBeforeMs) / wallMs,
    generatorCores: load.cpuMs / load.elapsedMs,
  };
}

/** Records in a second. */
export function recordRate({ load }: MeasuredLoad): number {
  return (load.records * 1_000) / load.elapsedMs;
}

/** Millions of bytes of data in a second. */
export function byteRate({ load }: MeasuredLoad): number {
  return load.bytes / load.elapsedMs / 1_000;
}

/** What every load is told by: medians over its rounds. `what` comes before the name of each row. */
export function loadRows(what: string, runs: readonly MeasuredLoad[]): Row[] {
  const of = (value: (run: MeasuredLoad) => number) => median(runs.map(value));
  const name = (row: string) => (what === "" ? row : `${what}: ${row}`);
  return [
    { what: name("records"), value: of(recordRate), unit: "records/s" },
    { what: name("data"), value: of(byteRate), unit: "MB/s" },
    { what: name("requests"), value: of(({ load }) => (load.requests * 1_000) / load.elapsedMs), unit: "/s" },
    { what: name("latency p50"), value: of(({ load }) => load.latencyMs.p50), unit: "ms" },
    { what: name("latency p99"), value: of(({ load }) => load.latencyMs.p99), unit: "ms" },
    { what: name("server"), value: of(({ serverCores }) => serverCores), unit: "cores" },
    {
      what: name("server, per record"),
      value: of((run) => (run.serverCores * 1e6) / recordRate(run)),
      unit: "µs of processor time",
    },
    { what: name("load generator"), value: of(({ generatorCores }) => generatorCores), unit: "cores" },
  ];
}

/** The end of a plan: after so many requests where they are given (smoke size), else after a time. */
export function endOf(size: {
  readonly requests: number;
  readonly durationMs: number;
  readonly warmUpMs: number;
}): Pick<LoadPlan, "requests" | "durationMs" | "warmUpMs"> {
  if (size.requests > 0) return { requests: size.requests };
  return { durationMs: size.durationMs, warmUpMs: size.warmUpMs };
}

/** Digests of all runs together; of a run without one, how much it read. */
export function digestOfLoads(runs: readonly MeasuredLoad[]): string {
  return sumOfDigests(runs.map(({ load }) => load.digest ?? load.records.toString(16)));
}

/** How much a fixed number of requests read; how much a fixed time allows is chance. */
export function countsAtFixedSize(requests: number, runs: readonly MeasuredLoad[]): number[] {
  return requests > 0 ? runs.map(({ load }) => load.records) : [];
}

/** Creates a stream, and resolves when it can be used. */
export async function createStream(
  client: KinesisClient,
  streamName: string,
  shardCount: number,
): Promise<void> {
  await client.createStream({ StreamName: streamName, ShardCount: shardCount });
  for (;;) {
    const { StreamDescriptionSummary } = await client.describeStreamSummary({ StreamName: streamName });
    if (StreamDescriptionSummary.StreamStatus === "ACTIVE") return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Calls with a client that is closed afterwards. */
export async function withClient<Result>(
  endpoint: string,
  call: (client: KinesisClient) => Promise<Result>,
): Promise<Result> {
  const client = benchClient(endpoint);
  try {
    return await call(client);
  } finally {
    await client.close();
  }
}

export interface Filling {
  readonly endpoint: string;
  readonly streamName: string;
  readonly recordCount: number;
  readonly recordBytes: number;
  /** Which records: the same seed gives the same ones. */
  readonly seed: number;
}

export interface Filled {
  readonly digest: string;
  readonly recordCount: number;
}

/** Stores records as fast as it goes: at least as many as asked for, and at most 499 more. */
export async function fill(context: BenchContext, filling: Filling): Promise<Filled> {
  const { endpoint, streamName, recordCount, recordBytes, seed } = filling;
  context.progress(
    `storing ${recordCount.toLocaleString("en-US")} records of ${recordBytes} bytes in ${streamName}`,
  );
  const { digest, records } = await runLoadHere({
    endpoint,
    streamName,
    operation: "PutRecords",
    protocol: "cbor",
    connections: 4,
    recordBytes,
    recordsPerRequest: Math.min(500, recordCount),
    partitionKeys: { count: 100_000, seed },
    requests: Math.ceil(recordCount / 500),
  });
  return { digest: digest!, recordCount: records };
}

/** Reads every record of a stream once and returns the digest of what came. @throws {LoadError} */
export async function readBack(
  endpoint: string,
  streamName: string,
  recordBytes: number,
): Promise<string | undefined> {
  const { digest } = await runLoadHere({
    endpoint,
    streamName,
    operation: "GetRecords",
    protocol: "json",
    connections: 4,
    recordBytes,
    passes: 1,
    check: "records",
  });
  return digest;
}

/** Fails unless a stream holds exactly the records with this digest. @throws {LoadError} */
export async function checkStored(
  endpoint: string,
  streamName: string,
  recordBytes: number,
  expected: string,
): Promise<void> {
  const found = await readBack(endpoint, streamName, recordBytes);
  if (found !== expected)
    throw new LoadError(`${streamName} holds records with digest ${found}, put were ${expected}`);
}
