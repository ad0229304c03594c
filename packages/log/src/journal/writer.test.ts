/** What the writer does while a block is on its way to the disk. */
import { inMemoryFiles, type Files, type OpenFile } from "@millrace/runtime";
import { beforeEach, describe, expect, test } from "vitest";
import { encodeBatch } from "../entry-codec.ts";
import { openJournal, type Journal, type JournalOptions } from "./journal.ts";
import { stillRuntime } from "./test-support.ts";

const MEBIBYTE = 1 << 20;

/** A disk that finishes a durable write when it is told to. */
class HeldDisk {
  readonly files: Files;
  isHolding = false;
  readonly writes: (() => void)[] = [];

  constructor(events: string[]) {
    const memory = inMemoryFiles();
    const held = (file: OpenFile): OpenFile => ({
      durableWrites: file.durableWrites,
      read: (target, position) => file.read(target, position),
      write: async (source, position) => {
        if (this.isHolding) {
          events.push(`writing ${Math.round(source.length / MEBIBYTE)} MiB`);
          await new Promise<void>((finish) => this.writes.push(finish));
        }
        return file.write(source, position);
      },
      writeVector: (sources, position) => file.writeVector(sources, position),
      sync: () => file.sync(),
      truncate: (bytes) => file.truncate(bytes),
      sizeBytes: () => file.sizeBytes(),
      status: () => file.status(),
      close: () => file.close(),
    });
    this.files = { ...memory, open: async (path, options) => held(await memory.open(path, options)) };
  }

  /** Lets everything happen that waits for nothing but the disk. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }

  async finishOne(): Promise<void> {
    this.writes.shift()!();
    await this.settle();
  }

  async release(): Promise<void> {
    this.isHolding = false;
    while (this.writes.length > 0) await this.finishOne();
  }
}

let events: string[];
let disk: HeldDisk;
let journal: Journal;
let logId: number;

async function open(options: Partial<JournalOptions> = {}): Promise<void> {
  events = [];
  disk = new HeldDisk(events);
  const runtime = stillRuntime(disk.files, 1);
  const segments = { initialSegmentBytes: 64 * MEBIBYTE, maxSegmentBytes: 64 * MEBIBYTE };
  journal = await openJournal(runtime, {
    directory: "/data",
    serviceClock: runtime.clock,
    firstSegmentBytes: 64 * MEBIBYTE,
    ...segments,
    ...options,
  });
  logId = journal.allocateLogId();
  await journal.state.commit({ opens: [logId] });
  await journal.settled();
  await disk.settle();
  disk.isHolding = true;
}

beforeEach(() => open());

/** Appends, and notes when that is answered. */
function append(name: string, bytes: number): Promise<void> {
  const batch = encodeBatch([{ key: undefined, data: Buffer.alloc(bytes, name) }]);
  return journal.append(logId, batch).then((outcome) => {
    events.push(`${name}: ${outcome.kind}`);
  });
}

const nextIndex = () => journal.describe(logId)?.nextIndex;

describe("while a block is on its way to the disk", () => {
  test("the next one fills, and nobody sees or hears of either before it is durable", async () => {
    void append("first", 1_000);
    await disk.settle();
    void append("second", 1_000);
    void append("third", 1_000);
    await disk.settle();
    expect(events).toEqual(["writing 0 MiB"]);
    expect(nextIndex()).toBe(1);
    await disk.finishOne();
    expect(events).toEqual(["writing 0 MiB", "writing 0 MiB", "first: appended"]);
    expect(nextIndex()).toBe(2);
    await disk.finishOne();
    expect(events.slice(3)).toEqual(["second: appended", "third: appended"]);
    expect(nextIndex()).toBe(4);
    await disk.release();
    await journal.close();
  });

  test("a large one is put together, and what comes later follows in a third", async () => {
    void append("first", 1_000);
    await disk.settle();
    void append("second", 2 * MEBIBYTE);
    await disk.settle();
    void append("third", 3 * MEBIBYTE);
    await disk.settle();
    expect(events).toEqual(["writing 0 MiB"]);
    await disk.finishOne();
    expect(events.slice(1)).toEqual(["writing 2 MiB", "first: appended"]);
    await disk.finishOne();
    expect(events.slice(3)).toEqual(["writing 3 MiB", "second: appended"]);
    expect(nextIndex()).toBe(3);
    await disk.finishOne();
    expect(events.slice(5)).toEqual(["third: appended"]);
    await disk.release();
    await journal.close();
  });

  test("an entry behind a close of its log bounces, and hears of it only when the close is durable", async () => {
    void append("first", 1_000);
    await disk.settle();
    void journal.state.commit({ closes: [logId] }).then(({ kind }) => events.push(`close: ${kind}`));
    void append("second", 2 * MEBIBYTE);
    await disk.settle();
    void append("third", 2 * MEBIBYTE);
    await disk.settle();
    await disk.finishOne();
    expect(events.slice(1)).toEqual(["writing 0 MiB", "first: appended"]);
    await disk.finishOne();
    expect(events.slice(3)).toEqual(["close: committed", "second: closed", "third: closed"]);
    expect(journal.describe(logId)?.endIndex).toBe(2);
    await disk.release();
    await journal.close();
  });
});

test("a large block begins at once, with all that its caller queues, and not when the loop comes round", async () => {
  void append("first", 2 * MEBIBYTE);
  void append("second", 1_000);
  await Promise.resolve();
  await Promise.resolve();
  expect(events).toEqual(["writing 2 MiB"]);
  await disk.settle();
  await disk.finishOne();
  expect(events.slice(1)).toEqual(["first: appended", "second: appended"]);
  await disk.release();
  await journal.close();
});

test("a close of the journal waits for everything that was queued", async () => {
  const answered = [append("first", 1_000), append("second", 2 * MEBIBYTE), append("third", 2 * MEBIBYTE)];
  await disk.release();
  await Promise.all(answered);
  await journal.close();
  expect(events.filter((event) => event.endsWith(": appended"))).toHaveLength(3);
});

test("what waits becomes blocks of the size that they may have, and one entry alone may be larger", async () => {
  await open({ blockBytes: 2 * MEBIBYTE, earlyBlockBytes: 64 * MEBIBYTE });
  void append("first", 1_000);
  await disk.settle();
  for (const name of ["a", "b", "c"]) void append(name, 0.9 * MEBIBYTE);
  void append("large", 5 * MEBIBYTE);
  void append("last", 1_000);
  while (disk.writes.length > 0) await disk.finishOne();
  expect(events.filter((event) => event.startsWith("writing"))).toEqual([
    "writing 0 MiB",
    "writing 2 MiB",
    "writing 1 MiB",
    "writing 5 MiB",
    "writing 0 MiB",
  ]);
  expect(nextIndex()).toBe(7);
  await disk.release();
  await journal.close();
});
