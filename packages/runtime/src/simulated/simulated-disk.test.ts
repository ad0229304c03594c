import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Files, OpenFile, SimulatedDisk } from "../index.ts";
import { seededRandom, simulatedDisk } from "../index.ts";
import { SECTOR_BYTES } from "./simulated-inode.ts";

const SEEDS = Array.from({ length: 200 }, (_, seed) => seed);

const sectorsOf = (count: number, value: number): Uint8Array =>
  new Uint8Array(count * SECTOR_BYTES).fill(value);

/** The first byte of every sector. */
const marks = (bytes: Uint8Array): number[] =>
  Array.from(
    { length: Math.ceil(bytes.length / SECTOR_BYTES) },
    (_, sector) => bytes[sector * SECTOR_BYTES] as number,
  );

/** Runs `history` on a fresh disk for every seed and gives back what it found each time. */
async function outcomes<Found>(
  history: (disk: SimulatedDisk, files: Files) => Promise<Found>,
): Promise<Found[]> {
  const found: Found[] = [];
  for (const seed of SEEDS) {
    const disk = simulatedDisk(seededRandom(seed));
    await disk.files.makeDirectory("/d");
    found.push(await history(disk, disk.files));
  }
  return found;
}

/** A file that is there for good, with `sectorCount` sectors of ones. */
async function durableFile(files: Files, sectorCount: number, durableWrites = false): Promise<OpenFile> {
  const file = await files.open("/d/a", { create: true, durableWrites });
  await file.write(sectorsOf(sectorCount, 1), 0);
  await file.sync();
  await files.syncDirectory("/d");
  return file;
}

