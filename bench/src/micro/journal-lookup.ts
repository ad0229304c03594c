import { encodeBatch, type Journal, openJournal } from "@millrace/log";
import { nodeRuntime, seededRandom } from "@millrace/runtime";
import { type Bench, bench } from "../harness/bench.ts";
import { digestOf } from "../harness/digest.ts";
import { measureCases, microCase } from "../harness/micro.ts";

/** Small, so that nearly all rows are in the footers of sealed segments, as in a journal that was used for long. */
const SEGMENT_BYTES = 4 << 20;

/** Finding an entry among many: by its index, and by its time. No chunk is kept in memory. */
export const journalLookup: Bench = bench({
  name: "journal-lookup",
  kind: "micro",
  question: "How many entries a second are found by index and by arrival in a journal of one-record commits?",
  sizes: {
    smoke: { logs: 4, commits: 20, lookups: 20, minMs: 0 },
    full: { logs: 64, commits: 2_000, lookups: 500, minMs: 500 },
  },
  smokeDigest: "e490f35d48275dda",
  async run({ logs, commits, lookups, minMs }, context) {
    // A millisecond passes with each commit, so that every entry has an arrival of its own.
    let nowMs = 1_000_000;
    const journal = await openJournal(nodeRuntime({ logLevel: "warn" }), {
      directory: context.scratch(),
      serviceClock: { nowMs: () => nowMs },
      initialSegmentBytes: SEGMENT_BYTES,
      maxSegmentBytes: SEGMENT_BYTES,
      cacheBytes: 0,
    });
    try {
      const logIds = Array.from({ length: logs }, () => journal.allocateLogId());
      await journal.state.commit({ opens: logIds });
      const random = seededRandom(15);
      context.progress(`storing ${commits} commits of one record in each of ${logs} logs`);
      for (let commit = 0; commit < commits; commit += 1) {
        nowMs += 1;
        const data = random.bytes(100);
        await Promise.all(
          logIds.map((logId) => journal.append(logId, encodeBatch([{ key: undefined, data }]))),
        );
      }
      await journal.settled();
      const wanted = Array.from({ length: lookups }, () => ({
        logId: logIds[random.below(logs)]!,
        index: 1 + random.below(commits),
      }));
      const common = { unit: "lookups", unitCount: lookups, minMs };
      return await measureCases(
        [
          microCase({
            ...common,
            what: "by index, entry read from the disk's cache",
            run: () => readAll(journal, wanted),
            digest: (entries) => digestOf(...entries),
          }),
          microCase({
            ...common,
            what: "by arrival",
            run: () => seekAll(journal, wanted),
            digest: (indexes) => digestOf(...indexes),
          }),
        ],
        context,
      );
    } finally {
      await journal.close();
    }
  },
});

interface Wanted {
  readonly logId: number;
  readonly index: number;
}

async function readAll(journal: Journal, wanted: readonly Wanted[]): Promise<Uint8Array[]> {
  const payloads: Uint8Array[] = [];
  for (const { logId, index } of wanted) {
    const read = await journal.read(logId, index, { maxBytes: 1, maxRecords: 1 });
    if (read.kind !== "entries" || read.entries[0]?.index !== index)
      throw new Error(`entry ${index} of log ${logId} was not found`);
    payloads.push(read.entries[0].payload);
  }
  return payloads;
}

async function seekAll(journal: Journal, wanted: readonly Wanted[]): Promise<number[]> {
  const indexes: number[] = [];
  for (const { logId, index } of wanted) indexes.push(await journal.seek(logId, 1_000_000 + index));
  return indexes;
}
