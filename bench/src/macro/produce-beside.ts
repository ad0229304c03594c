/** The producer beside the KPL and beside the SDK, through the same server. */
import { createKinesisClient, type KinesisClient } from "@millrace/client";
import { createProducer } from "@millrace/producer";
import { nodeRuntime } from "@millrace/runtime";
import { CREDENTIALS, REGION } from "../compare/control.ts";
import { type Bench, type BenchContext, bench, type Row } from "../harness/bench.ts";
import { budgets } from "../harness/budgets.ts";
import { digestOf } from "../harness/digest.ts";
import { inTurns, median } from "../harness/rounds.ts";
import { readUserRecords, userRecords } from "../load/user-records.ts";
import { Kpl, whyNoKpl } from "./kpl.ts";

interface Produced {
  readonly recordsPerSecond: number;
  /** User records for a second of processor time of those who produce: a process, or the KPL's two. */
  readonly recordsPerCpuSecond: number;
}

interface Puts<Result = void> {
  put(stream: string, first: number, count: number, pace: number): Promise<Result>;
  cpuMs(): number;
}

/** Both sides get the same settings: a linger, the sizes that the KPL has by default, no rates. */
type Contestant = Puts<{ readonly p99Ms: number }>;

/** Calls of the SDK that are under way at once. */
const SINGLE_PUTS = 32;

const OURS_OVER_TLS = "oursOverTls";

export const produceBeside: Bench = bench({
  name: "produce-beside",
  kind: "macro",
  question:
    "How many user records does a second of processor time produce, beside the KPL and the SDK's PutRecord?",
  sizes: {
    smoke: {
      shards: 2,
      recordBytes: 100,
      records: 1_000,
      warmUpRecords: 0,
      pacedRecords: 200,
      pace: 1_000,
      lingerMs: 20,
      sdkRecords: 20,
    },
    full: {
      shards: 8,
      recordBytes: 100,
      records: 500_000,
      warmUpRecords: 500_000,
      pacedRecords: 25_000,
      pace: 5_000,
      lingerMs: 100,
      sdkRecords: 10_000,
    },
  },
  smokeDigest: "be4ab94ec175987e",
  async run(size, context) {
    const { shards, recordBytes, records, warmUpRecords, pacedRecords, pace, lingerMs, sdkRecords } = size;
    const streams = { ours: shards, [OURS_OVER_TLS]: shards, kpl: shards, sdk: shards };
    const server = await context.millrace({ streams, flags: ["--tls", "self-signed"] });
    const secureEndpoint = server.endpoint.replace("http:", "https:");
    const cleartext = clientOf(server.endpoint);
    const secure = clientOf(secureEndpoint);
    const reason = whyNoKpl();
    if (reason !== undefined) context.progress(`the KPL is left out: ${reason}`);
    const directory = context.scratch();
    const kpl =
      reason === undefined
        ? await Kpl.start({ endpoint: secureEndpoint, streamName: "kpl", directory, lingerMs })
        : undefined;
    const sdk = await theSdk(server.endpoint, recordBytes);
    try {
      const contestants: Readonly<Record<string, Contestant>> = {
        ours: oursWith(cleartext, recordBytes, lingerMs),
        [OURS_OVER_TLS]: oursWith(secure, recordBytes, lingerMs),
        ...(kpl === undefined ? {} : { kpl: theKpl(kpl, recordBytes) }),
      };
      const names = Object.keys(contestants);
      if (warmUpRecords > 0) {
        await eachOf(names, context, "warms up", (name) =>
          contestants[name]!.put(name, records, warmUpRecords, 0),
        );
      }
      const producing = (name: string) => async (): Promise<Produced> => {
        context.progress(`${name}: ${records} records`);
        return await measured(contestants[name]!, name, records);
      };
      const runs = await inTurns(context.rounds, {
        ...Object.fromEntries(names.map((name) => [name, producing(name)])),
        sdk: async (): Promise<Produced> => {
          context.progress(`sdk: ${sdkRecords} calls`);
          return await measured(sdk, "sdk", sdkRecords);
        },
      });
      const paced = await inTurns(
        context.rounds,
        Object.fromEntries(
          names.map((name) => [
            name,
            async () => {
              context.progress(`${name}: ${pace} records/s`);
              return (await contestants[name]!.put(name, records, pacedRecords, pace)).p99Ms;
            },
          ]),
        ),
      );
      const digest =
        records > 10_000
          ? digestOf(records)
          : await digestOfStreams(cleartext, names, context.rounds * (records + pacedRecords));
      const sdkCount = (await readUserRecords(cleartext, "sdk")).length;
      if (sdkCount !== context.rounds * sdkRecords) throw new Error(`the SDK has put ${sdkCount} records`);
      await kpl?.stop();
      return { rows: [...rateRows(runs), ...latencyRows(paced, pace, lingerMs)], digest };
    } finally {
      kpl?.kill();
      sdk.close();
      await cleartext.close();
      await secure.close();
    }
  },
});

function clientOf(endpoint: string): KinesisClient {
  const { clock, random } = nodeRuntime({ logLevel: "error" });
  return createKinesisClient({
    endpoint,
    protocol: "cbor",
    tls: { acceptAnyCertificate: true },
    clock,
    random,
  });
}

