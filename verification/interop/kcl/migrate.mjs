/**
 * The KCL, unchanged, before and after `millrace migrate --renumber --lease-table`: `node verification/interop/kcl/migrate.mjs [VERSION]`,
 * after what `run.mjs` needs. It ends with 1 when something is not as it should be.
 *
 * The source is a Millrace whose answers have numbers of another form, as those of another maker may be. A worker reads there, through
 * a split, and is killed: its leases have its name. More records come. The stream is copied with new numbers, and the application's table
 * with it. A worker at the target must see what came since, and nothing else.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createKinesisClient, inProcessTransport } from "../../../packages/client/dist/index.js";
import { MemoryBudget, nodeRuntime } from "../../../packages/runtime/dist/index.js";
import { createServer, startServer } from "../../../packages/server/dist/index.js";
import { listen } from "../../../packages/wire/dist/index.js";
import { openScene, REGION, STREAM } from "./scene.mjs";

const version = process.argv[2] ?? "3.5.1";
const program = fileURLToPath(new URL("../../../packages/millrace/dist/main.js", import.meta.url));
const runtime = nodeRuntime({ logLevel: "error" });
const SETTINGS = { durability: "memory", limits: "off", transitionDelay: 50 };

/** Numbers of 57 digits in place of ours, in JSON and in CBOR, where a text of 56 bytes begins with 78 38. */
const disguised = (text) =>
  text.replaceAll(/"(49\d{54})"/g, '"7$1"').replaceAll(/\x78\x38(49\d{54})/g, "\x78\x397$1");
const asTheyAre = (text) =>
  text.replaceAll(/"7(49\d{54})"/g, '"$1"').replaceAll(/\x78\x397(49\d{54})/g, "\x78\x38$1");
const changed = (bytes, change) => Buffer.from(change(Buffer.from(bytes).toString("latin1")), "latin1");

function withOddNumbers(service) {
  return async (request) => {
    if (request.headers["x-amz-target"]?.startsWith("Kinesis_") !== true) return service(request);
    const answer = await service({
      ...request,
      remoteAddress: request.remoteAddress,
      body: changed(request.body, asTheyAre),
    });
    const pieces = answer.body instanceof Uint8Array ? [answer.body] : answer.body;
    const whole = changed(Buffer.concat(pieces), disguised);
    answer.release?.();
    return { status: answer.status, headers: answer.headers, body: whole };
  };
}

async function startSource() {
  const server = await createServer(runtime, { ...SETTINGS, stream: [{ name: STREAM, shardCount: 2 }] });
  const { clock, log, random } = runtime;
  const memory = new MemoryBudget(2 ** 28);
  const where = { host: "127.0.0.1", port: 0 };
  const listener = await listen(withOddNumbers(server.service), { ...where, memory, clock, log });
  return {
    endpoint: `http://127.0.0.1:${listener.port}`,
    client: createKinesisClient({
      transport: inProcessTransport(server.service),
      region: REGION,
      clock,
      random,
    }),
    async close() {
      await listener.close();
      await server.close();
    },
  };
}

async function startTarget() {
  const server = await startServer(runtime, { ...SETTINGS, port: 0, allowImport: true });
  const { clock, random } = runtime;
  return {
    endpoint: `http://127.0.0.1:${server.port}`,
    client: createKinesisClient({
      transport: inProcessTransport(server.service),
      region: REGION,
      clock,
      random,
    }),
    close: () => server.close(),
  };
}

const application = `kcl-${version}-migrate`;
const source = await openScene({ application, millrace: await startSource() });
const target = await openScene({ application, millrace: await startTarget() });
const maps = await mkdtemp(join(tmpdir(), "millrace-maps-"));
console.log(`KCL ${version} from ${source.endpoint} to ${target.endpoint}`);

const isAtItsEnd = async () => {
  try {
    await source.checkCheckpoints();
    return true;
  } catch {
    return false;
  }
};

await source.play(() =>
  target.play(async () => {
    await source.put(1_000);
    const first = source.startJava("first", { version });
    await source.untilAllIsSeen("the records of the source are seen");
    await source.split("shardId-000000000000", 2n ** 126n);
    await source.put(1_000);
    await source.untilAllIsSeen("those behind a split, too");
    await source.until("the leases say so", isAtItsEnd);
    await first.kill();
    const left = await source.leases();
    assert.ok(left.every(({ checkpoint }) => /^(?:749\d{54}|SHARD_END)$/.test(checkpoint)));
    assert.ok(
      left.some(({ owner }) => owner === "first"),
      "the worker's name is on its leases",
    );
    await source.put(600);

    const { stdout } = await promisify(execFile)(process.execPath, [
      ...[program, "migrate", "--from", source.endpoint, "--to", target.endpoint, "--stream", STREAM],
      ...["--finish", "--renumber", "--map", maps, "--lease-table", application],
    ]);
    console.log(stdout.replaceAll(/^/gm, "    ").trimEnd());
    assert.deepEqual(await source.leases(), left, "the table of the source is as it was");
    const moved = await target.leases();
    assert.equal(moved.length, left.length);
    assert.ok(moved.every(({ owner }) => owner === undefined));
    assert.ok(moved.every(({ checkpoint }) => /^(?:49\d{54}|SHARD_END)$/.test(checkpoint)));
    const folder = join(maps, `millrace-migration-${STREAM}`);
    const files = await Promise.all(
      (await readdir(folder)).map((name) => readFile(join(folder, name), "utf8")),
    );
    const lines = files.flatMap((text) => text.trimEnd().split("\n").slice(1));
    assert.equal(lines.length, source.putCount, "each record is in the map");

    // Those that the source's worker has seen are not to come again.
    target.putCount = 600;
    target.startJava("second", { version });
    await target.untilAllIsSeen("a worker at the target sees what came since");
    await target.client.putRecord({ StreamName: STREAM, PartitionKey: "a", Data: Buffer.from("9999") });
    target.putCount += 1;
    await target.untilAllIsSeen("and what is put there");
    const numbers = target.records().map(({ number }) => number);
    assert.deepEqual(
      numbers.toSorted((one, other) => one - other),
      [...Array.from({ length: 600 }, (_, at) => 2_000 + at), 9_999],
      "each record behind the checkpoints once, and none before them",
    );
    target.checkOrder();
    console.log("KCL over a migration: as it should be");
  }),
);
await rm(maps, { recursive: true });
