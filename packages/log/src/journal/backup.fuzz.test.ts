import { crc32 } from "node:zlib";
import { seededRandom, simulatedDisk, type SimulatedDisk } from "@millrace/runtime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { damaged, damageOf } from "../damaged-bytes.ts";
import { BackupError, MANIFEST, restoreBackup, writeBackup, type BackupManifest } from "./backup.ts";

fc.configureGlobal({
  seed: Number(process.env["FUZZ_SEED"] ?? 1),
  numRuns: Number(process.env["FUZZ_RUNS"] ?? 40),
});

const damages = fc.nat().map(damageOf);

const names = fc.constantFrom(
  "FORMAT",
  "journal/000000000017-e000003.segment",
  "journal/000000000018-e000003.segment",
  "state/000000000004711.snapshot",
);
const backups = fc.record({
  facts: fc.record({
    commit: fc.maxSafeNat(),
    revision: fc.maxSafeNat(),
    takenAtMs: fc.oneof(fc.maxSafeNat(), fc.double({ min: 0, max: 2 ** 42, noNaN: true })),
  }),
  contents: fc.uniqueArray(fc.tuple(names, fc.uint8Array({ maxLength: 50 })), { selector: ([name]) => name }),
});
type Backup = typeof backups extends fc.Arbitrary<infer T> ? T : never;

interface Taken {
  readonly disk: SimulatedDisk;
  readonly manifest: BackupManifest;
  readonly text: Buffer;
}

/** A disk on which the backup lies in `/backup`. */
async function take({ facts, contents }: Backup): Promise<Taken> {
  const disk = simulatedDisk(seededRandom(1), undefined, { powerCuts: false });
  const sources = contents.map(([name, bytes]) => {
    disk.place(`/source/${name}`, bytes);
    return { path: `/source/${name}`, name, bytes: bytes.length };
  });
  const manifest = await writeBackup(disk.files, "/backup", sources, facts);
  return { disk, manifest, text: Buffer.from(disk.bytes(`/backup/${MANIFEST}`)) };
}

/**
 * Restores with another manifest: undefined when it is refused, for one of the stated reasons. Whether or not
 * it is, nothing is written but the files of a data directory, where it was asked for.
 */
async function restore({ disk }: Taken, text: Uint8Array): Promise<BackupManifest | undefined> {
  disk.place(`/backup/${MANIFEST}`, text);
  const before = disk.paths();
  let restored: BackupManifest | undefined;
  try {
    restored = await restoreBackup(disk, { from: "/backup", directory: "/restored" });
  } catch (error) {
    if (!(error instanceof BackupError)) throw error;
  }
  const written = disk.paths().filter((path) => !before.includes(path));
  for (const path of written) expect(path).toMatch(/^\/restored\/(?:FORMAT|journal\/[^/]+|state\/[^/]+)$/);
  if (restored !== undefined) {
    expect(written).toEqual(restored.files.map(({ name }) => `/restored/${name}`).sort());
    // The checksums in the manifest vouch for the files, if not for the manifest.
    for (const path of written) {
      expect(disk.bytes(path)).toEqual(disk.bytes(path.replace("/restored/", "/source/")));
    }
  }
  return restored;
}

function jsonOf(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

describe("backup manifests", () => {
  test("a backup is restored with the manifest that was written", async () => {
    await fc.assert(
      fc.asyncProperty(backups, async (backup) => {
        const taken = await take(backup);
        expect(await restore(taken, taken.text)).toEqual(taken.manifest);
        expect(taken.manifest).toMatchObject(backup.facts);
      }),
    );
  });

  test("a damaged manifest is refused, or restores files as they were backed up", async () => {
    await fc.assert(
      fc.asyncProperty(backups, backups, damages, async (backup, other, damage) => {
        const taken = await take(backup);
        await restore(taken, damaged(taken.text, damage, (await take(other)).text));
      }),
    );
  });

  test("a manifest of any bytes or JSON is refused", async () => {
    const taken = await take({ facts: { commit: 1, revision: 1, takenAtMs: 1 }, contents: [] });
    const anything = fc.oneof(
      fc.uint8Array(),
      fc.json().map((json) => Buffer.from(json)),
      fc.jsonValue().map((value) => jsonOf({ format: 1, files: value })),
      fc.jsonValue().map((value) => jsonOf({ ...taken.manifest, files: [value] })),
    );
    await fc.assert(
      fc.asyncProperty(anything, async (bytes) => {
        expect(await restore(taken, bytes)).toBeUndefined();
      }),
    );
  });

  test("a manifest with a member of another kind is refused, or restores files as they were backed up", async () => {
    await fc.assert(
      fc.asyncProperty(
        backups,
        fc.constantFrom("format", "commit", "revision", "takenAtMs", "files"),
        fc.constantFrom("name", "bytes", "crc32"),
        fc.oneof(fc.jsonValue(), fc.constantFrom(-1, 0.5, 1e15, "FORMAT", null)),
        async (backup, member, ofFile, value) => {
          const taken = await take(backup);
          await restore(taken, jsonOf({ ...taken.manifest, [member]: value }));
          const [first, ...rest] = taken.manifest.files;
          const again = await take(backup);
          await restore(
            again,
            jsonOf({ ...taken.manifest, files: [{ ...first, [ofFile]: value }, ...rest] }),
          );
        },
      ),
    );
  });

  test("a manifest cannot make a restore write outside of its directory, or a file twice", async () => {
    const strange = fc.oneof(
      fc.constantFrom(
        "../outside",
        "journal/../../outside",
        "/outside",
        "journal/..",
        "journal/a/b",
        "lock",
        "",
      ),
      fc.constantFrom("journal", "state/.", "FORMAT/..", "FORMAT\n", "state/x\0y", "journal\\x", "reserve"),
      fc.string(),
    );
    await fc.assert(
      fc.asyncProperty(strange, async (name) => {
        const taken = await take({
          facts: { commit: 1, revision: 1, takenAtMs: 1 },
          contents: [["FORMAT", Buffer.from("format")]],
        });
        const [format] = taken.manifest.files;
        taken.disk.place("/outside", Buffer.from("format"));
        taken.disk.place("/backup/outside", Buffer.from("format"));
        for (const files of [[{ ...format, name }], [format, { ...format, name }]]) {
          if (name === "FORMAT" && files.length === 1) continue;
          expect(await restore(taken, jsonOf({ ...taken.manifest, files }))).toBeUndefined();
        }
        expect(await restore(taken, jsonOf({ ...taken.manifest, files: [format, format] }))).toBeUndefined();
      }),
    );
  });

  test("a part of a file, for which its checksum is right, is not restored for the whole", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 50 }), fc.nat(), async (content, length) => {
        const facts = { commit: 1, revision: 1, takenAtMs: 1 };
        const taken = await take({ facts, contents: [["FORMAT", content]] });
        const part = content.subarray(0, length % content.length);
        const files = [{ name: "FORMAT", bytes: part.length, crc32: crc32(part) }];
        expect(await restore(taken, jsonOf({ ...taken.manifest, files }))).toBeUndefined();
      }),
    );
  });

  test("a file that the manifest names and the backup does not hold is named", async () => {
    const { disk } = await take({
      facts: { commit: 1, revision: 1, takenAtMs: 1 },
      contents: [["FORMAT", Buffer.from("format")]],
    });
    await disk.files.unlink("/backup/FORMAT");
    await expect(restoreBackup(disk, { from: "/backup", directory: "/restored" })).rejects.toThrow(
      "/backup/FORMAT is missing",
    );
  });
});
