/**
 * Whole data directories with damage anywhere in their files. A start refuses them by one of its own errors,
 * with nothing changed, or goes on, and then nothing is read that was not written.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { seededRandom, simulatedDisk, type Files, type SimulatedDisk } from "@millrace/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { damaged, damageOf, flipsOf, type Damage } from "../damaged-bytes.ts";
import { encodeBatch } from "../entry-codec.ts";
import { UnknownFormatError } from "./format.ts";
import { stillRuntime } from "./test-support.ts";
import { inspectDirectory } from "./inspect.ts";
import { openJournal, type Journal } from "./journal.ts";
import { DamagedSegmentError } from "./segment-store.ts";
import { DamagedJournalError } from "./survey.ts";

fc.configureGlobal({
  seed: Number(process.env["FUZZ_SEED"] ?? 1),
  numRuns: Number(process.env["FUZZ_RUNS"] ?? 20),
});

const damages = fc.nat().map(damageOf);
const flips = fc.nat().map(flipsOf);

const GOLDEN = fileURLToPath(new URL("../../golden/format-1", import.meta.url));
/** Sealed, cold and unsealed segments, snapshots, closed and trimmed logs; see `golden.test.ts`. */
const WRITTEN: readonly (readonly [name: string, bytes: Buffer])[] = readdirSync(GOLDEN, {
  recursive: true,
  withFileTypes: true,
})
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name))
  .sort()
  .map((path) => [relative(GOLDEN, path), readFileSync(path)]);
/** The segment of the last commits: entries 17 to 25 of log 1, a block of one page each. The next one is empty yet. */
const UNSEALED = WRITTEN.findIndex(([name]) => name.includes("000000000006"));
const SEALED = WRITTEN.flatMap(([name], i) => (/00000000000[457]/.test(name) ? [i] : []));
const UNSEALED_INDEXES = [17, 25] as const;

interface Blow {
  readonly file: number;
  readonly damage: Damage;
  readonly donor: number;
}

/** Any file, and more often than others the one whose blocks are scanned. */
const file = fc.oneof(
  { weight: 2, arbitrary: fc.nat(WRITTEN.length - 1) },
  { weight: 1, arbitrary: fc.constant(UNSEALED) },
);

function blows(damage: fc.Arbitrary<Damage>): fc.Arbitrary<readonly Blow[]> {
  return fc.array(fc.record({ file, damage, donor: file }), { minLength: 1, maxLength: 2 });
}

/** Bits of chunks, at which nobody looks before they are read. */
const rottenChunks: fc.Arbitrary<readonly Blow[]> = fc
  .tuple(
    fc.constantFrom(...SEALED),
    fc.array(fc.noBias(fc.integer({ min: 4096 * 8, max: 12_000 * 8 })), { minLength: 1, maxLength: 8 }),
  )
  .map(([hit, bits]) => [{ file: hit, damage: { kind: "flip", bits }, donor: hit }]);

function contentsAfter(hits: readonly Blow[]): Buffer[] {
  const contents = WRITTEN.map(([, bytes]) => bytes);
  for (const { file, damage, donor } of hits) {
    contents[file] = damaged(contents[file]!, damage, WRITTEN[donor]![1]);
  }
  return contents;
}

function diskAfter(hits: readonly Blow[]): SimulatedDisk {
  const disk = simulatedDisk(seededRandom(3), undefined, { powerCuts: false });
  const contents = contentsAfter(hits);
  WRITTEN.forEach(([name], i) => disk.place(`/data/${name}`, contents[i]!));
  return disk;
}

/** Files of which no read asks for more than there is, but for the page that every segment begins with. */
function watched(files: Files): Files {
  return {
    ...files,
    open: async (path, options) => {
      const file = await files.open(path, options);
      const read = file.read.bind(file);
      file.read = async (target, position) => {
        expect(target.length).toBeLessThanOrEqual(Math.max(4096, await file.sizeBytes()));
        return read(target, position);
      };
      return file;
    },
  };
}

const outside = (disk: SimulatedDisk) => stillRuntime(watched(disk.files), 11);

/** A picture of all that the journal is made of. The file that names the format is written again when it is empty. */
function pictureOf(disk: SimulatedDisk): object {
  return disk.dump().files.filter(({ path }) => path !== "/data/FORMAT");
}

/** The journal, or why it was refused; any other error is a crash. */
async function open(
  disk: SimulatedDisk,
  acceptLoss = false,
): Promise<Journal | DamagedJournalError | DamagedSegmentError | UnknownFormatError> {
  const runtime = outside(disk);
  try {
    return await openJournal(runtime, {
      directory: "/data",
      serviceClock: runtime.clock,
      initialSegmentBytes: 64 << 10,
      maxSegmentBytes: 64 << 10,
      salvageBytesPerSecond: 0,
      acceptLoss,
    });
  } catch (error) {
    if (error instanceof DamagedJournalError) return error;
    if (error instanceof DamagedSegmentError || error instanceof UnknownFormatError) return error;
    throw error;
  }
}

interface Contents {
  readonly payloads: ReadonlyMap<number, string>;
  /** Indexes that a read says are damaged, lost or trimmed. */
  readonly told: ReadonlySet<number>;
  readonly nextIndex: number;
}

