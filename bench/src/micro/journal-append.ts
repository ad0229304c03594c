import { encodeBatch, type EncodedBatch, type Journal, openJournal } from "@millrace/log";
import { nodeRuntime, seededRandom } from "@millrace/runtime";
import { type Bench, bench } from "../harness/bench.ts";
import { digestOf } from "../harness/digest.ts";
import { measureCases, type MicroCase, microCase } from "../harness/micro.ts";

/** The journal on this machine's disk, without a server before it. */
export const journalAppend: Bench = bench({
  name: "journal-append",
  kind: "micro",
  question: "How many entries a second does the journal make durable, one by one, grouped, and large?",
  sizes: {
    smoke: { alone: 4, grouped: 32, inFlight: 8, large: 2, largeBytes: 100_000, minMs: 0 },
    full: { alone: 200, grouped: 10_000, inFlight: 256, large: 64, largeBytes: 1 << 20, minMs: 500 },
  },
  smokeDigest: "56001487255fe814",
  async run({ alone, grouped, inFlight, large, largeBytes, minMs }, context) {
    const journal = await openJournal(nodeRuntime({ logLevel: "warn" }), {
      directory: context.scratch(),
      serviceClock: { nowMs: () => Date.now() },
    });
    try {
      const random = seededRandom(14);
      const batchOf = (dataBytes: number) =>
        encodeBatch([{ key: Buffer.from("key-00000001"), data: random.bytes(dataBytes) }]);
      const small = batchOf(1_024);
      const filling = (what: string, batch: EncodedBatch, unitCount: number, width: number): MicroCase =>
        microCase({
          what,
          unit: "entries",
          unitCount,
          minMs,
          run: () => appended(journal, batch, unitCount, width),
          digest: (logId) => storedDigest(journal, logId),
        });
      return await measureCases(
        [
          filling("one record of 1 KiB, one in flight", small, alone, 1),
          filling(`one record of 1 KiB, ${inFlight} in flight`, small, grouped, inFlight),
          filling(`${largeBytes.toLocaleString("en-US")} bytes, 4 in flight`, batchOf(largeBytes), large, 4),
        ],
        context,
      );
    } finally {
      await journal.close();
    }
  },
});

/** Appends to a log of its own, with so many appends waiting at once. */
async function appended(
  journal: Journal,
  batch: EncodedBatch,
  count: number,
  inFlight: number,
): Promise<number> {
  const logId = journal.allocateLogId();
  await journal.state.commit({ opens: [logId] });
  let left = count;
  const worker = async () => {
    while (left > 0) {
      left -= 1;
      const outcome = await journal.append(logId, batch);
      if (outcome.kind !== "appended") throw new Error(`an append was ${outcome.kind}`);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return logId;
}

/** What a log holds. It is dropped then, so that the disk comes back. */
async function storedDigest(journal: Journal, logId: number): Promise<string> {
  const parts: (string | number | Uint8Array)[] = [];
  for (let index = 1; ;) {
    const read = await journal.read(logId, index, { maxBytes: 8 << 20, maxRecords: 10_000 });
    if (read.kind !== "entries") throw new Error(`entry ${index} is ${read.kind}`);
    if (read.entries.length === 0) break;
    for (const entry of read.entries) parts.push(entry.index, entry.payload);
    index = read.nextIndex;
  }
  await journal.state.commit({ drops: [logId] });
  return digestOf(...parts);
}
