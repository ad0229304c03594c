import { seededRandom, simulatedDisk, type Runtime, type SimulatedDisk } from "@millrace/runtime";
import { beforeEach, describe, expect, test } from "vitest";
import { encodeBatch } from "../entry-codec.ts";
import { inspectDirectory } from "./inspect.ts";
import { stillRuntime } from "./test-support.ts";
import { openJournal, type Journal, type JournalOptions } from "./journal.ts";
import { DamagedJournalError } from "./survey.ts";

let disk: SimulatedDisk;
let runtime: Runtime;

beforeEach(() => {
  disk = simulatedDisk(seededRandom(1), undefined, { powerCuts: false });
  start();
});

/** A new process on the same disk; the old one is gone without a word. */
function start(): void {
  disk.crash({ powerCut: false });
  runtime = stillRuntime(disk.files, 2);
}

function open(options: Partial<JournalOptions> = {}): Promise<Journal> {
  return openJournal(runtime, {
    directory: "/data",
    serviceClock: runtime.clock,
    initialSegmentBytes: 64 << 10,
    maxSegmentBytes: 64 << 10,
    ...options,
  });
}

async function fill(journal: Journal, entryCount: number): Promise<number> {
  const logId = journal.allocateLogId();
  await journal.state.commit({ opens: [logId], puts: [["shard", String(logId)]] });
  for (let i = 1; i <= entryCount; i += 1) await put(journal, logId, 1000);
  return logId;
}

function put(journal: Journal, logId: number, bytes = 10) {
  return journal.append(logId, encodeBatch([{ key: Buffer.from("k"), data: Buffer.alloc(bytes, 7) }]));
}

const ALL = { maxBytes: 1e9, maxRecords: 1e9 };

function segments(): string[] {
  return disk.paths().filter((path) => path.endsWith(".segment"));
}

/** Damages the block of an unsealed segment that holds the `nth` append: block 0 holds the opening. */
function damageBlock(path: string, nth: number): void {
  disk.corrupt(path, 4096 + nth * 4096 + 500);
}

describe("damage below acknowledged commits", () => {
  test("in the unsealed tail keeps the server from starting, naming file, commit and entries", async () => {
    const journal = await open();
    const logId = await fill(journal, 8);
    start();
    damageBlock(segments()[0] ?? "", 4);
    const before = disk.dump().digest;
    const error = await open().catch((failure: unknown) => failure);
    expect(error).toBeInstanceOf(DamagedJournalError);
    expect(String(error)).toContain("commit 5 is damaged");
    expect(String(error)).toContain("data repair --accept-loss");
    expect((error as DamagedJournalError).holes).toEqual([{ logId, fromIndex: 4, toIndex: 5 }]);
    expect((error as DamagedJournalError).state.get("shard")).toBe(String(logId));
    expect(disk.dump().digest).toBe(before);
  });

  test("given up by a repair, is a hole: reads in it fail with its range, and nothing is skipped", async () => {
    const journal = await open();
    const logId = await fill(journal, 8);
    start();
    damageBlock(segments()[0] ?? "", 4);
    const repaired = await open({ acceptLoss: true });
    expect(repaired.recovery.acceptedHoles).toContainEqual({ logId, fromIndex: 4, toIndex: 5 });
    await repaired.close();
    start();
    const again = await open();
    const before = await again.read(logId, 1, ALL);
    expect(before.kind === "entries" && before.nextIndex).toBe(4);
    expect(await again.read(logId, 4, ALL)).toEqual({ kind: "hole", fromIndex: 4, toIndex: 5 });
    const behind = await again.read(logId, 5, ALL);
    expect(behind.kind === "entries" && behind.entries.map(({ index }) => index)).toEqual([5, 6, 7, 8]);
    await again.close();
    const after = await inspectDirectory(runtime, { directory: "/data", everyByte: true });
    expect({ damage: after.damage, missing: after.missing }).toEqual({ damage: [], missing: [] });
  });

  test("whose extent is unknown never lets a number be given out twice", async () => {
    const journal = await open();
    const logId = await fill(journal, 8);
    // The last append is in the damaged block and another log's append proves that it was durable.
    const other = await fill(journal, 1);
    start();
    damageBlock(segments()[0] ?? "", 8);
    const repaired = await open({ acceptLoss: true });
    const outcome = await put(repaired, logId);
    expect(outcome.kind === "appended" && outcome.index).toBeGreaterThan(8);
    expect(await repaired.read(logId, 8, ALL)).toMatchObject({ kind: "hole", fromIndex: 8 });
    expect((await put(repaired, other)).kind).toBe("appended");
    await repaired.close();
  });

  test("in a sealed segment is found by the read that meets it, and by verify", async () => {
    const journal = await open({ cacheBytes: 0 });
    const logId = await fill(journal, 40);
    await journal.close();
    start();
    damageBlock(segments()[0] ?? "", 7);
    const inspection = await inspectDirectory(runtime, { directory: "/data", everyByte: true });
    expect(inspection.damage).toEqual(
      expect.arrayContaining([
        {
          path: segments()[0],
          detail: `entries of log ${logId}, 7 to 7, fail their checksum`,
          entries: { logId, fromIndex: 7, toIndex: 8 },
        },
      ]),
    );
    const again = await open({ cacheBytes: 0 });
    const before = await again.read(logId, 1, ALL);
    expect(before.kind === "entries" && before.nextIndex).toBe(7);
    expect(await again.read(logId, 7, ALL)).toMatchObject({ kind: "damaged", index: 7, toIndex: 8 });
    const behind = await again.read(logId, 8, ALL);
    expect(behind.kind === "entries" && behind.entries.length).toBe(33);
    await again.close();
    start();
    const repaired = await open({ acceptLoss: true });
    expect(repaired.recovery.acceptedHoles).toEqual([{ logId, fromIndex: 7, toIndex: 8 }]);
    expect(await repaired.read(logId, 7, ALL)).toEqual({ kind: "hole", fromIndex: 7, toIndex: 8 });
    await repaired.close();
    start();
    const after = await inspectDirectory(runtime, { directory: "/data", everyByte: true });
    expect({ damage: after.damage, missing: after.missing }).toEqual({ damage: [], missing: [] });
  });

  test("in an index page is told by reads, and looking for a time leads to such a read", async () => {
    const journal = await open({ cacheBytes: 0 });
    const logId = await fill(journal, 10);
    await journal.close();
    start();
    const [path = ""] = segments();
    const file = await disk.files.open(path);
    // In front of the trailer and the summaries of the state and of the one log.
    disk.corrupt(path, (await file.sizeBytes()) - 96 - 2 * 64 - 4096 + 100);
    await file.close();
    const again = await open({ cacheBytes: 0 });
    expect(await again.seek(logId, runtime.clock.nowMs())).toBe(1);
    expect(await again.read(logId, 1, ALL)).toEqual({
      kind: "damaged",
      index: 1,
      toIndex: 11,
      detail: expect.stringContaining("index page 0 fails its checksum") as string,
    });
    await again.close();
  });

  test("a segment that somebody deleted is missed", async () => {
    const journal = await open();
    await fill(journal, 200);
    await journal.settled();
    await journal.close();
    start();
    const [first = ""] = segments();
    await disk.files.unlink(first);
    await expect(open()).rejects.toThrow(/missing|damaged/);
  });

  test("a damaged snapshot of the catalog is not taken for an empty catalog", async () => {
    const journal = await open();
    await fill(journal, 3);
    await journal.close();
    start();
    for (const path of disk.paths().filter((name) => name.endsWith(".snapshot"))) disk.corrupt(path, 60);
    await expect(open()).rejects.toThrow("the snapshot of the catalog fails its checksum");
  });
});

