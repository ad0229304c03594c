import { seededRandom, inMemoryFiles, simulatedDisk, type Files, type Runtime } from "@millrace/runtime";
import { describe, expect, test } from "vitest";
import { encodeBatch } from "../entry-codec.ts";
import { logEngineContract } from "../log-engine.contract.ts";
import { stateStoreContract, type StoreUnderTest } from "../state-store.contract.ts";
import { DirectoryInUseError, openJournal, type Journal, type JournalOptions } from "./journal.ts";
import { stillRuntime } from "./test-support.ts";

const outside = (files: Files, seed = 1) => stillRuntime(files, seed);

const SMALL: Partial<JournalOptions> = {
  initialSegmentBytes: 64 << 10,
  maxSegmentBytes: 64 << 10,
  coldSegmentBytes: 64 << 10,
  salvageBytesPerSecond: 0,
};

function open(runtime: Runtime, options: Partial<JournalOptions> = {}): Promise<Journal> {
  return openJournal(runtime, { directory: "/data", serviceClock: runtime.clock, ...SMALL, ...options });
}

logEngineContract("journal", () => {
  const files = inMemoryFiles();
  const runtime = outside(files);
  const under = (engine: Journal) => ({
    engine,
    advance: (durationMs: number) => {
      runtime.nowMs += durationMs;
    },
    reopen: async () => {
      await engine.close();
      return under(await open(runtime));
    },
  });
  return open(runtime, { initialSegmentBytes: 16 << 20, maxSegmentBytes: 16 << 20 }).then(under);
});

stateStoreContract("journal", () => {
  const runtime = outside(inMemoryFiles());
  const openStore = async (): Promise<StoreUnderTest> => {
    const journal = await open(runtime, { initialSegmentBytes: 16 << 20, maxSegmentBytes: 16 << 20 });
    const close = (): Promise<void> => journal.close();
    return { store: journal.state, close, reopen: () => close().then(openStore) };
  };
  return openStore();
});

async function fill(journal: Journal, entryCount: number, bytes = 1000): Promise<number> {
  const logId = journal.allocateLogId();
  await journal.state.commit({ opens: [logId] });
  for (let i = 1; i <= entryCount; i += 1) {
    const data = Buffer.alloc(bytes, i % 251);
    await journal.append(logId, encodeBatch([{ key: Buffer.from(`key-${i}`), data }]));
  }
  return logId;
}

const ALL = { maxBytes: 1e9, maxRecords: 1e9 };