function oursWith(client: KinesisClient, recordBytes: number, lingerMs: number): Contestant {
  const { clock, random } = nodeRuntime({ logLevel: "error" });
  return {
    async put(stream, first, count, pace) {
      const producer = createProducer({ client, stream, clock, random, shardRateShare: Infinity, lingerMs });
      const all = userRecords(first, count, recordBytes);
      await producer.putAll(pace === 0 ? all : atPace(all, pace));
      await producer.close();
      const { storedCount, recordLatency } = producer.metrics();
      if (storedCount !== count) throw new Error(`${storedCount} of ${count} records were stored`);
      return { p99Ms: recordLatency.p99Ms };
    },
    cpuMs: cpuMsHere,
  };
}

function theKpl(kpl: Kpl, recordBytes: number): Contestant {
  return {
    async put(_stream, first, count, pace) {
      const { storedCount, p99Ms } = await kpl.put(first, count, recordBytes, pace);
      if (storedCount !== count) throw new Error(`the KPL stored ${storedCount} of ${count} records`);
      return { p99Ms };
    },
    cpuMs: () => kpl.cpuMs(),
  };
}

/** Each when it is due, however long the one before takes. */
async function* atPace<Item>(items: Iterable<Item>, pace: number): AsyncGenerator<Item> {
  const beganMs = performance.now();
  let index = 0;
  for (const item of items) {
    const leftMs = beganMs + (index * 1_000) / pace - performance.now();
    if (leftMs > 0) await new Promise((resolve) => setTimeout(resolve, Math.max(1, leftMs)));
    index += 1;
    yield item;
  }
}

async function measured(who: Puts<unknown>, stream: string, count: number): Promise<Produced> {
  const cpuBeforeMs = who.cpuMs();
  const beganMs = performance.now();
  await who.put(stream, 0, count, 0);
  const tookMs = performance.now() - beganMs;
  // The kernel counts those of other processes in ticks of 10 ms.
  const cpuMs = Math.max(10, who.cpuMs() - cpuBeforeMs);
  return { recordsPerSecond: (count / tookMs) * 1_000, recordsPerCpuSecond: (count / cpuMs) * 1_000 };
}

/** A call for each, 32 at once, with the SDK's own settings. Loaded only here: it takes longer than most benches. */
async function theSdk(endpoint: string, recordBytes: number): Promise<Puts & { close(): void }> {
  const { KinesisClient: SdkClient, PutRecordCommand } = await import("@aws-sdk/client-kinesis");
  const sdk = new SdkClient({ endpoint, region: REGION, credentials: CREDENTIALS });
  return {
    async put(StreamName, first, count) {
      const records = userRecords(first, count, recordBytes);
      const putOneAfterTheOther = async () => {
        for (let next = records.next(); next.done !== true; next = records.next()) {
          const { partitionKey: PartitionKey, data } = next.value;
          await sdk.send(new PutRecordCommand({ StreamName, PartitionKey, Data: Buffer.from(data) }));
        }
      };
      await Promise.all(Array.from({ length: SINGLE_PUTS }, putOneAfterTheOther));
    },
    cpuMs: cpuMsHere,
    close: () => sdk.destroy(),
  };
}

/** Processor time of this process, in which nobody else produces meanwhile. */
function cpuMsHere(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

async function eachOf(
  names: readonly string[],
  context: BenchContext,
  what: string,
  work: (name: string) => Promise<unknown>,
): Promise<void> {
  for (const name of names) {
    context.progress(`${name} ${what}`);
    await work(name);
  }
}

/** Whoever took part has put the same. */
async function digestOfStreams(
  client: KinesisClient,
  names: readonly string[],
  count: number,
): Promise<string> {
  const digests = new Map<string, string>();
  for (const name of names) {
    const found = await readUserRecords(client, name);
    if (found.length !== count) throw new Error(`${name} has put ${found.length} records, not ${count}`);
    digests.set(name, digestOf(...found.toSorted()));
  }
  const [digest, ...others] = new Set(digests.values());
  if (digest === undefined || others.length > 0) {
    throw new Error(`they have not put the same: ${JSON.stringify([...digests])}`);
  }
  return digest;
}

const NAMES: Readonly<Record<string, string>> = {
  ours: "@millrace/producer",
  [OURS_OVER_TLS]: "@millrace/producer over TLS",
  kpl: "KPL",
  sdk: "PutRecord of the JavaScript SDK",
};

function rateRows(runs: Readonly<Record<string, readonly Produced[]>>): Row[] {
  const perCpu = (name: string) => median(runs[name]!.map(({ recordsPerCpuSecond }) => recordsPerCpuSecond));
  const rows = Object.keys(runs).flatMap((name): Row[] => [
    { what: NAMES[name]!, value: perCpu(name), unit: "records/s of processor time" },
    {
      what: `${NAMES[name]!}, rate`,
      value: median(runs[name]!.map(({ recordsPerSecond }) => recordsPerSecond)),
      unit: "records/s",
    },
  ]);
  const times = (one: string, other: string, budget?: Row["budget"]): Row => ({
    what: `${NAMES[one]!}, of ${NAMES[other]!}`,
    value: perCpu(one) / perCpu(other),
    unit: "times",
    ...(budget === undefined ? {} : { budget }),
  });
  if (runs["kpl"] !== undefined) {
    rows.push(times("ours", "kpl", budgets.producerOfKpl));
    rows.push(times(OURS_OVER_TLS, "kpl", budgets.producerOfKpl));
  }
  rows.push(times("ours", "sdk", budgets.producerOfSdk));
  return rows;
}

function latencyRows(
  paced: Readonly<Record<string, readonly number[]>>,
  pace: number,
  lingerMs: number,
): Row[] {
  return Object.entries(paced).map(([name, p99s]) => ({
    what: `${NAMES[name]!}, from put to stored at ${pace}/s with a linger of ${lingerMs} ms, p99`,
    value: median(p99s),
    unit: "ms",
  }));
}