/** Every entry of a log, asked for one by one where they do not come together. */
async function readLog(journal: Journal, logId: number): Promise<Contents> {
  const payloads = new Map<number, string>();
  const told = new Set<number>();
  const nextIndex = journal.describe(logId)?.nextIndex ?? 0;
  for (let index = 1; index < nextIndex;) {
    const outcome = await journal.read(logId, index, { maxBytes: 1e9, maxRecords: 1e9 });
    if (outcome.kind === "entries") {
      for (const entry of outcome.entries) {
        payloads.set(entry.index, Buffer.from(entry.payload).toString("hex"));
      }
      expect(outcome.nextIndex).toBeGreaterThan(index);
      index = outcome.nextIndex;
    } else {
      const to = outcome.kind === "trimmed" ? outcome.trimIndex : "toIndex" in outcome && outcome.toIndex;
      const end = typeof to === "number" ? to : index + 1;
      expect(end).toBeGreaterThan(index);
      // A repair that cannot know how much is lost skips far ahead.
      for (let at = index; at < Math.min(end, index + 1000); at += 1) told.add(at);
      index = end;
    }
  }
  return { payloads, told, nextIndex };
}

const whole = new Map<number, Contents>();
{
  const journal = await open(diskAfter([]));
  if (journal instanceof Error) throw journal;
  for (const logId of [1, 2, 3]) whole.set(logId, await readLog(journal, logId));
}

/** A damaged block with nothing intact behind it looks like a torn tail: entries that nobody was told are durable. */
function undecided(hits: readonly Blow[], logId: number, index: number): boolean {
  const [first, last] = UNSEALED_INDEXES;
  if (logId !== 1 || index < first) return false;
  const blocks = (bytes: Buffer) => bytes.subarray((1 + index - first) * 4096, (2 + last - first) * 4096);
  const [before, after] = [blocks(WRITTEN[UNSEALED]![1]), blocks(contentsAfter(hits)[UNSEALED]!)];
  for (let at = 0; at < before.length; at += 4096) {
    if (before.subarray(at, at + 4096).equals(after.subarray(at, at + 4096))) return false;
  }
  return true;
}

async function expectNothingElse(journal: Journal): Promise<void> {
  for (const [logId, { payloads }] of whole) {
    for (const [index, payload] of (await readLog(journal, logId)).payloads) {
      expect(payload, `entry ${index} of log ${logId}`).toBe(payloads.get(index));
    }
  }
}

describe("a damaged data directory", () => {
  test("without damage holds what this file speaks of", () => {
    expect(
      [...whole.values()].map(({ payloads, told, nextIndex }) => [payloads.size, told.size, nextIndex]),
    ).toEqual([
      [25, 0, 26],
      [40, 0, 41],
      [6, 34, 41],
    ]);
  });

  test("is opened or refused by name with nothing changed, and gives no entry that was not put", async () => {
    await fc.assert(
      fc.asyncProperty(blows(damages), async (hits) => {
        const disk = diskAfter(hits);
        const before = pictureOf(disk);
        const journal = await open(disk);
        if (journal instanceof Error) expect(pictureOf(disk)).toEqual(before);
        else await expectNothingElse(journal);
      }),
    );
  });

  test("with flipped bits loses nothing in silence but blocks with nothing intact behind them", async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(blows(flips), rottenChunks), async (hits) => {
        const journal = await open(diskAfter(hits));
        if (journal instanceof Error) return;
        await expectNothingElse(journal);
        for (const [logId, { payloads }] of whole) {
          const found = await readLog(journal, logId);
          for (const index of payloads.keys()) {
            const known = found.payloads.has(index) || found.told.has(index);
            expect(known || undecided(hits, logId, index), `entry ${index} of log ${logId}`).toBe(true);
          }
        }
      }),
    );
  });

  test("can be looked at without a change", async () => {
    await fc.assert(
      fc.asyncProperty(blows(damages), async (hits) => {
        const disk = diskAfter(hits);
        const before = disk.dump().digest;
        try {
          await inspectDirectory(outside(disk), { directory: "/data", everyByte: true });
        } catch (error) {
          if (!(error instanceof DamagedSegmentError)) expect(error).toBeInstanceOf(UnknownFormatError);
        }
        expect(disk.dump().digest).toBe(before);
      }),
    );
  });

  test("whose loss is accepted gives no entry that was not put", async () => {
    await fc.assert(
      fc.asyncProperty(blows(damages), async (hits) => {
        const disk = diskAfter(hits);
        const refused = await open(disk);
        if (!(refused instanceof DamagedJournalError)) return;
        const repaired = await open(disk, true);
        if (repaired instanceof Error) throw repaired;
        await expectNothingElse(repaired);
      }),
    );
  });

  test("whose flipped bits are accepted goes on, and gives no index twice", async () => {
    await fc.assert(
      fc.asyncProperty(blows(flips), async (hits) => {
        const disk = diskAfter(hits);
        const refused = await open(disk);
        if (!(refused instanceof DamagedJournalError)) return;
        const repaired = await open(disk, true);
        if (repaired instanceof Error) throw repaired;
        const put = encodeBatch([{ key: undefined, data: Buffer.from("new") }]);
        for (const logId of [1, 3]) {
          const outcome = await repaired.append(logId, put);
          if (outcome.kind !== "appended") continue;
          expect(await repaired.read(logId, outcome.index, { maxBytes: 1, maxRecords: 1 })).toMatchObject({
            kind: "entries",
            entries: [{ index: outcome.index, payload: put.payload }],
          });
          const taken = whole.get(logId)!.payloads.has(outcome.index);
          expect(taken && !undecided(hits, logId, outcome.index)).toBe(false);
        }
      }),
    );
  });
});