describe("a power cut", () => {
  test("leaves what was synced, and of a later write any mix of old and new sectors", async () => {
    const found = await outcomes(async (disk, files) => {
      const file = await durableFile(files, 4);
      await file.write(sectorsOf(4, 2), 0);
      disk.crash({ powerCut: true });
      return marks(disk.bytes("/d/a")).join("");
    });
    expect(new Set(found).size).toBe(16);
  });

  test("may leave any of the forms that a sector had since it was durable, and no older one", async () => {
    const found = await outcomes(async (disk, files) => {
      const file = await durableFile(files, 1);
      await file.write(sectorsOf(1, 2), 0);
      await file.sync();
      for (const form of [3, 4, 5]) await file.write(sectorsOf(1, form), 0);
      disk.crash({ powerCut: true });
      return marks(disk.bytes("/d/a"))[0];
    });
    expect([...new Set(found)].sort()).toEqual([2, 3, 4, 5]);
  });

  test("leaves every durable write whole", async () => {
    const found = await outcomes(async (disk, files) => {
      const file = await durableFile(files, 2, true);
      await file.write(sectorsOf(3, 2), SECTOR_BYTES);
      disk.crash({ powerCut: true });
      return marks(disk.bytes("/d/a")).join("");
    });
    expect([...new Set(found)]).toEqual(["1222"]);
  });

  test("may take back a growth that was not synced, and never shows what was not written", async () => {
    const found = await outcomes(async (disk, files) => {
      const file = await durableFile(files, 1);
      await file.write(sectorsOf(1, 2), SECTOR_BYTES);
      disk.crash({ powerCut: true });
      return marks(disk.bytes("/d/a")).join("");
    });
    expect([...new Set(found)].sort()).toEqual(["1", "10", "12"]);
  });

  test("leaves an unsynced truncation done or not done", async () => {
    const found = await outcomes(async (disk, files) => {
      const file = await durableFile(files, 3);
      await file.truncate(SECTOR_BYTES);
      disk.crash({ powerCut: true });
      return marks(disk.bytes("/d/a")).join("");
    });
    expect([...new Set(found)].sort()).toEqual(["1", "111"]);
  });

  test("never brings back what a synced truncation cut off, not even in the rest of its sector", async () => {
    const found = await outcomes(async (disk, files) => {
      const file = await durableFile(files, 3);
      await file.write(sectorsOf(3, 2), 0);
      await file.truncate(SECTOR_BYTES + 10);
      await file.sync();
      await file.write(Uint8Array.of(3), 3 * SECTOR_BYTES);
      disk.crash({ powerCut: true });
      const bytes = disk.bytes("/d/a");
      expect(marks(bytes.subarray(0, SECTOR_BYTES + 10))).toEqual([2, 2]);
      expect(bytes.subarray(SECTOR_BYTES + 10, 3 * SECTOR_BYTES).every((byte) => byte === 0)).toBe(true);
      return bytes.length;
    });
    expect(new Set(found)).toEqual(new Set([SECTOR_BYTES + 10, 3 * SECTOR_BYTES + 1]));
  });

  test("a file that was cut and grew again holds zeros in between, whenever it has its new size", async () => {
    const found = await outcomes(async (disk, files) => {
      const file = await durableFile(files, 3);
      await file.truncate(SECTOR_BYTES);
      await file.write(sectorsOf(1, 2), 3 * SECTOR_BYTES);
      disk.crash({ powerCut: true });
      return marks(disk.bytes("/d/a")).join("");
    });
    expect(new Set(found)).toEqual(new Set(["111", "1", "1000", "1002"]));
  });

  test("a durable write takes an earlier cut along", async () => {
    const found = await outcomes(async (disk, files) => {
      const file = await durableFile(files, 3, true);
      await file.truncate(SECTOR_BYTES);
      await file.write(sectorsOf(1, 2), 3 * SECTOR_BYTES);
      disk.crash({ powerCut: true });
      return marks(disk.bytes("/d/a")).join("");
    });
    expect(new Set(found)).toEqual(new Set(["1002"]));
  });

  test("forgets a synced file whose directory was not synced, in some of its outcomes", async () => {
    const found = await outcomes(async (disk, files) => {
      const file = await files.open("/d/a", { create: true });
      await file.write(sectorsOf(1, 1), 0);
      await file.sync();
      disk.crash({ powerCut: true });
      return disk.paths().join();
    });
    expect(new Set(found)).toEqual(new Set(["", "/d/a"]));
  });

  test("leaves a rename done or not done, and never half done", async () => {
    const found = await outcomes(async (disk, files) => {
      await durableFile(files, 1);
      const file = await files.open("/d/new", { create: true });
      await file.write(sectorsOf(1, 2), 0);
      await file.sync();
      await files.rename("/d/new", "/d/a");
      disk.crash({ powerCut: true });
      return `${disk.paths().join()} ${marks(disk.bytes("/d/a")).join("")}`;
    });
    expect(new Set(found)).toEqual(new Set(["/d/a 1", "/d/a,/d/new 1", "/d/a 2"]));
  });

  test("keeps a rename whose directory was synced", async () => {
    const found = await outcomes(async (disk, files) => {
      const file = await durableFile(files, 1);
      await file.close();
      await files.rename("/d/a", "/d/b");
      await files.syncDirectory("/d");
      disk.crash({ powerCut: true });
      return disk.paths().join();
    });
    expect(new Set(found)).toEqual(new Set(["/d/b"]));
  });

  test("may undo a removal, with what the file held", async () => {
    const found = await outcomes(async (disk, files) => {
      const file = await durableFile(files, 2);
      await file.close();
      await files.unlink("/d/a");
      disk.crash({ powerCut: true });
      return disk
        .paths()
        .map((path) => marks(disk.bytes(path)).join(""))
        .join();
    });
    expect(new Set(found)).toEqual(new Set(["", "11"]));
  });

  test("changes of different files may survive in another order than they were made in", async () => {
    const found = await outcomes(async (disk, files) => {
      for (const name of ["a", "b", "c"]) await files.open(`/d/${name}`, { create: true });
      disk.crash({ powerCut: true });
      return disk
        .paths()
        .map((path) => path.at(-1))
        .join("");
    });
    expect([...new Set(found)].sort()).toEqual(["", "a", "ab", "abc", "ac", "b", "bc", "c"]);
  });
});

