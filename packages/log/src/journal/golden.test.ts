/**
 * Data directories written by the first build of every format version stand in `packages/log/golden`; this
 * build opens each of them. `GOLDEN=write` makes the directory of the present version, once, when it is new.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import {
  memoryLogger,
  seededRandom,
  simulatedDisk,
  type Runtime,
  type SimulatedDisk,
} from "@millrace/runtime";
import { describe, expect, test } from "vitest";
import { encodeBatch, readBatch } from "../entry-codec.ts";
import { openJournal, type Journal } from "./journal.ts";
import { inspectDirectory } from "./inspect.ts";

const GOLDEN = fileURLToPath(new URL("../../golden", import.meta.url));
const NOW_MS = 1_795_184_401_000;

function outside(disk: SimulatedDisk): Runtime {
  const random = seededRandom(11);
  return {
    random,
    secrets: random,
    files: disk.files,
    log: memoryLogger(),
    crash: (reason: string, cause?: unknown): never => {
      throw new Error(reason, { cause });
    },
    clock: {
      nowMs: () => NOW_MS,
      monotonicMs: () => 0,
      schedule: () => ({ cancel: () => undefined }),
      soon: (callback) => void setImmediate(callback),
      sleep: () => Promise.resolve(),
    },
  };
}

function open(runtime: Runtime): Promise<Journal> {
  return openJournal(runtime, {
    directory: "/data",
    serviceClock: runtime.clock,
    initialSegmentBytes: 64 << 10,
    maxSegmentBytes: 64 << 10,
    salvageBytesPerSecond: 0,
  });
}

function batchOf(text: string, bytes = 300) {
  return encodeBatch([
    { key: Buffer.from("key"), data: Buffer.from(text.padEnd(bytes, ".")) },
    { key: undefined, data: Buffer.from(text) },
  ]);
}

/** Something of everything that the format knows: sealed, cold and unsealed segments, state, closes, trims. */
async function writeGolden(): Promise<SimulatedDisk> {
  const disk = simulatedDisk(seededRandom(7), undefined, { powerCuts: false });
  const journal = await open(outside(disk));
  const [kept, closed, trimmed, dropped] = [1, 2, 3, 4].map(() => journal.allocateLogId()) as [
    number,
    number,
    number,
    number,
  ];
  await journal.state.commit({
    opens: [kept, closed, trimmed, dropped],
    puts: [["name/kept", String(kept)]],
  });
  for (let i = 1; i <= 40; i += 1) {
    await Promise.all(
      [kept, closed, trimmed, dropped]
        .filter((logId) => logId !== kept || i % 10 === 0)
        .map((logId) => journal.append(logId, batchOf(`${logId}/${i}`, logId === dropped ? 2000 : 300))),
    );
  }
  await journal.state.commit({
    closes: [closed],
    puts: [
      ["name/closed", String(closed)],
      ["gone", "soon"],
    ],
  });
  await journal.state.commit({ trims: [[trimmed, 35]], drops: [dropped], deletes: ["gone"] });
  await journal.settled();
  await journal.settled();
  for (let i = 5; i <= 25; i += 1) await journal.append(kept, batchOf(`${kept}/${i * 10}`));
  // No clean stop: the last segment stays unsealed.
  return disk;
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)));
}

if (process.env["GOLDEN"] === "write") {
  test("write the golden directory of the present format", async () => {
    const disk = await writeGolden();
    const target = join(GOLDEN, "format-1");
    for (const path of disk.paths().filter((name) => !/reserve|lock|\.tmp/.test(name))) {
      const file = join(target, relative("/data", path));
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, disk.bytes(path), { flag: "wx" });
    }
  });
}

function load(version: string): SimulatedDisk {
  const disk = simulatedDisk(seededRandom(3), undefined, { powerCuts: false });
  const directory = join(GOLDEN, version);
  for (const name of filesBelow(directory)) disk.place(`/data/${name}`, readFileSync(join(directory, name)));
  return disk;
}

describe("golden data directories", () => {
  test("there is one of every format version", () => {
    expect(readdirSync(GOLDEN).sort()).toEqual(["format-1"]);
  });

  test("format 1 opens with everything in it, and goes on", async () => {
    const disk = load("format-1");
    const journal = await open(outside(disk));
    const read = async (logId: number, from: number) => {
      const outcome = await journal.read(logId, from, { maxBytes: 1e9, maxRecords: 1e9 });
      if (outcome.kind !== "entries") return outcome;
      return outcome.entries.map(({ index, payload }) => {
        const second = readBatch(payload).records[1];
        return `${index}:${Buffer.from(payload.subarray(second?.dataStart, second?.dataEnd)).toString()}`;
      });
    };
    expect(await read(1, 1)).toEqual(Array.from({ length: 25 }, (_, i) => `${i + 1}:1/${(i + 1) * 10}`));
    expect(await read(2, 39)).toEqual(["39:2/39", "40:2/40"]);
    expect(journal.describe(2)).toMatchObject({ endIndex: 41, nextIndex: 41 });
    expect(await read(3, 1)).toEqual({ kind: "trimmed", trimIndex: 35 });
    expect(await read(3, 39)).toEqual(["39:3/39", "40:3/40"]);
    expect(journal.describe(4)).toBeUndefined();
    expect([...journal.state.list("")].map(([key, { value }]) => [key, value])).toEqual([
      ["name/closed", "2"],
      ["name/kept", "1"],
    ]);
    expect(await journal.append(1, batchOf("1/260"))).toEqual({
      kind: "appended",
      index: 26,
      arrivalMs: NOW_MS,
    });
    await journal.close();
  });

  test("format 1 holds sealed, cold and unsealed segments, and verifies", async () => {
    const inspection = await inspectDirectory(outside(load("format-1")), {
      directory: "/data",
      everyByte: true,
    });
    expect(inspection.damage).toEqual([]);
    expect(inspection.missing).toEqual([]);
    expect(new Set(inspection.files.map(({ kind, state }) => `${kind} ${state}`))).toEqual(
      new Set(["journal sealed", "cold sealed", "journal unsealed"]),
    );
  });
});
