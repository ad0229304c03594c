/** What {@link Files} promises, on the real disk and on the simulated one. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Files } from "./index.ts";
import { alignedBytes, inMemoryFiles, nodeRuntime, seededRandom, simulatedDisk } from "./index.ts";

const text = (of: string): Uint8Array => new TextEncoder().encode(of);

let temporary: string;
beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), "runtime-files-"));
});
afterAll(() => rm(temporary, { recursive: true, force: true }));

const forms: { form: string; make: () => Promise<{ files: Files; root: string }> }[] = [
  {
    form: "the machine's disk",
    make: async () => ({ files: nodeRuntime().files, root: await mkdtemp(join(temporary, "case-")) }),
  },
  { form: "files in memory", make: () => inMemory(inMemoryFiles()) },
  { form: "a simulated disk", make: () => inMemory(simulatedDisk(seededRandom(1)).files) },
];

async function inMemory(files: Files): Promise<{ files: Files; root: string }> {
  await files.makeDirectory("/data");
  return { files, root: "/data" };
}

async function fileWith(files: Files, path: string, content: string): Promise<void> {
  const file = await files.open(path, { create: true });
  await file.write(text(content), 0);
  await file.close();
}

async function contentOf(files: Files, path: string): Promise<string> {
  const file = await files.open(path);
  const bytes = new Uint8Array(await file.sizeBytes());
  await file.read(bytes, 0);
  await file.close();
  return new TextDecoder().decode(bytes);
}

describe.each(forms)("$form", ({ make }) => {
  test("knows a file again after a rename, and tells it from its copy", async () => {
    const { files, root } = await make();
    await fileWith(files, join(root, "a"), "one");
    const before = await files.status(join(root, "a"));
    expect(before).toMatchObject({ isDirectory: false, sizeBytes: 3 });
    const open = await files.open(join(root, "a"));
    await files.rename(join(root, "a"), join(root, "b"));
    await fileWith(files, join(root, "a"), "one");
    expect((await files.status(join(root, "b"))).fileId).toBe(before.fileId);
    expect((await files.status(join(root, "a"))).fileId).not.toBe(before.fileId);
    await files.unlink(join(root, "b"));
    expect(await open.status()).toEqual(before);
    await open.close();
    expect((await files.status(root)).isDirectory).toBe(true);
    await expect(files.status(join(root, "b"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("gives back what was written, at any position", async () => {
    const { files, root } = await make();
    const file = await files.open(join(root, "a"), { create: true });
    expect(await file.write(text("hello"), 3)).toBe(5);
    expect(await file.write(text("HE"), 3)).toBe(2);
    expect(await file.writeVector([text("lo"), text(""), text(", all")], 6)).toBe(7);
    expect(await file.writeVector([], 0)).toBe(0);
    expect(await file.write(new Uint8Array(0), 100)).toBe(0);
    expect(await file.sizeBytes()).toBe(13);
    const target = new Uint8Array(20).fill(255);
    expect(await file.read(target, 0)).toBe(13);
    expect(new TextDecoder().decode(target.subarray(0, 13))).toBe("\0\0\0HEllo, all");
    expect(target[13]).toBe(255);
    expect(await file.read(target.subarray(0, 2), 11)).toBe(2);
    expect(await file.read(target, 13)).toBe(0);
    expect(await file.read(target, 1_000)).toBe(0);
    await file.sync();
    await file.close();
    expect(await contentOf(files, join(root, "a"))).toBe("\0\0\0HEllo, all");
  });

  test("says whether writes are durable by themselves", async () => {
    const { files, root } = await make();
    const plain = await files.open(join(root, "a"), { create: true });
    expect(plain.durableWrites).toBe(false);
    const durable = await files.open(join(root, "a"), { write: true, durableWrites: true });
    expect(durable.durableWrites).toBe(process.platform === "linux" || root === "/data");
    expect(await durable.write(text("kept"), 0)).toBe(4);
    await plain.close();
    await durable.close();
  });

  test("gives back what was written past the page cache, between what was not", async () => {
    const { files, root } = await make();
    const path = join(root, "a");
    const file = await files.open(path, { create: true, durableWrites: true, uncached: true });
    const expected = Buffer.alloc(40_000);
    const pages = alignedBytes(65_536);
    for (let index = 0; index < pages.length; index += 1) pages[index] = index % 251;
    const put = async (source: Uint8Array, position: number) => {
      expect(await file.write(source, position)).toBe(source.length);
      expected.set(source, position);
      // What was read of it before is not what is read afterwards.
      const target = Buffer.alloc(expected.length);
      const end = await file.sizeBytes();
      expect(await file.read(target, 0)).toBe(end);
      expect(target.equals(expected)).toBe(true);
    };
    await put(pages.subarray(0, 32_768), 0);
    await put(text("in between"), 5_000);
    await put(pages.subarray(4_096, 12_288), 4_096);
    // Memory, positions and lengths that a disk does not take as they are.
    await put(pages.subarray(4_097, 8_193), 8_192);
    await put(pages.subarray(0, 4_096), 100);
    await put(pages.subarray(0, 100), 4_096);
    await put(Buffer.alloc(4_096, 7), 4_096);
    await put(pages.subarray(8_192, 16_384), 28_672);
    await file.close();
    expect(await contentOf(files, path)).toBe(new TextDecoder().decode(expected.subarray(0, 36_864)));
  });

  test("truncates to shorter and to longer, with zeros", async () => {
    const { files, root } = await make();
    await fileWith(files, join(root, "a"), "0123456789");
    const file = await files.open(join(root, "a"), { write: true });
    await file.truncate(4);
    await file.truncate(6);
    expect(await file.sizeBytes()).toBe(6);
    await file.close();
    expect(await contentOf(files, join(root, "a"))).toBe("0123\0\0");
  });

  test("opens only what is there unless it may create", async () => {
    const { files, root } = await make();
    const path = join(root, "a");
    await expect(files.open(path)).rejects.toMatchObject({ code: "ENOENT" });
    await expect(files.open(path, { write: true })).rejects.toMatchObject({ code: "ENOENT" });
    await (await files.open(path, { create: true, exclusive: true })).close();
    await expect(files.open(path, { create: true, exclusive: true })).rejects.toMatchObject({
      code: "EEXIST",
    });
    await (await files.open(path, { create: true })).close();
    await expect(files.open(join(root, "none", "a"), { create: true })).rejects.toMatchObject({
      code: "ENOENT",
    });
  });

  test("a file opened for reading refuses writes, and a closed one everything", async () => {
    const { files, root } = await make();
    await fileWith(files, join(root, "a"), "0123");
    const file = await files.open(join(root, "a"));
    await expect(file.write(text("x"), 0)).rejects.toMatchObject({ code: "EBADF" });
    await file.close();
    await file.close();
    await expect(file.read(new Uint8Array(1), 0)).rejects.toMatchObject({ code: "EBADF" });
    expect(await contentOf(files, join(root, "a"))).toBe("0123");
  });

  test("renames over another file, whose open handles go on", async () => {
    const { files, root } = await make();
    await fileWith(files, join(root, "old"), "old");
    await fileWith(files, join(root, "new"), "new");
    const open = await files.open(join(root, "old"));
    await files.rename(join(root, "new"), join(root, "old"));
    await files.syncDirectory(root);
    expect(await files.list(root)).toEqual(["old"]);
    expect(await contentOf(files, join(root, "old"))).toBe("new");
    const bytes = new Uint8Array(3);
    await open.read(bytes, 0);
    expect(new TextDecoder().decode(bytes)).toBe("old");
    await open.close();
    await expect(files.rename(join(root, "none"), join(root, "x"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("lists names sorted, directories among them", async () => {
    const { files, root } = await make();
    await fileWith(files, join(root, "b"), "");
    await files.makeDirectory(join(root, "c", "d"));
    await files.makeDirectory(join(root, "c", "d"));
    await fileWith(files, join(root, "a"), "");
    await fileWith(files, join(root, "c", "e"), "");
    expect(await files.list(root)).toEqual(["a", "b", "c"]);
    expect(await files.list(join(root, "c"))).toEqual(["d", "e"]);
    await files.unlink(join(root, "a"));
    expect(await files.list(root)).toEqual(["b", "c"]);
    await expect(files.unlink(join(root, "a"))).rejects.toMatchObject({ code: "ENOENT" });
    await expect(files.list(join(root, "none"))).rejects.toMatchObject({ code: "ENOENT" });
    await expect(files.syncDirectory(join(root, "none"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("has free space", async () => {
    const { files, root } = await make();
    expect(await files.freeBytes(root)).toBeGreaterThan(1_000_000);
  });

  test("a directory is locked by one holder at a time", async () => {
    const { files, root } = await make();
    const lock = await files.lock(root);
    expect(lock).toBeDefined();
    expect(await files.lock(root)).toBeUndefined();
    expect(await files.list(root)).toEqual(["lock"]);
    await lock?.release();
    await lock?.release();
    const again = await files.lock(root);
    expect(again).toBeDefined();
    await again?.release();
    await expect(files.lock(join(root, "none"))).rejects.toMatchObject({ code: "ENOENT" });
  });
});