async function indexes(journal: Journal, logId: number, from: number): Promise<number[]> {
  const outcome = await journal.read(logId, from, ALL);
  if (outcome.kind !== "entries") throw new Error(JSON.stringify(outcome));
  return outcome.entries.map(({ index }) => index);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

describe("the directory", () => {
  test("a second server on it is told so and changes nothing", async () => {
    const runtime = outside(inMemoryFiles());
    const first = await open(runtime);
    await expect(open(runtime)).rejects.toThrow(DirectoryInUseError);
    await expect(open(runtime)).rejects.toThrow("/data is in use by another running server");
    await first.close();
    await (await open(runtime)).close();
  });

  test("another format version is refused untouched, in every kind of file", async () => {
    const disk = simulatedDisk(seededRandom(1), undefined, { powerCuts: false });
    const runtime = outside(disk.files);
    const journal = await open(runtime);
    await fill(journal, 3);
    await journal.close();
    const versionAt = { FORMAT: 42, segment: 8, snapshot: 8 };
    for (const path of disk.paths().filter((name) => !name.endsWith("reserve") && !name.includes("lock"))) {
      const before = disk.bytes(path);
      const altered = before.slice();
      const at = path.endsWith("FORMAT")
        ? Buffer.from(before).indexOf("1")
        : versionAt[path.endsWith(".segment") ? "segment" : "snapshot"];
      altered[at] = path.endsWith("FORMAT") ? "9".charCodeAt(0) : 9;
      disk.place(path, altered);
      const digest = disk.dump().digest;
      await expect(open(runtime), path).rejects.toThrow(/Nothing was changed/);
      expect(disk.dump().digest, path).toBe(digest);
      disk.place(path, before);
    }
    await (await open(runtime)).close();
  });

  test("after a clean stop a start scans nothing", async () => {
    const runtime = outside(inMemoryFiles());
    const journal = await open(runtime);
    const logId = await fill(journal, 100);
    await journal.close();
    const again = await open(runtime);
    expect(again.recovery).toMatchObject({ clean: true, scannedBlocks: 0, cutTornTail: false });
    expect(await indexes(again, logId, 1)).toEqual(range(1, 100));
    await again.close();
  });
});

describe("giving disk back", () => {
  test("segments that hold only trimmed entries go, and what is left is still there after a restart", async () => {
    const disk = simulatedDisk(seededRandom(1), undefined, { powerCuts: false });
    const runtime = outside(disk.files);
    const journal = await open(runtime);
    const logId = await fill(journal, 400);
    await journal.settled();
    const before = journal.statistics();
    await journal.state.commit({ trims: [[logId, 390]] });
    await journal.settled();
    await journal.settled();
    expect(journal.statistics().segmentCount).toBeLessThan(before.segmentCount / 2);
    expect(await indexes(journal, logId, 390)).toEqual(range(390, 400));
    await journal.close();
    const again = await open(runtime);
    expect(await again.read(logId, 1, ALL)).toEqual({ kind: "trimmed", trimIndex: 390 });
    expect(await indexes(again, logId, 390)).toEqual(range(390, 400));
    expect((await again.append(logId, encodeBatch([{ key: undefined, data: Buffer.from("x") }]))).kind).toBe(
      "appended",
    );
    expect(again.describe(logId)?.nextIndex).toBe(402);
    await again.close();
  });

  test("one log that is kept does not pin the segments of logs that are gone", async () => {
    const runtime = outside(inMemoryFiles());
    const journal = await open(runtime);
    const [kept, gone] = [journal.allocateLogId(), journal.allocateLogId()];
    await journal.state.commit({ opens: [kept, gone] });
    for (let i = 0; i < 300; i += 1) {
      const data = Buffer.alloc(1000, i % 251);
      await journal.append(gone, encodeBatch([{ key: undefined, data }]));
      if (i % 10 === 0) await journal.append(kept, encodeBatch([{ key: undefined, data }]));
    }
    await journal.settled();
    const before = journal.statistics();
    await journal.state.commit({ drops: [gone] });
    await journal.settled();
    await journal.settled();
    expect(journal.statistics().diskBytes).toBeLessThan(before.diskBytes / 2);
    expect(await indexes(journal, kept, 1)).toEqual(range(1, 30));
    await journal.close();
    const again = await open(runtime);
    expect(await indexes(again, kept, 1)).toEqual(range(1, 30));
    expect(again.describe(gone)).toBeUndefined();
    await again.close();
  });
});

describe("memory that is used again", () => {
  test("what a reader was given stays as it was, however much is written afterwards", async () => {
    const journal = await open(outside(inMemoryFiles()), {
      initialSegmentBytes: 16 << 20,
      maxSegmentBytes: 16 << 20,
      cacheBytes: 1 << 20,
    });
    const logId = await fill(journal, 3);
    const outcome = await journal.read(logId, 1, ALL);
    if (outcome.kind !== "entries") throw new Error(outcome.kind);
    const kept = outcome.entries.map(({ payload }) => payload);
    const copies = kept.map((payload) => Buffer.from(payload));
    // Several times what is ever put together in one piece of memory.
    await fill(journal, 120, 300 << 10);
    expect(kept.map((payload) => Buffer.from(payload))).toEqual(copies);
    await journal.close();
  });
});

describe("a start", () => {
  const USUAL = { initialSegmentBytes: 4 << 20, maxSegmentBytes: 4 << 20 };

  test("does not wait for a segment of the usual size", async () => {
    const disk = simulatedDisk(seededRandom(1), undefined, { powerCuts: false });
    const runtime = outside(disk.files);
    const journal = await open(runtime, USUAL);
    const [first = ""] = disk.paths().filter((path) => path.endsWith(".segment"));
    expect(disk.bytes(first).length).toBeLessThan(1 << 20);
    await journal.close();
  });

  test("may be followed by an entry that only the next segment takes, and the empty one is no loss", async () => {
    const runtime = outside(inMemoryFiles());
    let journal = await open(runtime, USUAL);
    const logId = await fill(journal, 1, 1 << 20);
    for (let index = 2; index <= 4; index += 1) {
      await journal.close();
      journal = await open(runtime, USUAL);
      await journal.append(logId, encodeBatch([{ key: undefined, data: Buffer.alloc(1 << 20, index) }]));
    }
    expect(journal.recovery.acceptedHoles).toEqual([]);
    expect(await indexes(journal, logId, 1)).toEqual(range(1, 4));
    await journal.close();
  });

  test("leaves room in the next segment for what only a second one used to take", async () => {
    const journal = await open(outside(inMemoryFiles()), {
      firstSegmentBytes: 16 << 10,
      initialSegmentBytes: 64 << 10,
      maxSegmentBytes: 128 << 10,
    });
    const logId = await fill(journal, 1, 80 << 10);
    expect(await indexes(journal, logId, 1)).toEqual([1]);
    await journal.close();
  });
});

describe("salvage", () => {
  /** A journal in which small live entries stand among large ones that expire, and how long it pauses while it rescues them. */
  async function rescuing(entries: number): Promise<{ journal: Journal; pausesMs: number[]; live: number }> {
    const runtime = outside(inMemoryFiles());
    const pausesMs: number[] = [];
    runtime.clock.sleep = (delayMs) => {
      pausesMs.push(delayMs);
      return Promise.resolve();
    };
    const journal = await open(runtime, {
      initialSegmentBytes: 1 << 20,
      maxSegmentBytes: 1 << 20,
      coldSegmentBytes: 4 << 20,
      salvageBytesPerSecond: 1 << 20,
    });
    const [live, expiring] = [journal.allocateLogId(), journal.allocateLogId()];
    await journal.state.commit({ opens: [live, expiring] });
    const put = (logId: number, bytes: number) =>
      journal.append(logId, encodeBatch([{ key: undefined, data: Buffer.alloc(bytes, 1) }]));
    for (let entry = 0; entry < entries; entry += 1) {
      await put(live, 4_000);
      await put(expiring, 8_000);
    }
    await journal.settled();
    await journal.state.commit({ trims: [[expiring, entries]] });
    await journal.settled();
    await journal.settled();
    return { journal, pausesMs, live };
  }

  test("of many small chunks pauses once for each mebibyte, as long as the rate wants", async () => {
    const { journal, pausesMs, live } = await rescuing(600);
    const pausedMs = pausesMs.reduce((sum, pauseMs) => sum + pauseMs, 0);
    // 600 entries of 4 kB are 2.3 MiB at 1 MiB/s; what is left of the last one needs no pause.
    expect(pausesMs).toHaveLength(2);
    expect(pausedMs).toBeGreaterThan(1_990);
    expect(pausedMs).toBeLessThan(2_020);
    expect(await indexes(journal, live, 1)).toEqual(range(1, 600));
    await journal.close();
  });
});

describe("many starts", () => {
  test("do not leave a file each: small segments are joined", async () => {
    const runtime = outside(inMemoryFiles());
    let journal = await open(runtime, { coldSegmentBytes: 1 << 20 });
    const logId = await fill(journal, 1);
    for (let start = 1; start <= 40; start += 1) {
      await journal.close();
      journal = await open(runtime, { coldSegmentBytes: 1 << 20 });
      await journal.append(logId, encodeBatch([{ key: undefined, data: Buffer.from(`start ${start}`) }]));
      await journal.settled();
    }
    expect(journal.statistics().segmentCount).toBeLessThan(20);
    expect(await indexes(journal, logId, 1)).toEqual(range(1, 41));
    await journal.close();
  });
});

describe("a full disk", () => {
  test("lets the journal be opened again and again, with everything in it", async () => {
    const disk = simulatedDisk(seededRandom(1), undefined, { powerCuts: false });
    const journal = await open(outside(disk.files));
    const logId = await fill(journal, 20);
    await journal.settled();
    disk.setCapacity(disk.dump().files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
    for (let start = 0; start < 6; start += 1) {
      disk.crash({ powerCut: false });
      const again = await open(outside(disk.files, start + 2));
      expect(await indexes(again, logId, 1)).toEqual(range(1, 20));
      expect((await again.state.commit({ puts: [["start", String(start)]] })).kind).toBe("committed");
      await again.settled();
    }
  });

  test("puts are refused, reads and trims go on, and puts are taken again when there is room", async () => {
    const disk = simulatedDisk(seededRandom(1), undefined, { powerCuts: false });
    const runtime = outside(disk.files);
    const waiting = new Set<() => void | Promise<void>>();
    runtime.clock.schedule = (_, callback) => {
      waiting.add(callback);
      return { cancel: () => waiting.delete(callback) };
    };
    const journal = await open(runtime);
    const logId = await fill(journal, 10);
    await journal.settled();
    disk.setCapacity(disk.dump().files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) + 1000);
    const put = () => journal.append(logId, encodeBatch([{ key: undefined, data: Buffer.alloc(3000) }]));
    let acknowledged = 10;
    for (let outcome = await put(); outcome.kind === "appended"; outcome = await put()) acknowledged += 1;
    expect(journal.readOnlyReason()).toBe("the disk is full");
    expect(await put()).toEqual({ kind: "read-only", reason: "the disk is full" });
    expect(await indexes(journal, logId, 1)).toEqual(range(1, acknowledged));
    expect((await journal.state.commit({ puts: [["key", "value"]], trims: [[logId, 5]] })).kind).toBe(
      "committed",
    );
    disk.setCapacity(1e9);
    for (const callback of [...waiting]) await callback();
    expect(journal.readOnlyReason()).toBeUndefined();
    expect((await put()).kind).toBe("appended");
    expect(await indexes(journal, logId, 5)).toEqual(range(5, acknowledged + 1));
    await journal.close();
  });
});

describe("backups", () => {
  test("a backup taken under load is a data directory as of one commit", async () => {
    const runtime = outside(inMemoryFiles());
    const journal = await open(runtime);
    const logId = await fill(journal, 150);
    const writing = (async () => {
      for (let i = 0; i < 100; i += 1) {
        await journal.append(logId, encodeBatch([{ key: undefined, data: Buffer.alloc(500) }]));
      }
    })();
    await journal.backup("/backup");
    await writing;
    await journal.close();
    const { restoreBackup } = await import("./backup.ts");
    await restoreBackup(runtime, { from: "/backup", directory: "/restored" });
    const restored = await open(runtime, { directory: "/restored" });
    const found = await indexes(restored, logId, 1);
    expect(found.length).toBeGreaterThanOrEqual(150);
    expect(found).toEqual(range(1, found.length));
    await restored.close();
  });

  test("a damaged or unfinished backup is not restored, and no directory in use is overwritten", async () => {
    const disk = simulatedDisk(seededRandom(1), undefined, { powerCuts: false });
    const runtime = outside(disk.files);
    const journal = await open(runtime);
    await fill(journal, 50);
    await journal.backup("/backup");
    const { restoreBackup } = await import("./backup.ts");
    await expect(journal.backup("/backup")).rejects.toThrow("is not empty");
    await expect(restoreBackup(runtime, { from: "/backup", directory: "/data" })).rejects.toThrow(
      "is not empty",
    );
    await expect(restoreBackup(runtime, { from: "/nowhere", directory: "/new" })).rejects.toThrow(
      "no complete backup",
    );
    const segment = disk.paths().find((path) => path.startsWith("/backup/journal/")) ?? "";
    disk.corrupt(segment, 5000);
    await expect(restoreBackup(runtime, { from: "/backup", directory: "/new" })).rejects.toThrow(
      "is damaged",
    );
    await journal.close();
  });
});
