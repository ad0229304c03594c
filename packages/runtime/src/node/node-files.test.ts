import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { nodeFiles } from "./node-files.ts";

const made: string[] = [];
afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
});

describe("making a directory", () => {
  test("makes its parents too, and one that exists is fine", async () => {
    const directory = mkdtempSync(join(tmpdir(), "millrace-files-"));
    made.push(directory);
    const deep = join(directory, "a", "b", "c");
    await nodeFiles().makeDirectory(deep);
    await nodeFiles().makeDirectory(deep);
    expect(await nodeFiles().list(deep)).toEqual([]);
  });

  // Node's own recursive mkdir goes round for ever there.
  test.runIf(existsSync("/proc/self"))(
    "where no name can be made, fails instead of going on for ever",
    async () => {
      await expect(nodeFiles().makeDirectory("/proc/millrace/journal")).rejects.toThrow("ENOENT");
    },
  );
});