describe("what a crash may leave", () => {
  test("a torn last block is cut, and what was acknowledged before it stays", async () => {
    const journal = await open();
    const logId = await fill(journal, 5);
    start();
    damageBlock(segments()[0] ?? "", 5);
    const again = await open();
    expect(again.recovery.cutTornTail).toBe(true);
    expect(again.describe(logId)?.nextIndex).toBe(5);
    expect((await put(again, logId)).kind).toBe("appended");
    await again.close();
  });

  test("an undamaged tail is kept whole, and the epoch goes up", async () => {
    const journal = await open();
    const logId = await fill(journal, 5);
    start();
    const again = await open();
    expect(again.recovery).toMatchObject({ clean: false, cutTornTail: false, scannedBlocks: 6 });
    expect(again.describe(logId)?.nextIndex).toBe(6);
    await again.close();
    const { epoch, clean, damage, missing } = await inspectDirectory(runtime, {
      directory: "/data",
      everyByte: true,
    });
    expect({ epoch, clean, damage, missing }).toEqual({ epoch: 2, clean: true, damage: [], missing: [] });
  });
});

describe("stat and verify", () => {
  test("say what a directory holds without changing it", async () => {
    const journal = await open();
    const logId = await fill(journal, 100);
    await journal.close();
    start();
    const before = disk.dump().digest;
    const found = await inspectDirectory(runtime, { directory: "/data", everyByte: true });
    expect(disk.dump().digest).toBe(before);
    expect(found).toMatchObject({ clean: true, damage: [], missing: [] });
    expect(found.files.reduce((sum, { records }) => sum + records, 0)).toBe(100);
    expect(found.logs).toEqual([expect.objectContaining({ logId, nextIndex: 101, closed: false })]);
    expect(found.state.get("shard")).toBe(String(logId));
  });

  test("refuse a directory that a server is using, and one that does not exist", async () => {
    const journal = await open();
    await expect(inspectDirectory(runtime, { directory: "/data", everyByte: false })).rejects.toThrow(
      "in use",
    );
    await expect(inspectDirectory(runtime, { directory: "/nowhere", everyByte: false })).rejects.toThrow(
      "ENOENT",
    );
    await journal.close();
  });
});
