/**
 * A job of Apache Flink between two streams of a Millrace of its own: `node verification/interop/flink/run.mjs
 * [polling|polling-before|fan-out]`, after `npm run build` and `mvn -q -f verification/interop/flink package`. It ends with 1 when
 * something is not as it should be.
 *
 * The job reads one stream and writes the other, with checkpoints; it fails once between two of them and goes on from the last,
 * and a shard is split while it runs. Every record must be at the other end, each shard's in order; its place among those of
 * its shard, which the job counts in its state, must be the true one, so each was counted once.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { startMillrace } from "../../../packages/millrace/dist/index.js";

const REGION = "us-east-1";
const SOURCE = "orders";
const SINK = "copies";
const SPLIT = "shardId-000000000000";
const PUT_COUNT = 200;
const FAILS_AFTER = 1_500;
const PATIENCE_MS = 300_000;

const way = process.argv[2] ?? "polling";
const began = Date.now();
const millrace = await startMillrace({
  streams: { [SOURCE]: 2, [SINK]: 2 },
  region: REGION,
  transitionDelayMs: 50,
  // Records that a rate refuses would be put again by Flink, behind others.
  limits: "off",
});
const { client, endpoint } = millrace;
console.log(`Flink with ${way} at ${endpoint}`);

let putCount = 0;
async function put() {
  const Records = Array.from({ length: PUT_COUNT }, () => {
    const number = putCount++;
    return { PartitionKey: `key-${number % 64}`, Data: Buffer.from(String(number)) };
  });
  const { FailedRecordCount } = await client.putRecords({ StreamName: SOURCE, Records });
  assert.equal(FailedRecordCount, 0);
}

/** What is new in a stream since the last call: {shardId, sequenceNumber, data} in the order of each shard. */
function readerOf(StreamName) {
  const iterators = new Map();
  return async () => {
    const records = [];
    const { Shards } = await client.listShards({ StreamName });
    for (const { ShardId } of Shards) {
      if (!iterators.has(ShardId)) {
        const from = { StreamName, ShardId, ShardIteratorType: "TRIM_HORIZON" };
        iterators.set(ShardId, (await client.getShardIterator(from)).ShardIterator);
      }
      for (;;) {
        const ShardIterator = iterators.get(ShardId);
        if (ShardIterator === undefined) break;
        const answer = await client.getRecords({ ShardIterator });
        iterators.set(ShardId, answer.NextShardIterator);
        for (const { SequenceNumber, Data } of answer.Records) {
          records.push({
            shardId: ShardId,
            sequenceNumber: SequenceNumber,
            data: Buffer.from(Data).toString(),
          });
        }
        if (answer.Records.length === 0) break;
      }
    }
    return records;
  };
}

const said = [];
const complaints = [];
const copies = [];
const seen = new Set();
const newCopies = readerOf(SINK);

async function until(what, isSo) {
  const beganMs = Date.now();
  while (!(await isSo())) {
    assert.ok(job.exitCode === null && job.signalCode === null, `the job has ended before ${what}`);
    assert.ok(Date.now() - beganMs < PATIENCE_MS, `after ${PATIENCE_MS / 1_000} s it is not so that ${what}`);
    await sleep(100);
  }
  console.log(`  ${what} (${((Date.now() - beganMs) / 1_000).toFixed(1)} s)`);
}

async function isAllCopied() {
  for (const { data } of await newCopies()) {
    const [shardId, place, sequenceNumber, key, number] = data.split(" ");
    copies.push({ shardId, place: Number(place), sequenceNumber, key });
    seen.add(Number(number));
  }
  return seen.size === putCount;
}

const archive = fileURLToPath(new URL("target/millrace-interop-flink.jar", import.meta.url));
assert.ok(existsSync(archive), "make it first: mvn -q -f verification/interop/flink package");
const { StreamDescriptionSummary } = await client.describeStreamSummary({ StreamName: SOURCE });
const job = spawn(
  "java",
  [
    "-Xmx512m",
    // Flink's serializers look into classes of the JDK.
    "--add-opens=java.base/java.util=ALL-UNNAMED",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-jar",
    archive,
    endpoint,
    REGION,
    StreamDescriptionSummary.StreamARN,
    SINK,
    way,
    String(FAILS_AFTER),
  ],
  { stdio: ["pipe", "pipe", "pipe"] },
);
createInterface({ input: job.stdout }).on("line", (line) => said.push(line));
createInterface({ input: job.stderr }).on("line", (line) => complaints.push(line));

try {
  for (let times = 0; times < 5; times += 1) await put();
  await until("the records from before the job are at the other end", isAllCopied);
  await until("a checkpoint is complete", () => said.includes("checkpointed"));
  await until("the job fails, with records behind a checkpoint", async () => {
    await put();
    await isAllCopied();
    return said.includes("fails");
  });
  await until("it goes on from there", isAllCopied);
  await client.splitShard({
    StreamName: SOURCE,
    ShardToSplit: SPLIT,
    NewStartingHashKey: String(2n ** 126n),
  });
  for (let times = 0; times < 5; times += 1) {
    await put();
    await sleep(50);
  }
  await until("records behind a split are at the other end", isAllCopied);

  const stored = await readerOf(SOURCE)();
  const shards = [...new Set(stored.map(({ shardId }) => shardId))];
  assert.equal(shards.length, 4, "records came before and after the split");
  for (const shard of shards) {
    const truth = stored
      .filter(({ shardId }) => shardId === shard)
      .map(({ sequenceNumber }, at) => `${at + 1} ${sequenceNumber}`);
    // Those that were written again after the failure are passed over: the first time counts.
    const first = new Set(
      copies
        .filter(({ shardId }) => shardId === shard)
        .map(({ place, sequenceNumber }) => `${place} ${sequenceNumber}`),
    );
    assert.deepEqual([...first], truth, `order and places of ${shard}`);
  }
  console.log(`  all ${putCount} records are there, each shard's in order and counted once;`);
  console.log(`  ${copies.length - putCount} were written again after the failure`);
  job.stdin.end();
  // Not "exit", which may come before the last of what it said.
  const [code] = await once(job, "close");
  assert.equal(code, 0);
  assert.equal(said.at(-1), "stopped");

  const counted = await (await fetch(new URL("/_millrace/metrics", endpoint))).text();
  const calls = [...counted.matchAll(/millrace_requests_total\{operation="([^"]+)",code="([^"]+)"\} (\d+)/g)];
  assert.ok(
    !calls.some(([, operation]) => operation === "unknown"),
    "Flink has asked for what is not served",
  );
  console.log(calls.map(([, operation, answer, count]) => `    ${operation} ${answer} ${count}`).join("\n"));
  console.log(`Flink with ${way}: as it should be, after ${((Date.now() - began) / 1_000).toFixed(0)} s`);
} catch (error) {
  for (const line of complaints.filter((one) => !/^\s+(?:at|\.\.\.) /.test(one)).slice(-40))
    console.error(line);
  console.error(said.join("\n"));
  console.error(error);
  process.exitCode = 1;
} finally {
  job.kill("SIGKILL");
  await millrace.close();
}
