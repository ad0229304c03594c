import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createKinesisClient, http1Transport, inProcessTransport } from "@millrace/client";
import { nodeRuntime } from "@millrace/runtime";
import { createServer } from "@millrace/server";
import { afterEach, describe, expect, test } from "vitest";
import { run } from "../start.ts";
import { type TestWorld, testWorld } from "../test-world.ts";

const endings: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

/** Starts a real server in this process, and waits for its banner. */
async function serving(line: string): Promise<{ world: TestWorld; ended: Promise<number>; url: string }> {
  const runtime = nodeRuntime({ logLevel: "error" });
  const world = testWorld({ runtime, clock: runtime.clock });
  const ended = run(["serve", ...line.split(" ")], world);
  endings.push(() => {
    world.interrupt();
    return ended;
  });
  while (!/ready in/.test(world.shown())) {
    if ((await Promise.race([ended, runtime.clock.sleep(5)])) !== undefined) break;
  }
  return { world, ended, url: /http:\/\/[\d.]+:\d+/.exec(world.shown())?.[0] ?? "" };
}

function directory(): string {
  const made = mkdtempSync(join(tmpdir(), "millrace-"));
  endings.unshift(() => rmSync(made, { recursive: true }));
  return made;
}

async function healthOf(url: string): Promise<unknown> {
  const transport = http1Transport(new URL(url));
  const { body } = await transport.send({
    method: "GET",
    path: "/_millrace/health",
    headers: {},
    body: new Uint8Array(),
  });
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  await transport.close();
  return JSON.parse(Buffer.concat(pieces).toString());
}

describe("serve", () => {
  test("serves until it is asked to end, and ends with 0", async () => {
    const { world, ended, url } = await serving("--port 0 --durability memory --stream clicks:2");
    expect(await healthOf(url)).toMatchObject({ live: true, ready: true, durability: "memory" });
    expect(world.shown()).toContain("MEMORY: NOTHING IS KEPT");
    expect(world.shown()).toContain(`millrace put clicks --endpoint ${url}`);
    world.interrupt();
    expect(await ended).toBe(0);
    expect(world.complained()).toBe("");
  });

  test("on a taken port says by whom it may be, and ends with 1", async () => {
    const { url } = await serving("--port 0 --durability memory");
    const port = new URL(url).port;
    const second = await serving(`--port ${port} --durability memory`);
    expect(await second.ended).toBe(1);
    expect(second.world.complained()).toContain(
      `port ${port} of 127.0.0.1 is taken. Another program listens there.`,
    );
  });

  test("on a data directory in use says so, and ends with 1", async () => {
    const dataDir = directory();
    await serving(`--port 0 --data-dir ${dataDir}`);
    const second = await serving(`--port 0 --data-dir ${dataDir}`);
    expect(await second.ended).toBe(1);
    expect(second.world.complained()).toContain(
      `the data directory ${dataDir} is in use by another running server`,
    );
  });

  test("on a data directory from the future says how to go on, and goes on when told to", async () => {
    const dataDir = directory();
    const real = nodeRuntime({ logLevel: "error" });
    const ahead = { ...real, clock: { ...real.clock, nowMs: () => real.clock.nowMs() + 3_600_000 } };
    const stream = [{ name: "clicks", shardCount: 1 }];
    const server = await createServer(ahead, { dataDir, transitionDelay: 0, stream });
    const client = createKinesisClient({ transport: inProcessTransport(server.service), ...ahead });
    await client.putRecord({ StreamName: "clicks", PartitionKey: "a", Data: Buffer.from("x") });
    await server.close();

    const refused = await serving(`--port 0 --data-dir ${dataDir}`);
    expect(await refused.ended).toBe(1);
    expect(refused.world.complained()).toMatch(
      new RegExp(
        `^millrace: the newest record in ${dataDir} came 3(600|59\\d) s in the future of this machine's clock\\. ` +
          "Set the clock right; or start with --accept-clock, and records keep that arrival time until the clock has caught up\\.\n$",
      ),
    );
    const { url } = await serving(`--port 0 --data-dir ${dataDir} --accept-clock`);
    expect(await healthOf(url)).toMatchObject({ ready: true });
  });

  test("makes and keeps a certificate when asked to", async () => {
    const dataDir = directory();
    const { world } = await serving(`--port 0 --data-dir ${dataDir} --tls self-signed`);
    expect(world.shown()).toMatch(/endpoint {4}http:\/\/127\.0\.0\.1:\d+ {2}https:\/\/127\.0\.0\.1:\d+/);
    expect(world.shown()).toContain(`certificate ${dataDir}/tls/cert.pem`);
  });

  test("refuses a wrong option with 2", async () => {
    const { world, ended } = await serving("--port 0 --limits on");
    expect(await ended).toBe(2);
    expect(world.complained()).toContain('--limits: "on" is not one of aws, off');
    expect(world.complained()).toContain("`millrace serve --help` tells more.");
  });
});
