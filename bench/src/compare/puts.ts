/** Puts: batches in both protocols, and single records. */
import { decodeCeiling, replayCeiling } from "../ceilings/ceiling-servers.ts";
import { runBareJournal } from "../ceilings/run-bare-journal.ts";
import type { Sizes } from "../harness/bench.ts";
import { runLoad } from "../load/run-load.ts";
import { startMillraceServer } from "../servers/millrace-server.ts";
import { scratchDirectory } from "../servers/scratch.ts";
import { putSession, startWithStream, STREAM } from "./load-session.ts";
import type { LoadShape, LoadTimes } from "./load-session.ts";
import { createStream } from "./control.ts";
import { MILLRACE, millraces, orStop, participant, peers } from "./participants.ts";
import type { OpenSession } from "./participants.ts";
import type { CompareBudget, Participant, Scenario } from "./scenario.ts";

const ANSWERS_ONLY = "ceiling: reads and answers";
const ALL_BUT_STORING = "ceiling: all but storing";
const JOURNAL = "ceiling: journal alone";

interface PutSizes extends LoadTimes {
  readonly shards: number;
  readonly connections: number;
  readonly recordBytes: number;
  readonly recordsPerRequest: number;
}

const BATCHES = {
  smoke: {
    shards: 4,
    connections: 2,
    recordBytes: 256,
    recordsPerRequest: 20,
    warmUpMs: 50,
    durationMs: 200,
  },
  full: {
    shards: 50,
    connections: 4,
    recordBytes: 1_024,
    recordsPerRequest: 500,
    warmUpMs: 1_500,
    durationMs: 3_000,
  },
};

export const putRecordsJson = putRecords("json", [
  { text: "20 × kinesalite", of: MILLRACE, figure: "value", against: "kinesalite", atLeast: 20 },
  {
    text: "60 % of the ceiling that does all but storing",
    of: MILLRACE,
    figure: "value",
    against: ALL_BUT_STORING,
    atLeast: 0.6,
  },
]);

export const putRecordsCbor = putRecords("cbor", [
  { text: "30 × kinesalite", of: MILLRACE, figure: "value", against: "kinesalite", atLeast: 30 },
]);

function putRecords(protocol: "json" | "cbor", budgets: readonly CompareBudget[]): Scenario {
  return {
    name: `put-records-${protocol}`,
    question: `How many records a second come in, 500 × 1 KiB at a time over 50 shards, as ${protocol.toUpperCase()}?`,
    unit: "records/s",
    better: "more",
    sizes: BATCHES,
    participants(given) {
      const size = given as Sizes & PutSizes;
      const shape: LoadShape = { operation: "PutRecords", protocol, ...shapeOf(size) };
      const open = puts(size, shape);
      return [
        ...millraces(open),
        ...peers(size.shards, ({ protocols }) => protocols.includes(protocol), open),
        participant("ceiling", replayCeiling(ANSWERS_ONLY, ["PutRecords"]), open),
        participant("ceiling", decodeCeiling(ALL_BUT_STORING, size.shards), open),
        // A batch has records for nearly every shard, and each shard's records are one entry.
        bareJournal(size, shape, size.shards),
      ];
    },
    budgets,
  };
}

export const putRecord: Scenario = {
  name: "put-record",
  question: "How many records a second come in one by one, 1 KiB each, over 32 connections?",
  unit: "records/s",
  better: "more",
  sizes: {
    smoke: {
      shards: 2,
      connections: 4,
      recordBytes: 256,
      recordsPerRequest: 1,
      warmUpMs: 50,
      durationMs: 200,
    },
    full: {
      shards: 4,
      connections: 32,
      recordBytes: 1_024,
      recordsPerRequest: 1,
      warmUpMs: 1_500,
      durationMs: 3_000,
    },
  },
  participants(given) {
    const size = given as Sizes & PutSizes;
    const shape: LoadShape = { operation: "PutRecord", protocol: "json", ...shapeOf(size) };
    const open = puts(size, shape);
    return [
      ...millraces(open),
      ...peers(size.shards, () => true, open),
      participant("ceiling", replayCeiling(ANSWERS_ONLY, ["PutRecord"]), open),
      bareJournal(size, shape, 1),
    ];
  },
  budgets: [
    {
      text: "10 × kinesalite on disk",
      of: MILLRACE,
      figure: "value",
      against: "kinesalite on disk",
      atLeast: 10,
    },
    {
      text: "50 % of the ceiling that answers",
      of: MILLRACE,
      figure: "value",
      against: ANSWERS_ONLY,
      atLeast: 0.5,
    },
    { text: "p99 in ms", of: MILLRACE, figure: "p99Ms", atMost: 10 },
  ],
};

function shapeOf({ connections, recordBytes, recordsPerRequest }: PutSizes) {
  return { connections, recordBytes, recordsPerRequest };
}

function puts(size: PutSizes, shape: LoadShape): OpenSession {
  return async (server) => putSession(await startWithStream(server, size.shards), shape, size);
}

/** Requests of which the journal gets the entries again and again. */
const RECORDED_REQUESTS = 64;

function bareJournal(size: PutSizes, shape: LoadShape, entriesPerRequest: number): Participant {
  let entries: ReturnType<typeof scratchDirectory> | undefined;
  return {
    name: JOURNAL,
    role: "ceiling",
    async open() {
      if (entries === undefined) {
        entries = scratchDirectory("entries");
        await recordEntries(`${entries.path}/data`, size, shape);
      }
      const entriesFrom = `${entries.path}/data`;
      const scratch = scratchDirectory("journal");
      return {
        pids: [],
        // Nothing of it depends on how long a request takes.
        trial: () => Promise.resolve(size.durationMs),
        turn: async (durationMs) => {
          const { records, elapsedMs, latencyMs, cpuMs } = await runBareJournal({
            entriesFrom,
            directory: `${scratch.path}/data`,
            inFlight: size.connections,
            entriesPerRequest,
            warmUpMs: size.warmUpMs,
            durationMs,
          });
          return {
            value: (records * 1_000) / elapsedMs,
            p50Ms: latencyMs.p50,
            p99Ms: latencyMs.p99,
            serverCores: cpuMs / elapsedMs,
          };
        },
        close: () => Promise.resolve(scratch.remove()),
      };
    },
    dispose: () => entries?.remove(),
  };
}

/** Lets a durable Millrace store what the load generator sends, so that the journal gets exactly these entries. */
async function recordEntries(dataDir: string, size: PutSizes, shape: LoadShape): Promise<void> {
  const server = await startMillraceServer({ dataDir });
  await orStop(server, async () => {
    await createStream(server.endpoint, STREAM, size.shards);
    // On one connection, so that every request has entries of its own.
    await runLoad({
      endpoint: server.endpoint,
      streamName: STREAM,
      ...shape,
      connections: 1,
      partitionKeys: { count: 10_000, seed: 1 },
      requests: RECORDED_REQUESTS,
    });
  });
  await server.stop();
}
