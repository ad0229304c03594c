/** A disk that fills up: puts are refused, everything else goes on, and puts come back with the space. */
import { closeSync, openSync, rmSync, statfsSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { ServiceError } from "@millrace/api";
import { afterEach, expect, test } from "vitest";
import { scratchDirectory, undoEverything } from "./src/cleanup.ts";
import { advance, connect, health } from "./src/connection.ts";
import { makeImage, mount, probeLoopMount } from "./src/file-system.ts";
import { Ledger } from "./src/ledger.ts";
import { startLoad } from "./src/load.ts";
import { Program } from "./src/program.ts";
import { untilActive } from "./src/reading.ts";
import { choices, howToRepeat, runtime } from "./src/settings.ts";
import { createStream, recordCountOf, verify } from "./src/verdict.ts";

const FILE = "full-disk.test.ts";
const MIB = 1 << 20;
const DISK_BYTES = 160 * MIB;
const FULL_TIMEOUT_MS = 60_000;
const FULL_RESTARTS = 4;
const ROOM_TIMEOUT_MS = 20_000;
const { refusal } = probeLoopMount();
const because = refusal === undefined ? "" : ` (loop-mount: ${refusal})`;

afterEach(undoEverything);

/** Takes all space but `leaveBytes`, as a neighbour on the same disk does. */
function placeBallast(directory: string, leaveBytes: number): string {
  const path = join(directory, "ballast");
  const file = openSync(path, "w");
  const piece = Buffer.alloc(MIB, 1);
  try {
    for (;;) {
      if (freeBytes(directory) <= leaveBytes + MIB) break;
      writeSync(file, piece);
    }
  } finally {
    closeSync(file);
  }
  return path;
}

function isRefusal({ code, message }: { readonly code: string; readonly message: string }): boolean {
  return code.startsWith("InternalFailure") || /disk is full/.test(message);
}

async function until(what: string, timeoutMs: number, isTrue: () => Promise<boolean>): Promise<void> {
  const deadlineMs = runtime.clock.monotonicMs() + timeoutMs;
  while (!(await isTrue())) {
    if (runtime.clock.monotonicMs() > deadlineMs)
      throw new Error(`waited ${timeoutMs} ms in vain until ${what}`);
    await runtime.clock.sleep(50);
  }
}

async function isReadOnly(endpoint: string): Promise<boolean> {
  return /disk is full/.test(JSON.stringify((await health(endpoint)).body));
}

test.skipIf(refusal !== undefined)(
  `a full disk refuses puts and nothing else, and loses nothing${because}`,
  { timeout: 0 },
  async () => {
    console.info(howToRepeat(FILE));
    const random = choices("full disk");
    let failed = true;
    const scratch = scratchDirectory("full", () => failed);
    const image = join(scratch, "disk.img");
    makeImage(image, DISK_BYTES, false);
    const { directory } = mount(image, join(scratch, "disk"));
    const dataDir = join(directory, "data");
    const ledger = new Ledger();
    const flags = ["--limits", "off", "--dev"];

    let program = new Program({ dataDir, flags });
    let endpoint = await program.ready;
    let client = connect(endpoint);
    await createStream(client, "orders", 3);
    await createStream(client, "empty", 1);
    const ballast = placeBallast(directory, 24 * MIB);
    expect(statSync(ballast).size).toBeGreaterThan(40 * MIB);
    const loadOptions = { streamName: "orders", ledger, random, expected: isRefusal, sizeBytesMax: 200_000 };

    // Fill it up.
    let load = startLoad({ ...loadOptions, endpoint });
    await until("the server says that it is read-only", FULL_TIMEOUT_MS, () => isReadOnly(endpoint));
    expect(program.exit, program.output).toBeUndefined();
    const beforeReadOnly = ledger.acknowledgedCount;
    await runtime.clock.sleep(500);
    await load.stop();
    expect(load.expectedErrorCount).toBeGreaterThan(0);
    console.info(`full: ${ledger.acknowledgedCount} acknowledged (${beforeReadOnly} when it was noticed)`);

    // Puts are refused with a clear error; everything else goes on.
    const refused = await client
      .putRecord({ StreamName: "orders", PartitionKey: "refused", Data: Buffer.from("refused") })
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ServiceError);
    expect(refused).toMatchObject({ status: 500, message: expect.stringMatching(/disk is full/) });
    const many = await client.putRecords({
      StreamName: "orders",
      Records: [{ PartitionKey: "refused", Data: Buffer.from("refused") }],
    });
    expect(many.FailedRecordCount).toBe(1);
    expect((await health(endpoint)).status).toBe(200);
    await untilActive(client, "orders");
    const { StreamDescription } = await client.describeStream({ StreamName: "orders" });
    expect(StreamDescription.Shards.length).toBeGreaterThan(0);
    await client.increaseStreamRetentionPeriod({ StreamName: "empty", RetentionPeriodHours: 48 });
    await verify(client, "orders", ledger, "while the disk is full", FILE);

    // kill -9 while it is full, again and again; each restart finds it full.
    for (let restart = 1; restart <= FULL_RESTARTS; restart += 1) {
      await program.kill();
      await client.close();
      program = new Program({ dataDir, flags });
      endpoint = await program.ready.catch((error: unknown) => {
        throw new Error(
          `restart ${restart} on the full disk: ${String(error)}\n${freeBytes(directory)} bytes are free\n${howToRepeat(FILE)}`,
        );
      });
      client = connect(endpoint);
      const reading = await verify(
        client,
        "orders",
        ledger,
        `after restart ${restart} on the full disk`,
        FILE,
      );
      const { StreamDescriptionSummary } = await client.describeStreamSummary({ StreamName: "empty" });
      expect(StreamDescriptionSummary.RetentionPeriodHours).toBe(48);
      console.info(
        `restart ${restart} on the full disk: ${recordCountOf(reading)} read, ready after ${Math.round(program.startMs ?? 0)} ms, ` +
          `${freeBytes(directory) >> 10} KiB free`,
      );
      // Use up what the restart may have found.
      load = startLoad({ ...loadOptions, endpoint });
      await until("it is read-only again", FULL_TIMEOUT_MS, () => isReadOnly(endpoint));
      await load.stop();
    }

    // The neighbour goes.
    rmSync(ballast);
    await until("puts work again", ROOM_TIMEOUT_MS, async () => !(await isReadOnly(endpoint))).catch(
      (error: unknown) => {
        throw new Error(`${String(error)}; ${freeBytes(directory)} bytes are free\n${program.output}`);
      },
    );
    const acknowledgedBefore = ledger.acknowledgedCount;
    load = startLoad({ ...loadOptions, endpoint, expected: () => false });
    await runtime.clock.sleep(300);
    await load.stop();
    expect(ledger.acknowledgedCount).toBeGreaterThan(acknowledgedBefore);
    await verify(client, "orders", ledger, "after space came back", FILE);

    await program.stop();
    await client.close();
    program = new Program({ dataDir, flags });
    client = connect(await program.ready);
    await verify(client, "orders", ledger, "after a clean restart", FILE);
    await client.close();
    await program.stop();
    failed = false;
  },
);

