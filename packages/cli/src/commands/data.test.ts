import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ClientTransport, createKinesisClient, inProcessTransport } from "@millrace/client";
import { nodeRuntime } from "@millrace/runtime";
import { createServer } from "@millrace/server";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { run } from "../start.ts";
import { testWorld } from "../test-world.ts";

const runtime = nodeRuntime({ logLevel: "error" });
const { clock, random } = runtime;
let root: string;
let dataDir: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "millrace-"));
  dataDir = join(root, "data");
});
afterEach(() => rmSync(root, { recursive: true }));

/** A server on the directory for the time of `work`. */
async function whileServing(
  work: (put: (text: string) => Promise<unknown>, transport: ClientTransport) => Promise<unknown>,
): Promise<void> {
  const server = await createServer(runtime, {
    dataDir,
    transitionDelay: 0,
    stream: [{ name: "clicks", shardCount: 2 }],
  });
  const transport = inProcessTransport(server.service, "127.0.0.1:4566");
  const client = createKinesisClient({ transport, clock, random });
  try {
    await work(
      (text) => client.putRecord({ StreamName: "clicks", PartitionKey: "a", Data: Buffer.from(text) }),
      transport,
    );
  } finally {
    await server.close();
  }
}

async function millrace(
  line: string,
  transport?: ClientTransport,
): Promise<{ code: number; shown: string; complained: string }> {
  const world = testWorld({
    runtime,
    clock,
    environment: { MILLRACE_DATA_DIR: dataDir },
    ...(transport === undefined ? {} : { transport }),
  });
  const code = await run(line.split(" "), world);
  return { code, shown: world.shown(), complained: world.complained() };
}