describe("the end of a process", () => {
  test("keeps everything that was written, synced or not", async () => {
    const found = await outcomes(async (disk, files) => {
      const file = await files.open("/d/a", { create: true });
      await file.write(sectorsOf(2, 1), 0);
      disk.crash({ powerCut: false });
      return marks(disk.bytes("/d/a")).join("");
    });
    expect(new Set(found)).toEqual(new Set(["11"]));
  });

  test("what was not synced before it is still lost to a later power cut", async () => {
    const found = await outcomes(async (disk, files) => {
      const file = await durableFile(files, 1);
      await file.write(sectorsOf(1, 2), 0);
      disk.crash({ powerCut: false });
      disk.crash({ powerCut: true });
      return marks(disk.bytes("/d/a")).join("");
    });
    expect(new Set(found)).toEqual(new Set(["1", "2"]));
  });

  test("operations of the old life never settle and change nothing; the next life has the disk", async () => {
    const disk = simulatedDisk(seededRandom(1));
    const old = disk.files;
    await old.makeDirectory("/d");
    const file = await old.open("/d/a", { create: true });
    expect(await old.lock("/d")).toBeDefined();
    disk.crash({ powerCut: false });
    let settled = 0;
    const settle = (): void => {
      settled += 1;
    };
    for (const operation of [
      file.write(sectorsOf(1, 9), 0),
      file.sync(),
      file.close(),
      old.list("/d"),
      old.lock("/d"),
    ]) {
      operation.then(settle, settle);
    }
    expect(await disk.files.lock("/d")).toBeDefined();
    expect(await disk.files.list("/d")).toEqual(["a", "lock"]);
    expect(disk.bytes("/d/a")).toHaveLength(0);
    await new Promise((resolve) => void setImmediate(resolve));
    expect(settled).toBe(0);
  });
});

