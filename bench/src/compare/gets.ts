/** Reads of what is stored. */
import { replayCeiling } from "../ceilings/ceiling-servers.ts";
import type { Sizes } from "../harness/bench.ts";
import { readPlainly } from "../macro/page-cache.ts";
import type { BenchServer } from "../servers/bench-server.ts";
import { millraceServer, startMillraceServer } from "../servers/millrace-server.ts";
import { scratchDirectory } from "../servers/scratch.ts";
import { fillStream, getSession, startWithStream } from "./load-session.ts";
import type { LoadTimes, ServerUnderLoad } from "./load-session.ts";
import { MILLRACE, millraces, orStop, participant, peers } from "./participants.ts";
import type { Participant, Scenario, Session } from "./scenario.ts";

const SAME_BYTES = "ceiling: sends the same bytes";
const PLAIN_READ = "ceiling: reads the files";
const SMALL_TAIL_CACHE = "Millrace with a small tail cache";

interface GetSizes extends LoadTimes {
  readonly shards: number;
  readonly connections: number;
  readonly records: number;
  readonly recordBytes: number;
}

/** The least that the program takes; half of it is the tail cache. */
const LITTLE_MEMORY_BYTES = 16 << 20;

export const getRecords: Scenario = {
  name: "get-records",
  question: "How many megabytes of stored records a second are read from TRIM_HORIZON on, as JSON?",
  unit: "MB/s",
  better: "more",
  opens: "once",
  sizes: {
    smoke: { shards: 2, connections: 2, records: 200, recordBytes: 256, warmUpMs: 50, durationMs: 200 },
    full: {
      shards: 4,
      connections: 4,
      records: 20_000,
      recordBytes: 1_024,
      warmUpMs: 1_000,
      durationMs: 3_000,
    },
  },
  participants(given) {
    const size = given as Sizes & GetSizes;
    const open = async (server: BenchServer): Promise<Session> => {
      const running: ServerUnderLoad = await startWithStream(server, size.shards);
      return orStop(running, async () => {
        await fillStream(running, size.records, size.recordBytes);
        const { connections, recordBytes } = size;
        return getSession(running, { protocol: "json", connections, recordBytes }, size);
      });
    };
    return [
      ...millraces(open),
      participant(
        "Millrace",
        millraceServer({ name: SMALL_TAIL_CACHE, memoryBytes: LITTLE_MEMORY_BYTES }),
        open,
      ),
      ...peers(size.shards, () => true, open),
      participant("ceiling", replayCeiling(SAME_BYTES, ["GetRecords", "GetShardIterator"]), open),
      plainRead(size),
    ];
  },
  budgets: [
    { text: "20 × kinesalite", of: MILLRACE, figure: "value", against: "kinesalite", atLeast: 20 },
    {
      text: "50 % of the ceiling that sends the same bytes",
      of: MILLRACE,
      figure: "value",
      against: SAME_BYTES,
      atLeast: 0.5,
    },
    {
      text: "60 % of the rate from the tail cache",
      of: SMALL_TAIL_CACHE,
      figure: "value",
      against: MILLRACE,
      atLeast: 0.6,
    },
  ],
};

/** Reading the files that Millrace stored the records in, with the page cache warm, as bytes of files. */
function plainRead(size: GetSizes): Participant {
  return {
    name: PLAIN_READ,
    role: "ceiling",
    isOffScale: true,
    async open() {
      const scratch = scratchDirectory("files");
      const dataDir = `${scratch.path}/data`;
      const server = await startWithStream(
        { name: PLAIN_READ, start: () => startMillraceServer({ dataDir }) },
        size.shards,
      );
      await orStop(server, () => fillStream(server, size.records, size.recordBytes));
      await server.stop();
      const read = () => readPlainly(`${dataDir}/journal`);
      return {
        pids: [],
        trial: () => Promise.resolve(read().elapsedMs),
        turn: () => {
          const { bytes, elapsedMs } = read();
          return Promise.resolve({ value: bytes / elapsedMs / 1_000 });
        },
        close: () => Promise.resolve(scratch.remove()),
      };
    },
  };
}
