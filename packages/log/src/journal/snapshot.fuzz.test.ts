import { crc32 } from "node:zlib";
import { seededRandom, simulatedDisk, type SimulatedDisk } from "@millrace/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { damaged, damageOf } from "../damaged-bytes.ts";
import { UnknownFormatError } from "./format.ts";
import { KeyedState } from "./keyed-state.ts";
import { ShardLogs } from "./shard-logs.ts";
import { listSnapshots, loadSnapshot, writeSnapshot, type SnapshotHeader } from "./snapshot.ts";

fc.configureGlobal({
  seed: Number(process.env["FUZZ_SEED"] ?? 1),
  numRuns: Number(process.env["FUZZ_RUNS"] ?? 40),
});

const damages = fc.nat().map(damageOf);

const PATH = "/data/state/000000000000007.snapshot";

interface Picture {
  readonly header: SnapshotHeader;
  readonly keys: readonly (readonly [string, string, number])[];
  readonly logs: readonly {
    readonly logId: number;
    readonly nextIndex: number;
    readonly trimIndex: number;
    readonly endIndex: number | undefined;
    readonly lastArrivalMs: number;
    readonly holes: readonly { readonly fromIndex: number; readonly toIndex: number }[];
  }[];
}

const count = fc.maxSafeNat();
const text = fc.string({ unit: "binary" });
const pictures: fc.Arbitrary<Picture> = fc.record({
  header: fc.record({
    revision: count,
    commit: fc.constant(7),
    epoch: count,
    nextLogId: count,
    segments: fc.array(count),
    nextSegmentNumber: count,
    serviceMs: fc.oneof(count, fc.double({ min: 0, max: 2 ** 42, noNaN: true })),
  }),
  // Some snapshots have more keys than one frame takes.
  keys: fc.oneof(
    { weight: 6, arbitrary: keysOf(fc.array(fc.tuple(text, text, count))) },
    {
      weight: 1,
      arbitrary: keysOf(
        fc.constant(Array.from({ length: 501 }, (_, i) => [`key ${i}`, "value", i] as const)),
      ),
    },
  ),
  logs: fc
    .array(
      fc.record({
        logId: fc.nat(100),
        nextIndex: count,
        trimIndex: count,
        endIndex: fc.option(count, { nil: undefined }),
        lastArrivalMs: count,
        holes: fc.array(fc.record({ fromIndex: count, toIndex: count }), { maxLength: 2 }),
      }),
      { maxLength: 5 },
    )
    .map((logs) => [...new Map(logs.map((log) => [log.logId, log])).values()]),
});

function keysOf(
  keys: fc.Arbitrary<readonly (readonly [string, string, number])[]>,
): fc.Arbitrary<Picture["keys"]> {
  return keys.map((list) => [...new Map(list.map((key) => [key[0], key])).values()]);
}

function newDisk(): SimulatedDisk {
  return simulatedDisk(seededRandom(1), undefined, { powerCuts: false });
}

/** The bytes of a snapshot of the picture. */
async function write({ header, keys, logs }: Picture): Promise<Uint8Array> {
  const disk = newDisk();
  await disk.files.makeDirectory("/data/state");
  const state = new KeyedState();
  for (const [key, value, revision] of keys) state.restore(key, { value, revision });
  const shardLogs = new ShardLogs();
  for (const { logId, holes, ...bounds } of logs) {
    Object.assign(shardLogs.open(logId), bounds, { holes: [...holes] });
  }
  const clock = { soon: (callback: () => void) => queueMicrotask(callback) };
  await writeSnapshot({ files: disk.files, clock: clock as never }, "/data", header, state, shardLogs);
  expect(await listSnapshots(disk.files, "/data")).toEqual([PATH.slice("/data/state/".length)]);
  return disk.bytes(PATH);
}

/** The picture that a snapshot holds; undefined when it is refused, which must leave state and logs as they were. */
async function read(bytes: Uint8Array): Promise<Picture | undefined> {
  const disk = newDisk();
  disk.place(PATH, bytes);
  const state = new KeyedState();
  const logs = new ShardLogs();
  let loaded: SnapshotHeader | undefined;
  try {
    loaded = await loadSnapshot(disk.files, PATH, state, logs);
  } catch (error) {
    if (!(error instanceof UnknownFormatError)) throw error;
  }
  if (loaded === undefined) {
    expect([state.size, state.revision, logs.size, logs.nextLogId]).toEqual([0, 0, 0, 1]);
    return undefined;
  }
  const { revision, commit, epoch, nextLogId, segments, nextSegmentNumber, serviceMs } = loaded;
  expect([state.revision, logs.nextLogId >= nextLogId]).toEqual([revision, true]);
  return {
    header: { revision, commit, epoch, nextLogId, segments, nextSegmentNumber, serviceMs },
    keys: [...state.entries()].map(([key, value]) => [key, value.value, value.revision]),
    logs: [...logs.values()].map(({ logId, nextIndex, trimIndex, endIndex, lastArrivalMs, holes }) => ({
      logId,
      nextIndex,
      trimIndex,
      endIndex,
      lastArrivalMs,
      holes,
    })),
  };
}

