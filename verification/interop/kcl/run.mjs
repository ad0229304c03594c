/**
 * The KCL, unchanged, against a Millrace of its own: `node verification/interop/kcl/run.mjs [polling|fan-out] [VERSION]`, after
 * `npm run build` and `mvn -q -f verification/interop/kcl package`. It ends with 1 when something is not as it should be.
 *
 * Two shards, one worker; records come before and after it starts, one shard is split meanwhile; the worker is stopped
 * and started again. Every record must have been seen, each key's in order; parents end before their children begin;
 * the second worker must begin where the first one stopped.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { startMillrace } from "../../../packages/millrace/dist/index.js";

const way = process.argv[2] ?? "polling";
const version = process.argv[3] ?? "3.5.1";
const archive = fileURLToPath(new URL(`target/${version}/millrace-interop-kcl.jar`, import.meta.url));
if (!existsSync(archive)) {
  throw new Error(`make it first: mvn -q -f verification/interop/kcl -Dkcl.version=${version} package`);
}
const STREAM = "orders";
const APPLICATION = `kcl-${version}-${way}`;
const PATIENCE_MS = 60_000;

const millrace = await startMillrace({
  streams: { [STREAM]: 2 },
  region: "us-east-1",
  transitionDelayMs: 50,
  // Records that a rate refuses would have to be put again, out of order.
  limits: "off",
});
const { client, endpoint } = millrace;
console.log(`KCL ${version} with ${way} at ${endpoint}`);

/** Every line that any worker has told. */
const told = [];
const KEY_COUNT = 16;
let putCount = 0;

async function put(count) {
  for (let done = 0; done < count; done += 200) {
    const Records = Array.from({ length: 200 }, () => {
      const number = putCount++;
      return { PartitionKey: `key-${number % KEY_COUNT}`, Data: Buffer.from(String(number)) };
    });
    const { FailedRecordCount } = await client.putRecords({ StreamName: STREAM, Records });
    assert.equal(FailedRecordCount, 0);
  }
}

function startWorker() {
  const worker = spawn(
    "java",
    [
      "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
      "-jar",
      archive,
      endpoint,
      "us-east-1",
      STREAM,
      APPLICATION,
      way,
    ],
    {
      stdio: ["pipe", "pipe", "pipe"],
    },
  );
  const errors = [];
  createInterface({ input: worker.stdout }).on("line", (line) => told.push(line));
  createInterface({ input: worker.stderr }).on("line", (line) => errors.push(line));
  return {
    errors,
    async stop() {
      worker.stdin.end();
      const [code] = await once(worker, "exit");
      return code;
    },
    kill: () => worker.kill("SIGKILL"),
  };
}

const records = () =>
  told
    .filter((line) => line.startsWith("record "))
    .map((line) => {
      const [, shardId, sequenceNumber, key, data] = line.split(" ");
      return { shardId, sequenceNumber: BigInt(sequenceNumber), key, number: Number(data) };
    });
const seenCount = () => new Set(records().map(({ number }) => number)).size;

async function until(what, isSo, worker) {
  const deadlineMs = Date.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (Date.now() > deadlineMs) {
      console.error(worker.errors.slice(-40).join("\n"));
      throw new Error(`still waiting: ${what}`);
    }
    await sleep(200);
  }
  console.log(`  ${what}`);
}

/** A call on tables, as bare as it can be. */
async function onTables(operation, input) {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": `DynamoDB_20120810.${operation}`,
      "x-amz-date": "20260101T000000Z",
      authorization:
        "AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=x",
    },
    body: JSON.stringify(input),
  });
  return response.json();
}

let worker;
try {
  await put(1_000);
  worker = startWorker();
  await until("the records from before the worker are seen", () => seenCount() === 1_000, worker);
  await put(1_000);
  await until("records are seen as they come", () => seenCount() === 2_000, worker);

  await client.splitShard({
    StreamName: STREAM,
    ShardToSplit: "shardId-000000000000",
    NewStartingHashKey: String(2n ** 126n),
  });
  await sleep(300);
  await put(1_000);
  await until("records behind a split are seen", () => seenCount() === 3_000, worker);
  assert.equal(await worker.stop(), 0);
  // Version 2.7.2 was not seen to finish its graceful stop within half a minute. Why is not known.
  if (version.startsWith("3.")) assert.equal(told.at(-1), "stopped");
  console.log(`  the worker has ${told.at(-1)}`);

  const { Items } = await onTables("Scan", { TableName: APPLICATION });
  const leases = Items.filter(({ leaseCounter }) => leaseCounter !== undefined);
  const checkpoints = Object.fromEntries(
    leases.map(({ leaseKey, checkpoint }) => [leaseKey.S, checkpoint.S]),
  );
  for (const [shardId, checkpoint] of Object.entries(checkpoints)) {
    const ofShard = records().filter((record) => record.shardId === shardId);
    assert.equal(
      checkpoint === "SHARD_END" ? "end" : checkpoint,
      shardId.endsWith("0") ? "end" : String(ofShard.at(-1).sequenceNumber),
    );
  }
  console.log(`  the leases hold where each shard was left: ${leases.length} of them`);

  const before = told.length;
  await put(200);
  worker = startWorker();
  await until("a second worker sees what came meanwhile", () => seenCount() === 3_200, worker);
  assert.equal(await worker.stop(), 0);
  const again = told.slice(before).filter((line) => line.startsWith("record "));
  assert.equal(again.length, 200, "the second worker must begin where the first one stopped");
  console.log("  and nothing that was checkpointed before");

  for (let key = 0; key < KEY_COUNT; key += 1) {
    const numbers = records()
      .filter((record) => record.key === `key-${key}`)
      .map(({ number }) => number);
    const first = [...new Set(numbers)];
    assert.deepEqual(
      first,
      first.toSorted((left, right) => left - right),
      `order of key-${key}`,
    );
  }
  const parentEnds = told.indexOf("shardEnded shardId-000000000000");
  const childBegins = told.findIndex((line) => /^initialize shardId-00000000000[23] /.test(line));
  assert.ok(parentEnds >= 0 && parentEnds < childBegins, "the parent ends before its children begin");
  console.log("  each key is in order, and the parent ended before its children began");

  const page = await (await fetch(new URL("/_millrace/metrics/points?limit=10", endpoint))).json();
  assert.ok(
    page.points.some(({ namespace }) => namespace === APPLICATION),
    "metrics have come",
  );
  console.log(`  ${page.count} points of metrics have come`);
  const counted = await (await fetch(new URL("/_millrace/metrics", endpoint))).text();
  const calls = [...counted.matchAll(/millrace_requests_total\{operation="([^"]+)",code="([^"]+)"\} (\d+)/g)];
  assert.ok(
    !calls.some(([, operation]) => operation === "unknown"),
    "the KCL has asked for what is not served",
  );
  console.log(calls.map(([, operation, code, count]) => `    ${operation} ${code} ${count}`).join("\n"));
  console.log("KCL: as it should be");
} catch (error) {
  worker?.kill();
  console.error(worker?.errors.slice(-40).join("\n"));
  console.error(error);
  process.exitCode = 1;
} finally {
  await millrace.close();
}