describe("data", () => {
  test("verify reads everything of a sound directory and stat says what it holds", async () => {
    await whileServing((put) => put("x".repeat(10_000)));
    expect(await millrace("data verify")).toMatchObject({
      code: 0,
      shown: expect.stringMatching(/^\d+ files?, .*: every checksum is right\n$/) as string,
    });
    const stat = await millrace("data stat");
    expect(stat.shown).toMatch(/last stop +clean\n/);
    expect(stat.shown).toMatch(/clicks +000000000000 +us-east-1 +2 +9\.[89] KiB +20\d\d-.* +24 h\n/);
    expect((await millrace("data stat --shards")).shown).toMatch(
      /clicks +shardId-000000000000 +open +9\.[89] KiB/,
    );
    expect(JSON.parse((await millrace("data stat --json")).shown)).toMatchObject({
      clean: true,
      streams: [{ streamName: "clicks", shards: [{ logId: expect.any(Number) as number }, {}] }],
    });
  });

  /** Puts 20 records of 16 kB, which the first file takes, and writes over a piece of the third. */
  async function damaged(stop: "clean" | "killed"): Promise<string> {
    const copy = join(root, "copy");
    await whileServing(async (put) => {
      for (let at = 0; at < 20; at += 1) await put(String(at).padStart(2, "0").repeat(8_000));
      // What is on the disk now is what a server that is killed now leaves behind.
      if (stop === "killed") copyData(dataDir, copy);
    });
    if (stop === "clean") copyData(dataDir, copy);
    const file = join(copy, "journal", readdirSync(join(copy, "journal"))[0] ?? "");
    const bytes = readFileSync(file);
    bytes.fill(0, bytes.indexOf("020202") + 100, bytes.indexOf("020202") + 200);
    writeFileSync(file, bytes);
    return copy;
  }

  function copyData(from: string, to: string): void {
    for (const name of ["FORMAT", "journal", "state"])
      cpSync(join(from, name), join(to, name), { recursive: true });
  }

  test("changed bytes in a file that a start does not read again are found by verify", async () => {
    const copy = await damaged("clean");
    const verified = await millrace(`data verify --data-dir ${copy}`);
    expect(verified.code).toBe(1);
    expect(verified.shown).toContain(`${copy}/journal/`);
    expect(verified.shown).toMatch(
      /the checksum is wrong of clicks shardId-000000000000 \(000000000000, us-east-1\), sequence numbers from 49\d{54} up to, not including, 49\d{54}\n/,
    );
    expect(verified.shown).toContain("A server starts on this");
    const asJson = await millrace(`data verify --json --data-dir ${copy}`);
    expect(asJson.code).toBe(1);
    expect(JSON.parse(asJson.shown)).toMatchObject({
      isWhole: false,
      damage: expect.arrayContaining([
        expect.objectContaining({
          lost: expect.objectContaining({
            shard: {
              accountId: "000000000000",
              region: "us-east-1",
              streamName: "clicks",
              shardId: "shardId-000000000000",
            },
            entries: expect.objectContaining({ fromIndex: 3, toIndex: 4 }) as unknown,
          }) as unknown,
        }),
      ]) as unknown,
      missing: [],
    });
    const repaired = await millrace(`data repair --data-dir ${copy} --accept-loss`);
    expect(repaired.shown).toContain("nothing to repair: a server starts on this directory");
  });

  test("changed bytes that keep a server from starting are given up only when that is accepted", async () => {
    const copy = await damaged("killed");
    const told = await millrace(`data repair --data-dir ${copy}`);
    expect(told.code).toBe(1);
    expect(told.shown).toMatch(/commit \d+ is damaged/);
    const lost =
      /clicks shardId-000000000000 \(000000000000, us-east-1\), sequence numbers from 49\d{54} up to, not including, 49\d{54}\n/;
    expect(told.shown).toMatch(new RegExp(`lost: ${lost.source}`));
    expect(told.shown).toContain("Nothing was changed.");
    await expect(createServer(runtime, { dataDir: copy })).rejects.toMatchObject({
      name: "DamagedDataError",
    });
    const repaired = await millrace(`data repair --data-dir ${copy} --accept-loss`);
    expect(repaired.code).toBe(0);
    expect(repaired.shown).toMatch(new RegExp(`^given up:\n  ${lost.source}`));
    expect(repaired.shown).toMatch(
      /clicks shardId-000000000001 .*: whatever may have been from sequence number 49\d{54} on\n/,
    );
    await (await createServer(runtime, { dataDir: copy })).close();
  });

  test("a backup of a stopped server is restored to what it was", async () => {
    await whileServing((put) => put("kept"));
    const backup = join(root, "backup");
    expect((await millrace(`data backup --to ${backup}`)).shown).toMatch(/were copied to/);
    rmSync(dataDir, { recursive: true });
    expect((await millrace(`data restore --from ${backup}`)).shown).toContain(
      `${dataDir} holds the backup of 20`,
    );
    expect((await millrace("data verify")).code).toBe(0);
    expect((await millrace("data stat")).shown).toContain("clicks");
  });

  test("of a running server the server makes the backup, of what was there when it began", async () => {
    const backup = join(root, "backup");
    await whileServing(async (put, transport) => {
      await put("kept");
      const { code, shown } = await millrace(`data backup --to ${backup} --json`, transport);
      expect(code).toBe(0);
      expect(JSON.parse(shown)).toMatchObject({ directory: backup, sizeBytes: expect.any(Number) as number });
      await put("later");
      const again = await millrace(`data backup --to ${backup} --endpoint http://127.0.0.1:4566`, transport);
      expect(again).toMatchObject({
        code: 1,
        complained: `millrace: ${backup} is not empty; choose a directory that does not exist yet\n`,
      });
    });
    expect((await millrace(`data verify --data-dir ${backup}`)).code).toBe(0);
    expect((await millrace(`data restore --from ${backup} --data-dir ${root}/restored --json`)).code).toBe(0);
    expect((await millrace(`data stat --data-dir ${root}/restored`)).shown).toMatch(/clicks .* 47 B /);
  });

  test("when the server of the directory is not found, its endpoint is asked for", async () => {
    await whileServing(async () => {
      expect(await millrace(`data backup --to ${root}/backup`)).toMatchObject({
        code: 1,
        complained: `millrace: a server uses ${dataDir} and nobody answers where it was looked for (connect ECONNREFUSED 127.0.0.1:4566); --endpoint names it\n`,
      });
    });
  });

  test("a server that listens but keeps another directory makes no backup of it", async () => {
    await whileServing(async (put, transport) => {
      await put("kept");
      const other = await createServer(runtime, { dataDir: join(root, "other") });
      try {
        const answer = await millrace(`data backup --to ${root}/backup --data-dir ${root}/other`, transport);
        expect(answer).toMatchObject({
          code: 1,
          complained: `millrace: This server keeps its data in ${dataDir}, not in ${root}/other.\n`,
        });
      } finally {
        await other.close();
      }
    });
  });

  test("a directory in use is left alone", async () => {
    await whileServing(async () => {
      expect(await millrace("data verify")).toMatchObject({
        code: 1,
        complained: expect.stringContaining("is in use by another running server") as string,
      });
    });
  });

  test("a mistyped directory is refused and not made", async () => {
    for (const line of ["data verify", "data stat", "data repair", `data backup --to ${root}/b`]) {
      expect(await millrace(`${line} --data-dir ${root}/mistyped`)).toMatchObject({
        code: 1,
        complained: `millrace: ${root}/mistyped is no data directory; --data-dir names one\n`,
      });
    }
    expect(readdirSync(root)).toEqual([]);
  });

  test("a backup that is none, and a place that is used, are refused", async () => {
    await whileServing((put) => put("kept"));
    expect((await millrace(`data restore --from ${root}/nothing --data-dir ${root}/new`)).code).toBe(1);
    await millrace(`data backup --to ${root}/backup`);
    const again = await millrace(`data restore --from ${root}/backup`);
    expect(again.code).toBe(1);
    expect(again.complained).toContain(dataDir);
  });

  test("nothing is repaired that is whole", async () => {
    await whileServing((put) => put("kept"));
    expect(await millrace("data repair --accept-loss")).toMatchObject({
      code: 0,
      shown: expect.stringMatching(/^nothing to repair: a server starts on this directory\n/) as string,
    });
  });
});
