import { type Files, inMemoryFiles } from "@millrace/runtime";
import { describe, expect, test } from "vitest";
import { encodeBatch } from "../entry-codec.ts";
import type { ReadLimits, ReadOutcome } from "../log-engine.ts";
import { type Journal, openJournal } from "./journal.ts";
import { stillRuntime } from "./test-support.ts";

const ALL = { maxBytes: 1e9, maxRecords: 1e9 };

/** Three logs whose entries lie side by side, and a count of reads of the disk. */
async function interleaved(
  cacheBytes = 0,
): Promise<{ journal: Journal; logIds: number[]; reads: { count: number } }> {
  const memory = inMemoryFiles();
  const reads = { count: 0 };
  const counted: Files = {
    ...memory,
    open: async (path, options) => {
      const file = await memory.open(path, options);
      const read = file.read.bind(file);
      file.read = (target, position) => {
        reads.count += 1;
        return read(target, position);
      };
      return file;
    },
  };
  const runtime = stillRuntime(counted, 1);
  const journal = await openJournal(runtime, {
    directory: "/data",
    serviceClock: runtime.clock,
    initialSegmentBytes: 4 << 20,
    maxSegmentBytes: 4 << 20,
    cacheBytes,
  });
  const logIds = [1, 2, 3].map(() => journal.allocateLogId());
  await journal.state.commit({ opens: logIds });
  for (let entry = 1; entry <= 300; entry += 1) {
    for (const logId of logIds) {
      const data = Buffer.alloc(2_000 + ((entry * 37) % 500), `${logId}:${entry} `);
      await journal.append(logId, encodeBatch([{ key: undefined, data }]));
    }
  }
  await journal.settled();
  reads.count = 0;
  return { journal, logIds, reads };
}

const textsOf = (payloads: readonly Uint8Array[]) =>
  payloads.map((payload) => /(\d+:\d+) /.exec(Buffer.from(payload).toString("latin1"))?.[1]);

type Entries = Extract<ReadOutcome, { kind: "entries" }>;

async function entriesOf(
  journal: Journal,
  logId: number,
  from: number,
  limits: ReadLimits = ALL,
): Promise<Entries> {
  const outcome = await journal.read(logId, from, limits);
  if (outcome.kind !== "entries") throw new Error(outcome.kind);
  return outcome;
}

describe("chunks that lie close together", () => {
  test("are read at once, and each read gives its own log's entries", async () => {
    const { journal, logIds, reads } = await interleaved();
    for (const logId of logIds) {
      const outcome = await journal.read(logId, 1, ALL);
      if (outcome.kind !== "entries") throw new Error(outcome.kind);
      expect(textsOf(outcome.entries.map(({ payload }) => payload))).toEqual(
        Array.from({ length: 300 }, (_, entry) => `${logId}:${entry + 1}`),
      );
    }
    // 900 chunks in 3 MB.
    expect(reads.count).toBeLessThan(60);
    await journal.close();
  });

  test("are read as far as a read wants, and it goes on from anywhere", async () => {
    const { journal, logIds } = await interleaved();
    const [logId] = logIds as [number];
    let index = 1;
    const seen: (string | undefined)[] = [];
    while (index <= 300) {
      const outcome = await journal.read(logId, index, { maxBytes: 10_000, maxRecords: 7 });
      if (outcome.kind !== "entries") throw new Error(outcome.kind);
      expect(outcome.entries.length).toBeLessThanOrEqual(7);
      seen.push(...textsOf(outcome.entries.map(({ payload }) => payload)));
      index = outcome.nextIndex;
    }
    expect(seen).toEqual(Array.from({ length: 300 }, (_, entry) => `${logId}:${entry + 1}`));
    await journal.close();
  });
});

describe("a read in steps", () => {
  test("ends when it has so much, keeps nothing of it, and goes on where it ended, in the memory of the step before", async () => {
    const { journal, logIds } = await interleaved(256 << 10);
    const [logId] = logIds as [number];
    const cachedBytes = journal.statistics().tailCacheBytes;
    const seen: (string | undefined)[] = [];
    const memory = new Set<ArrayBufferLike>();
    let steps = 0;
    for (let index = 1; index < 200; steps += 1) {
      const { entries, nextIndex, release } = await entriesOf(journal, logId, index, {
        ...{ maxBytes: 1e9, maxRecords: 1e9, stepBytes: 100_000 },
      });
      const bytes = entries.reduce((sum, { payload }) => sum + payload.length, 0);
      expect(bytes).toBeGreaterThan(100_000 - 5_000);
      expect(bytes).toBeLessThan(100_000 + 5_000);
      for (const { payload } of entries) memory.add(payload.buffer);
      seen.push(...textsOf(entries.map(({ payload }) => payload)));
      index = nextIndex;
      release!();
    }
    expect(seen).toEqual(Array.from(seen, (_, entry) => `${logId}:${entry + 1}`));
    expect(steps).toBeGreaterThan(3);
    expect(memory.size).toBeLessThan(steps);
    expect(journal.statistics().tailCacheBytes).toBe(cachedBytes);
    await journal.close();
  });
});

describe("what was read from the disk", () => {
  test("stays as it is until it is given back, and then its memory is used again", async () => {
    const { journal, logIds } = await interleaved();
    const [first, second] = logIds as [number, number];
    const kept = await entriesOf(journal, first, 1);
    const given = await entriesOf(journal, second, 1);
    const memoryOf = ({ entries }: Entries) => new Set(entries.map(({ payload }) => payload.buffer));
    given.release!();
    const next = await entriesOf(journal, second, 1);
    expect([...memoryOf(next)].some((memory) => memoryOf(given).has(memory))).toBe(true);
    expect([...memoryOf(next)].some((memory) => memoryOf(kept).has(memory))).toBe(false);
    expect(textsOf(kept.entries.map(({ payload }) => payload))).toEqual(
      Array.from({ length: 300 }, (_, entry) => `${first}:${entry + 1}`),
    );
    await journal.close();
  });

  test("does not drive out of the cache what was just written", async () => {
    const { journal, logIds, reads } = await interleaved(256 << 10);
    const [logId] = logIds as [number];
    await entriesOf(journal, logId, 1);
    reads.count = 0;
    await entriesOf(journal, logId, 290);
    expect(reads.count).toBe(0);
    await journal.close();
  });

  test("is kept as far as the next read may ask for it", async () => {
    const { journal, logIds, reads } = await interleaved(256 << 10);
    const [logId] = logIds as [number];
    const once = { maxBytes: 1e9, maxRecords: 1 };
    await entriesOf(journal, logId, 5, once);
    expect(reads.count).toBeGreaterThan(0);
    reads.count = 0;
    await entriesOf(journal, logId, 5, once);
    expect(reads.count).toBe(0);
    await journal.close();
  });
});