test.skipIf(refusal !== undefined)(
  `on a full disk retention goes on, and its space brings puts back${because}`,
  { timeout: 0 },
  async () => {
    console.info(howToRepeat(FILE));
    const random = choices("full disk, retention");
    let failed = true;
    const scratch = scratchDirectory("full", () => failed);
    const image = join(scratch, "disk.img");
    makeImage(image, DISK_BYTES, false);
    const { directory } = mount(image, join(scratch, "disk"));
    const program = new Program({ dataDir: join(directory, "data"), flags: ["--limits", "off", "--dev"] });
    const endpoint = await program.ready;
    const client = connect(endpoint);
    await createStream(client, "orders", 3);
    const ledger = new Ledger();
    const load = startLoad({
      streamName: "orders",
      endpoint,
      ledger,
      random,
      expected: isRefusal,
      resharding: false,
      sizeBytesMax: 200_000,
    });
    await until("the server says that it is read-only", FULL_TIMEOUT_MS, () => isReadOnly(endpoint));
    await load.stop();
    const freeBefore = freeBytes(directory);

    await advance(endpoint, 25 * 3_600_000);
    await until("puts work again", ROOM_TIMEOUT_MS, async () => !(await isReadOnly(endpoint)));
    await client.putRecord({ StreamName: "orders", PartitionKey: "fresh", Data: Buffer.from("fresh") });
    const { Shards = [] } = await client.listShards({ StreamName: "orders" });
    const left: string[] = [];
    for (const { ShardId } of Shards) {
      const { ShardIterator } = await client.getShardIterator({
        StreamName: "orders",
        ShardId,
        ShardIteratorType: "TRIM_HORIZON",
      });
      const { Records } = await client.getRecords({ ShardIterator: ShardIterator! });
      left.push(...Records.map(({ PartitionKey }) => PartitionKey ?? ""));
    }
    expect(left).toEqual(["fresh"]);
    console.info(`free before ${freeBefore >> 20} MiB, after ${freeBytes(directory) >> 20} MiB`);
    await client.close();
    await program.stop();
    failed = false;
  },
);

function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}