describe("faults", () => {
  test("an injected failure hits the operations that it was meant for, and says so", async () => {
    const disk = simulatedDisk(seededRandom(1));
    const file = await disk.files.open("a", { create: true });
    const fault = disk.failNext(({ kind, path }) => kind === "write" && path === "a", "EIO", 2);
    await file.sync();
    expect(fault.firedCount).toBe(0);
    for (let time = 0; time < 2; time += 1) {
      await expect(file.write(sectorsOf(1, 1), 0)).rejects.toMatchObject({ code: "EIO", path: "a" });
    }
    expect(await file.write(sectorsOf(1, 1), 0)).toBe(SECTOR_BYTES);
    expect([fault.firedCount, disk.faultCount]).toEqual([2, 2]);
    const cancelled = disk.failNext(() => true, "EIO");
    cancelled.cancel();
    await file.sync();
    expect(cancelled.firedCount).toBe(0);
  });

  test("after a failed sync the bytes can be read, and no later sync makes them durable", async () => {
    const found = await outcomes(async (disk, files) => {
      const file = await durableFile(files, 1);
      await file.write(sectorsOf(1, 2), 0);
      disk.failNext(({ kind }) => kind === "sync", "EIO");
      await expect(file.sync()).rejects.toMatchObject({ code: "EIO" });
      await file.sync();
      expect(marks(disk.bytes("/d/a"))).toEqual([2]);
      disk.crash({ powerCut: true });
      return marks(disk.bytes("/d/a"))[0];
    });
    expect(new Set(found)).toEqual(new Set([1, 2]));
  });

  test("a sector written again after a failed sync is durable after the next one", async () => {
    const found = await outcomes(async (disk, files) => {
      const file = await durableFile(files, 1);
      await file.write(sectorsOf(1, 2), 0);
      disk.failNext(({ kind }) => kind === "sync", "EIO");
      await expect(file.sync()).rejects.toMatchObject({ code: "EIO" });
      await file.write(sectorsOf(1, 3), 0);
      await file.sync();
      disk.crash({ powerCut: true });
      return marks(disk.bytes("/d/a"))[0];
    });
    expect(new Set(found)).toEqual(new Set([3]));
  });

  test("a durable write that fails may or may not be on the disk, and no later sync settles it", async () => {
    const found = await outcomes(async (disk, files) => {
      const file = await durableFile(files, 1, true);
      disk.failNext(({ durable }) => durable === true, "EIO");
      await expect(file.write(sectorsOf(1, 2), 0)).rejects.toMatchObject({ code: "EIO" });
      await file.sync();
      disk.crash({ powerCut: true });
      return marks(disk.bytes("/d/a"))[0];
    });
    expect(new Set(found)).toEqual(new Set([1, 2]));
  });

  test("a full disk writes what fits, then refuses, and goes on when there is room", async () => {
    const disk = simulatedDisk(seededRandom(1), undefined, { capacityBytes: 16_384 });
    const file = await disk.files.open("a", { create: true });
    expect(await disk.files.freeBytes(".")).toBe(16_384);
    expect(await file.write(new Uint8Array(10_000), 0)).toBe(10_000);
    expect(await file.write(new Uint8Array(10_000), 10_000)).toBe(6_384);
    await expect(file.write(new Uint8Array(1), 16_384)).rejects.toMatchObject({ code: "ENOSPC" });
    expect(await file.write(new Uint8Array(10_000), 0)).toBe(10_000);
    await file.truncate(4_096);
    expect(await disk.files.freeBytes(".")).toBe(12_288);
    await disk.files.unlink("a");
    expect(await disk.files.freeBytes(".")).toBe(12_288);
    await file.close();
    expect(await disk.files.freeBytes(".")).toBe(16_384);
    disk.setCapacity(4_096);
    expect(await disk.files.freeBytes(".")).toBe(4_096);
  });

  test("writes are short, and reads, writes and syncs fail, as often as asked for", async () => {
    const disk = simulatedDisk(seededRandom(1));
    const file = await disk.files.open("a", { create: true });
    disk.setChances({ shortWrite: 0.5 });
    let shortCount = 0;
    for (let time = 0; time < 200; time += 1) {
      const count = await file.write(new Uint8Array(100), 0);
      expect(count).toBeGreaterThan(0);
      if (count < 100) shortCount += 1;
    }
    expect(Math.abs(shortCount - 100)).toBeLessThan(40);
    expect(disk.faultCount).toBe(shortCount);
    disk.setChances({ readError: 1, writeError: 1, syncError: 1 });
    await expect(file.read(new Uint8Array(1), 0)).rejects.toMatchObject({ code: "EIO" });
    await expect(file.write(new Uint8Array(1), 0)).rejects.toMatchObject({ code: "EIO" });
    await expect(file.sync()).rejects.toMatchObject({ code: "EIO" });
    disk.setChances({});
    await file.sync();
  });

  test("a flipped bit is flipped in every form of its sector", async () => {
    const found = await outcomes(async (disk, files) => {
      const file = await durableFile(files, 1);
      await file.write(sectorsOf(1, 3), 0);
      disk.corrupt("/d/a", 0, 0x80);
      disk.crash({ powerCut: true });
      return marks(disk.bytes("/d/a"))[0];
    });
    expect(new Set(found)).toEqual(new Set([0x81, 0x83]));
    expect(() => simulatedDisk(seededRandom(1)).corrupt("none", 0)).toThrow("ENOENT");
  });

  test("a disk without durable writes says so, and needs a sync", async () => {
    const disk = simulatedDisk(seededRandom(1), undefined, { durableWrites: false });
    expect((await disk.files.open("a", { create: true, durableWrites: true })).durableWrites).toBe(false);
  });
});

