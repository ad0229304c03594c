/** Two servers in one simulated time, and the program that reaches both: streams are copied from one to the other. */
import {
  type ClientTransport,
  createKinesisClient,
  inProcessTransport,
  type KinesisClient,
} from "@millrace/client";
import { type SimulatedClock, simulatedRuntime, type SimulatedRuntime } from "@millrace/runtime";
import { createServer, type ServerCore, type ServerOptions, type ServerSurroundings } from "@millrace/server";
import { COMMANDS } from "../commands/index.ts";
import { runCommand } from "../run.ts";
import { testWorld } from "../test-world.ts";

export const COPY = "migrate --from http://from:1 --to http://to:1";

interface Ended {
  readonly code: number;
  readonly shown: string;
  readonly complained: string;
}

export interface TwoServers {
  readonly runtime: SimulatedRuntime;
  readonly from: ServerCore;
  readonly to: ServerCore;
  /** The way to the server at `http://from:1`, as the program has it. */
  readonly source: ClientTransport;
  readonly millrace: (line: string, environment?: Readonly<Record<string, string>>) => Promise<Ended>;
  /** Breaks the way to the target off when so many more requests went over it. */
  readonly breakAfter: (requests: number) => void;
  /** Changes what is sent to the target. */
  readonly tamper: (change: (body: string) => string) => void;
  readonly finish: <T>(work: Promise<T>) => Promise<T>;
}

export interface TwoServersOptions {
  /** Of the target. */
  readonly to?: Partial<ServerOptions>;
  readonly surroundings?: (clock: SimulatedClock) => ServerSurroundings;
  /** What the source looks like to all who reach it. */
  readonly disguise?: (source: ClientTransport) => ClientTransport;
}

const closings: (() => Promise<void>)[] = [];

/** After each test. */
export async function closeServers(): Promise<void> {
  for (const close of closings.splice(0)) await close();
}

export async function twoServers(
  engine: "memory" | "journal" = "memory",
  { to: options = {}, surroundings, disguise = (source) => source }: TwoServersOptions = {},
): Promise<TwoServers> {
  const runtime = simulatedRuntime({ seed: 7 });
  const { clock } = runtime.world;
  const start = async (given: Partial<ServerOptions>, around?: ServerSurroundings): Promise<ServerCore> => {
    const server = await clock.finish(
      createServer(runtime, { durability: "memory", limits: "off", ...given }, around),
    );
    closings.push(() => clock.finish(server.close()));
    return server;
  };
  const from = await start({ stream: [{ name: "clicks", shardCount: 2 }] });
  const to = await start(
    {
      allowImport: true,
      ...(engine === "memory" ? {} : { durability: "fsync", dataDir: "target" }),
      ...options,
    },
    surroundings?.(clock),
  );
  let left = Infinity;
  let change: ((body: string) => string) | undefined;
  const reached = inProcessTransport(to.service);
  const breaking: ClientTransport = {
    ...reached,
    send(request) {
      left -= 1;
      if (left < 0) throw Object.assign(new Error("the way broke off"), { code: "ECONNRESET" });
      if (change === undefined) return reached.send(request);
      return reached.send({ ...request, body: Buffer.from(change(Buffer.from(request.body).toString())) });
    },
  };
  const source = disguise(inProcessTransport(from.service));
  const transports = {
    "from:1": source,
    "kinesis.eu-west-1.amazonaws.com": source,
    "dynamodb.eu-west-1.amazonaws.com": source,
    "to:1": breaking,
  };
  return {
    runtime,
    from,
    to,
    source,
    breakAfter: (requests) => void (left = requests),
    tamper: (how) => void (change = how),
    finish: (work) => clock.finish(work),
    async millrace(line, environment = {}) {
      const world = testWorld({ transports, clock: runtime.clock, runtime, environment });
      const code = await clock.finish(runCommand(COMMANDS, line.split(" "), world));
      return { code, shown: world.shown(), complained: world.complained() };
    },
  };
}

/** A client of the stream at one of them; of a source in disguise, as it is without. */
export function clientOf({ runtime }: TwoServers, { service }: ServerCore): KinesisClient {
  const { clock, random } = runtime;
  return createKinesisClient({ transport: inProcessTransport(service), clock, random });
}

export async function putSome(at: TwoServers, count: number, text = "record"): Promise<void> {
  const client = clientOf(at, at.from);
  for (let sent = 0; sent < count; sent += 25) {
    await at.finish(
      client.putRecords({
        StreamName: "clicks",
        Records: Array.from({ length: Math.min(25, count - sent) }, (_, index) => ({
          PartitionKey: `key ${(sent + index) % 17}`,
          Data: Buffer.from(`${text} ${sent + index}`),
        })),
      }),
    );
    await at.finish(at.runtime.clock.sleep(50));
  }
}

export interface SeenShard {
  readonly shard: { readonly ShardId: string };
  readonly records: readonly { readonly SequenceNumber: string; readonly text: string }[];
}

/** What a reader finds in every shard, with the shards themselves. */
export async function everything(at: TwoServers, server: ServerCore): Promise<SeenShard[]> {
  const client = clientOf(at, server);
  const { Shards = [] } = await at.finish(client.listShards({ StreamName: "clicks" }));
  const all: SeenShard[] = [];
  for (const shard of Shards) {
    let { ShardIterator: iterator } = await at.finish(
      client.getShardIterator({
        StreamName: "clicks",
        ShardId: shard.ShardId,
        ShardIteratorType: "TRIM_HORIZON",
      }),
    );
    const records: SeenShard["records"][number][] = [];
    while (iterator !== undefined) {
      const answer = await at.finish(client.getRecords({ ShardIterator: iterator }));
      for (const { Data, ...rest } of answer.Records) {
        records.push({ ...rest, text: Buffer.from(Data).toString() });
      }
      iterator = answer.MillisBehindLatest === 0 ? undefined : answer.NextShardIterator;
    }
    all.push({ shard, records });
  }
  return all;
}
