import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { restoreBackup } from "@millrace/log";
import { inMemoryFiles, memoryLogger } from "@millrace/runtime";
import type { Files } from "@millrace/runtime";
import type { WireResponse } from "@millrace/wire";
import { afterEach, describe, expect, test } from "vitest";
import { startServer } from "../start-server.ts";
import { activeStream, ask, jsonOf, serverUnderTest as start, testRuntime } from "../test-support.ts";
import type { ServerUnderTest } from "../test-support.ts";
import { backups } from "./backup.ts";

const endings: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

const onDisk = { durability: "fsync", dataDir: "/data" } as const;

async function serverUnderTest(...given: Parameters<typeof start>): Promise<ServerUnderTest> {
  const server = await start(...given);
  endings.push(() => server.close());
  return server;
}

function backup(
  server: Pick<ServerUnderTest, "service">,
  body: unknown,
  given: object = {},
): Promise<WireResponse> {
  return ask(server.service, "POST", "/_millrace/backup", { body, ...given });
}

async function linesOf({ body }: WireResponse): Promise<Record<string, unknown>[]> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body as AsyncIterable<Uint8Array>) pieces.push(piece);
  const text = Buffer.concat(pieces).toString("utf8").trimEnd();
  return text.split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);
}

async function textsIn({ client }: ServerUnderTest): Promise<string[]> {
  const place = {
    StreamName: "clicks",
    ShardId: "shardId-000000000000",
    ShardIteratorType: "TRIM_HORIZON",
  } as const;
  const { ShardIterator } = await client.getShardIterator(place);
  const { Records } = await client.getRecords({ ShardIterator: ShardIterator! });
  return Records.map(({ Data }) => Buffer.from(Data).toString());
}

describe("a backup of a running server", () => {
  test("needs no --dev, tells how far it is, and is restored to what was there when it began", async () => {
    const files = inMemoryFiles();
    const server = await serverUnderTest({ ...onDisk, dev: false }, testRuntime(files));
    await activeStream(server.client, server.runtime, "clicks");
    const put = (text: string) =>
      server.client.putRecord({ StreamName: "clicks", PartitionKey: "a", Data: Buffer.from(text) });
    await put("before");
    const answer = await backup(server, { directory: "/backup" });
    await put("after");
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toBe("application/x-ndjson");
    const lines = await linesOf(answer);
    const done = lines.at(-1)!;
    expect(done).toMatchObject({
      directory: "/backup",
      fileCount: expect.any(Number) as number,
      commit: expect.any(Number) as number,
    });
    expect(lines.length).toBeGreaterThan(1);
    for (const { doneBytes, totalBytes } of lines.slice(0, -1)) {
      expect(totalBytes).toBe(done["sizeBytes"]);
      expect(doneBytes).toBeLessThanOrEqual(totalBytes as number);
    }
    expect(await textsIn(server)).toEqual(["before", "after"]);

    await restoreBackup({ files }, { from: "/backup", directory: "/restored" });
    const restored = await serverUnderTest({ ...onDisk, dataDir: "/restored" }, testRuntime(files));
    expect(await textsIn(restored)).toEqual(["before"]);
  });

  test("comes over a socket line by line", async () => {
    const root = mkdtempSync(join(tmpdir(), "millrace-"));
    endings.push(() => rmSync(root, { recursive: true }));
    const runtime = testRuntime();
    const server = await startServer({ ...runtime, files: inMemoryFiles() }, { port: 0, dataDir: "/data" });
    endings.push(() => server.close());
    const answer = await fetch(`${server.urls[0]}/_millrace/backup`, {
      method: "POST",
      body: '{"directory": "/backup"}',
    });
    expect((await answer.text()).trimEnd().split("\n").at(-1)).toContain('"sizeBytes"');
  });

  test.each([
    ["a peer on another machine", { remoteAddress: "10.0.0.7" }],
    ["a foreign host name that points here", { headers: { host: "evil.example.com:4566" } }],
    ["a web page of another site", { headers: { origin: "https://evil.example.com" } }],
  ])("is not made for %s", async (_who, given) => {
    const files = inMemoryFiles();
    const server = await serverUnderTest(onDisk, testRuntime(files));
    const answer = await backup(server, { directory: "/backup" }, given);
    expect(answer.status).toBe(403);
    await expect(files.list("/backup")).rejects.toMatchObject({ code: "ENOENT" });
  });

  test.each([
    ["{", "The body is not JSON."],
    [{}, "Say where to"],
    [{ directory: "relative" }, "Say where to"],
    [{ directory: "/data/journal/copy" }, "lies in the data directory /data"],
    [{ directory: "/data" }, "lies in the data directory /data"],
    [{ directory: "/backup", dataDir: "/other" }, "This server keeps its data in /data, not in /other."],
    [{ directory: "/used" }, "/used is not empty; choose a directory that does not exist yet"],
  ])("%j is refused before anything is copied", async (body, message) => {
    const files = inMemoryFiles();
    await files.makeDirectory("/used/by/somebody");
    const server = await serverUnderTest(onDisk, testRuntime(files));
    const answer = await backup(server, body);
    expect(answer.status).toBe(400);
    expect(jsonOf(answer)).toMatchObject({
      __type: "ValidationException",
      message: expect.stringContaining(message) as string,
    });
  });

  test("with durability memory there is nothing to back up", async () => {
    const server = await serverUnderTest();
    const answer = await backup(server, { directory: "/backup" });
    expect(answer.status).toBe(400);
    expect(jsonOf(answer)).toMatchObject({
      message: expect.stringContaining("nothing is on disk") as string,
    });
    expect((await ask(server.service, "GET", "/_millrace/backup")).status).toBe(405);
  });
});