describe("a simulated disk", () => {
  test("files put there by a test are durable", async () => {
    const disk = simulatedDisk(seededRandom(2));
    disk.place("/deep/down/a", Uint8Array.of(1, 2, 3));
    disk.place("/deep/down/a", Uint8Array.of(4));
    disk.crash({ powerCut: true });
    expect(disk.paths()).toEqual(["/deep/down/a"]);
    expect(disk.bytes("/deep/down/a")).toEqual(Uint8Array.of(4));
    expect(await disk.files.list("/deep")).toEqual(["down"]);
  });

  test("a dump changes with names and with bytes", async () => {
    const disk = simulatedDisk(seededRandom(1));
    const digests = [disk.dump().digest];
    disk.place("a", Uint8Array.of(1));
    digests.push(disk.dump().digest);
    disk.corrupt("a", 0);
    digests.push(disk.dump().digest);
    await disk.files.rename("a", "b");
    digests.push(disk.dump().digest);
    expect(new Set(digests).size).toBe(4);
    disk.corrupt("b", 0);
    await disk.files.rename("b", "a");
    expect(disk.dump().digest).toBe(digests[1]);
    expect(disk.dump().files).toMatchObject([{ path: "a", sizeBytes: 1 }]);
  });

  test("never loses a synced byte, and shows no byte that was never written there", async () => {
    const position = fc.integer({ min: 0, max: 6 * SECTOR_BYTES });
    const step = fc.oneof(
      fc.record({
        kind: fc.constant("write" as const),
        position,
        length: fc.integer({ min: 1, max: 3_000 }),
      }),
      fc.record({
        kind: fc.constant("durable write" as const),
        position,
        length: fc.integer({ min: 1, max: 3_000 }),
      }),
      fc.record({ kind: fc.constant("truncate" as const), position }),
      fc.record({ kind: fc.constant("sync" as const) }),
      fc.record({ kind: fc.constant("crash" as const), powerCut: fc.boolean() }),
    );
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.array(step, { maxLength: 25 }), async (seed, steps) => {
        const disk = simulatedDisk(seededRandom(seed));
        await disk.files.makeDirectory("/d");
        await durableFile(disk.files, 1);
        const open = (durableWrites: boolean): Promise<OpenFile> =>
          disk.files.open("/d/a", { write: true, durableWrites });
        let plain = await open(false);
        let durable = await open(true);

        // What may stand at each byte after a power cut: one value where it is durable, more where it is not.
        let present = [...disk.bytes("/d/a")];
        let possible: Set<number>[] = present.map((byte) => new Set([byte]));
        const settle = (from: number, to: number): void => {
          for (let at = from; at < to; at += 1) possible[at] = new Set([present[at] as number]);
        };
        const allow = (at: number, value: number): void => void (possible[at] ??= new Set([0])).add(value);
        let sizes = new Set([present.length]);

        for (const [index, one] of steps.entries()) {
          if (one.kind === "write" || one.kind === "durable write") {
            const bytes = new Uint8Array(one.length).fill(index + 2);
            await (one.kind === "write" ? plain : durable).write(bytes, one.position);
            while (present.length < one.position) present.push(0);
            for (let at = one.position; at < one.position + one.length; at += 1) {
              present[at] = index + 2;
              allow(at, index + 2);
            }
            sizes.add(present.length);
            if (one.kind === "durable write") {
              sizes = new Set([present.length]);
              settle(one.position, one.position + one.length);
            }
          } else if (one.kind === "truncate") {
            await plain.truncate(one.position);
            for (let at = one.position; at < present.length; at += 1) allow(at, 0);
            present.length = Math.min(present.length, one.position);
            while (present.length < one.position) present.push(0);
            sizes.add(one.position);
          } else if (one.kind === "sync") {
            await plain.sync();
            sizes = new Set([present.length]);
            settle(0, present.length);
            possible.length = present.length;
          } else {
            disk.crash({ powerCut: one.powerCut });
            const bytes = disk.bytes("/d/a");
            if (one.powerCut) {
              expect(sizes).toContain(bytes.length);
              for (const [at, byte] of bytes.entries()) {
                if (!(possible[at] ?? new Set([0])).has(byte)) throw new Error(`byte ${at} became ${byte}`);
              }
              present = [...bytes];
              possible = present.map((byte) => new Set([byte]));
              sizes = new Set([present.length]);
            }
            plain = await open(false);
            durable = await open(true);
          }
          // Comparing by `toEqual` takes a hundred times as long.
          expect(Buffer.compare(disk.bytes("/d/a"), Uint8Array.from(present))).toBe(0);
        }
      }),
      { numRuns: 300 },
    );
  });
});