/** A snapshot of frames of our own making, each under a right checksum. */
function snapshotOf(frames: readonly string[]): Buffer {
  const start = Buffer.from("MILLSNAP\u0001\0\0\0", "latin1");
  return Buffer.concat([
    start,
    ...frames.flatMap((frame) => {
      const json = Buffer.from(frame);
      const head = Buffer.alloc(8);
      head.writeUInt32LE(json.length, 0);
      head.writeUInt32LE(crc32(json), 4);
      return [head, json];
    }),
  ]);
}

/** The frames of a snapshot that {@link write} made. */
function framesOf(bytes: Uint8Array): string[] {
  const source = Buffer.from(bytes);
  const frames: string[] = [];
  for (let at = 12; at < source.length;) {
    const end = at + 8 + source.readUInt32LE(at);
    frames.push(source.toString("utf8", at + 8, end));
    at = end;
  }
  return frames;
}

describe("snapshots", () => {
  test("a snapshot reads back as it was written", async () => {
    await fc.assert(
      fc.asyncProperty(pictures, async (picture) => {
        const bytes = await write(picture);
        expect(await read(bytes)).toEqual(picture);
        expect(snapshotOf(framesOf(bytes)).equals(bytes)).toBe(true);
      }),
    );
  });

  test("a damaged snapshot is refused with state and logs untouched, and never another one", async () => {
    await fc.assert(
      fc.asyncProperty(pictures, pictures, damages, async (picture, other, damage) => {
        const [bytes, donor] = [await write(picture), await write(other)];
        const altered = damaged(bytes, damage, donor);
        const found = await read(altered);
        if (found === undefined || altered.equals(donor)) return;
        expect(found).toEqual(picture);
      }),
    );
  });

  test("bytes of any kind are refused", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array(), fc.boolean(), async (bytes, begun) => {
        expect(await read(begun ? Buffer.concat([snapshotOf([]), bytes]) : bytes)).toBeUndefined();
      }),
    );
  });

  test("zeros, which have a right checksum, are no frames", async () => {
    await fc.assert(
      fc.asyncProperty(pictures, fc.nat(100), fc.nat(5), async (picture, zeros, kept) => {
        const frames = framesOf(await write(picture)).slice(0, -1);
        const torn = Buffer.concat([snapshotOf(frames.slice(0, kept)), Buffer.alloc(zeros)]);
        expect(await read(torn)).toBeUndefined();
      }),
    );
  });

  test("a frame that is lost or stands twice is missed", async () => {
    await fc.assert(
      fc.asyncProperty(pictures, fc.nat(), async (picture, which) => {
        const frames = framesOf(await write(picture));
        const at = which % (frames.length - 1);
        expect(await read(snapshotOf(frames.toSpliced(at, 1)))).toBeUndefined();
        expect(await read(snapshotOf(frames.toSpliced(at, 0, frames[at]!)))).toBeUndefined();
        expect(await read(snapshotOf(frames.slice(0, -1)))).toBeUndefined();
      }),
    );
  });

  test("frames of any JSON under right checksums are refused, or make a picture that can be written again", async () => {
    const json = fc.oneof(
      fc.json(),
      fc.jsonValue().map((value) => JSON.stringify({ keys: value })),
      fc.jsonValue().map((value) => JSON.stringify({ keys: [value] })),
      fc.jsonValue().map((value) => JSON.stringify({ logs: [value] })),
      fc
        .jsonValue()
        .map((value) =>
          JSON.stringify({ logs: [{ logId: 1, nextIndex: value, trimIndex: 1, lastArrivalMs: 0 }] }),
        ),
      fc.jsonValue().map((value) => JSON.stringify({ end: value })),
      fc.constantFrom("null", "7", '"end"', '{"end":1}', '{"end":-1}', '{"keys":{}}', '{"header":true}'),
    );
    await fc.assert(
      fc.asyncProperty(
        pictures,
        fc.nat(5),
        fc.constantFrom(0, 1),
        fc.array(json, { minLength: 1, maxLength: 2 }),
        async (picture, at, removed, strange) => {
          const frames = framesOf(await write(picture));
          frames.splice(at, removed, ...strange);
          const found = await read(snapshotOf(frames));
          if (found !== undefined) expect(await read(await write(found))).toEqual(found);
        },
      ),
    );
  });

  test("a header with a member of another kind is refused, or makes a picture that can be written again", async () => {
    await fc.assert(
      fc.asyncProperty(pictures, fc.nat(), fc.jsonValue(), async (picture, which, value) => {
        const [header = "", ...frames] = framesOf(await write(picture));
        const members = JSON.parse(header) as Record<string, unknown>;
        const name = Object.keys(members)[which % Object.keys(members).length]!;
        const found = await read(snapshotOf([JSON.stringify({ ...members, [name]: value }), ...frames]));
        if (found !== undefined)
          expect(await read(await write({ ...found, header: { ...found.header, commit: 7 } }))).toBeDefined();
      }),
    );
  });
});
