import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { lockDirectory } from "./directory-lock.ts";

/** A process that holds the lock the way this module does, knowing nothing of its code. */
const HOLDER = `
  const { createServer } = require("node:net");
  const { linkSync, mkdirSync, unlinkSync } = require("node:fs");
  process.chdir(process.argv[1]);
  mkdirSync("lock", { recursive: true });
  createServer((socket) => socket.destroy()).listen("lock/claim-other", () => {
    linkSync("lock/claim-other", "lock/" + process.argv[2]);
    unlinkSync("lock/claim-other");
    console.log("held");
  });
`;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "runtime-lock-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function holder(
  epoch: number,
): Promise<{ signal: (name: NodeJS.Signals) => void; kill: () => Promise<void> }> {
  const child = spawn(process.execPath, ["-e", HOLDER, directory, String(epoch)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return {
    signal: (name) => void child.kill(name),
    kill: async () => {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

describe("the lock of a directory", () => {
  test("is refused while another process lives, even one that is frozen, and taken over after kill -9", async () => {
    const other = await holder(7);
    expect(await lockDirectory(directory)).toBeUndefined();
    other.signal("SIGSTOP");
    expect(await lockDirectory(directory)).toBeUndefined();
    await other.kill();
    expect(await readdir(join(directory, "lock"))).toEqual(["7"]);
    const lock = await lockDirectory(directory);
    expect(lock).toBeDefined();
    expect(await readdir(join(directory, "lock"))).toEqual(["8"]);
    await lock?.release();
    expect(await readdir(join(directory, "lock"))).toEqual([]);
  });

  test("of two who race for a stale lock exactly one gets it", async () => {
    await (await holder(1)).kill();
    for (let round = 0; round < 20; round += 1) {
      const racers = await Promise.all([lockDirectory(directory), lockDirectory(directory)]);
      const winners = racers.filter((lock) => lock !== undefined);
      expect(winners).toHaveLength(1);
      await winners[0]?.release();
      // The next round's stale lock: a published name behind which nobody listens.
      await writeFile(join(directory, "lock", "1"), "");
    }
  });

  test("of many who race, one at a time holds it, and it is left to nobody", async () => {
    let holders = 0;
    let taken = 0;
    const racer = async (): Promise<void> => {
      for (let round = 0; round < 15; round += 1) {
        const lock = await lockDirectory(directory);
        if (lock === undefined) continue;
        holders += 1;
        taken += 1;
        expect(holders).toBe(1);
        await new Promise((resolve) => void setImmediate(resolve));
        holders -= 1;
        await lock.release();
      }
    };
    await Promise.all(Array.from({ length: 6 }, racer));
    expect(taken).toBeGreaterThan(0);
    const lock = await lockDirectory(directory);
    expect(lock).toBeDefined();
    await lock?.release();
  });

  test("is held against a claimant whose epoch is older or newer", async () => {
    const other = await holder(3);
    await writeFile(join(directory, "lock", "2"), "");
    await writeFile(join(directory, "lock", "9"), "");
    expect(await lockDirectory(directory)).toBeUndefined();
    expect(await readdir(join(directory, "lock"))).toEqual(["2", "3", "9"]);
    await other.kill();
    const lock = await lockDirectory(directory);
    expect(await readdir(join(directory, "lock"))).toEqual(["10"]);
    await lock?.release();
  });

  test("the next holder removes claims that their processes left behind", async () => {
    await mkdir(join(directory, "lock"));
    await writeFile(join(directory, "lock", "claim-0123456789abcdef"), "");
    const lock = await lockDirectory(directory);
    expect(await readdir(join(directory, "lock"))).toEqual(["1"]);
    await lock?.release();
  });

  test("works in a directory whose path is longer than a socket's may be", async () => {
    const deep = join(directory, "d".repeat(120), "e".repeat(120));
    await mkdir(deep, { recursive: true });
    const lock = await lockDirectory(deep);
    expect(lock).toBeDefined();
    expect(await readdir(join(deep, "lock"))).toEqual(["1"]);
    expect(await lockDirectory(deep)).toBeUndefined();
    await lock?.release();
    const again = await lockDirectory(deep);
    expect(again).toBeDefined();
    await again?.release();
  });

  test("a place that takes no sockets is refused with the reason", async () => {
    await writeFile(join(directory, "lock"), "not a directory");
    await expect(lockDirectory(directory)).rejects.toMatchObject({ code: "ENOTDIR" });
  });
});