describe("the copying", () => {
  type Copy = Parameters<typeof backups>[0]["journal"] & {};

  /** The route over a journal whose copying is in the test's hands. */
  function routeOver(copy: Copy["backup"], files: Partial<Files> = {}) {
    const log = memoryLogger();
    const route = backups({
      journal: { backup: copy },
      dataDir: "/data",
      files: { ...inMemoryFiles(), ...files },
      log,
    });
    const call = () => ask(route, "POST", "/_millrace/backup", { body: { directory: "/backup" } });
    return { call, log };
  }
  const failing = (code: string) => Object.assign(new Error(`${code}: it failed`), { code });

  test.each([
    ["ENOSPC", 507, "There is no room for the backup"],
    ["EACCES", 400, "/backup cannot be used"],
    ["EIO", 500, "The backup failed"],
  ])("that fails at once with %s is answered with status %i", async (code, status, message) => {
    const { call } = routeOver(() => Promise.reject(failing(code)));
    const answer = await call();
    expect(answer.status).toBe(status);
    expect(jsonOf(answer)).toMatchObject({ message: expect.stringContaining(message) as string });
  });

  test("that fails midway ends the lines with the error", async () => {
    const { call, log } = routeOver((_target, onProgress) => {
      onProgress?.(1, 2);
      return Promise.reject(failing("ENOSPC"));
    });
    const answer = await call();
    expect(answer.status).toBe(200);
    expect((await linesOf(answer)).at(-1)).toMatchObject({ __type: "InsufficientStorageException" });
    expect(log.lines.at(-1)).toMatchObject({ level: "warn", message: "a backup failed" });
  });

  test("stops before it fills the disk", async () => {
    const { call } = routeOver(
      async (_target, onProgress) => {
        for (let done = 0; ; done += 1) {
          onProgress?.(done, 1_000_000);
          await Promise.resolve();
        }
      },
      { freeBytes: () => Promise.resolve(1000) },
    );
    const answer = await call();
    const failure = answer.status === 200 ? (await linesOf(answer)).at(-1) : jsonOf(answer);
    expect(failure).toMatchObject({ message: expect.stringContaining("1000 are free") as string });
  });

  test("is abandoned when the client leaves, and only then another one is begun", async () => {
    let step = () => {};
    const { call, log } = routeOver(async (_target, onProgress) => {
      for (let done = 0; ; done += 1) {
        onProgress?.(done, 1_000_000);
        await new Promise<void>((resolve) => (step = resolve));
      }
    });
    const answer = await call();
    expect((await call()).status).toBe(409);
    const lines = (answer.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    await lines.next();
    await lines.return?.();
    step();
    await new Promise((resolve) => setImmediate(resolve));
    expect(log.lines.at(-1)).toMatchObject({
      message: "a backup failed",
      fields: { reason: "whoever asked for it has gone" },
    });
    expect((await call()).status).toBe(200);
  });
});
