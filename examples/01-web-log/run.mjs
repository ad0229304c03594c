/**
 * A web log through a stream, from end to end; see README.md. Everything runs as the program `millrace`, each
 * producer and consumer in a process of its own.
 *
 *     node run.mjs --records 1000000 --shards 8
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  createReadStream,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { check, report } from "./check.mjs";

const { values: options } = parseArgs({
  options: {
    records: { type: "string", default: "20000" },
    seed: { type: "string", default: "1" },
    shards: { type: "string", default: "2" },
    limits: { type: "string", default: "aws" },
    // Leaves the folder with the log and what the consumers saw.
    keep: { type: "boolean", default: false },
  },
});
const recordCount = Number(options.records);
const shardCount = Number(options.shards);
const STALLED_AFTER_MS = 60_000;
const STREAM = "web";

const program = fileURLToPath(new URL("../../packages/millrace/dist/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "millrace-web-log-"));
const running = new Set();
let endpoint = "";
const beganMs = performance.now();
const say = (text) =>
  console.log(`${((performance.now() - beganMs) / 1_000).toFixed(1).padStart(6)} s  ${text}`);

/** Starts a program of Node; `output` is a file's name in the folder, or "pipe". */
function start(args, { input = "ignore", output = "pipe" } = {}) {
  const file = output === "pipe" ? undefined : openSync(join(folder, output), "w");
  const child = spawn(process.execPath, args, {
    stdio: [input, file ?? "pipe", "pipe"],
    env: { ...process.env, MILLRACE_ENDPOINT: endpoint, AWS_REGION: "us-east-1" },
  });
  if (file !== undefined) closeSync(file);
  const started = { child, printed: "", errors: "" };
  child.stdout?.setEncoding("utf8").on("data", (text) => (started.printed += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (started.errors += text));
  started.ended = once(child, "close").then(([code]) => {
    running.delete(child);
    return code;
  });
  running.add(child);
  return started;
}

/** `expectedCode`: 0, or 130 for a program that was interrupted. */
async function finished(started, expectedCode = 0) {
  const code = await started.ended;
  if (code !== expectedCode) {
    throw new Error(`${started.child.spawnargs.slice(1).join(" ")}\nended with ${code}: ${started.errors}`);
  }
  return started;
}

const millrace = async (...args) => (await finished(start([program, ...args]))).printed;

async function serve() {
  const args = ["serve", "--port", "0", "--data-dir", join(folder, "data"), "--limits", options.limits];
  const server = start([program, ...args]);
  while (endpoint === "") {
    endpoint = /endpoint\s+(\S+)/.exec(server.printed)?.[1] ?? "";
    if (server.child.exitCode !== null) throw new Error(`the server did not start: ${server.errors}`);
    await sleep(20);
  }
  return server;
}

/** A consumer that writes what it sees to a file; `count` lines are there so far. */
function consume(name, ...how) {
  const output = `${name}.ndjson`;
  const consumer = start([program, "tail", STREAM, "--from", "trim-horizon", "--json", ...how], { output });
  consumer.count = 0;
  consumer.counted = (async () => {
    for (let position = 0; running.has(consumer.child); await sleep(50)) {
      for await (const piece of createReadStream(join(folder, output), { start: position })) {
        position += piece.length;
        for (let at = piece.indexOf(10); at !== -1; at = piece.indexOf(10, at + 1)) consumer.count += 1;
      }
    }
  })();
  return consumer;
}

/** Waits until both consumers have seen a share of the log, and fails when they stop getting on. */
async function untilSeen(share, consumers) {
  const seen = () => Math.min(...consumers.map(({ count }) => count));
  for (let [last, sinceMs] = [seen(), performance.now()]; seen() < recordCount * share; await sleep(20)) {
    const ended = consumers.find(({ child }) => !running.has(child));
    if (ended !== undefined) throw new Error(`a consumer ended: ${ended.errors}`);
    if (seen() > last) [last, sinceMs] = [seen(), performance.now()];
    if (performance.now() - sinceMs > STALLED_AFTER_MS) {
      throw new Error(`stalled: of ${recordCount} lines, ${consumers.map(({ count }) => count)} were seen`);
    }
  }
}

/** Gives the log to the producer, each time up to a share of it; the last line ends it. */
function feeder(input) {
  // A producer that ended says why itself.
  input.on("error", () => {});
  const log = readFileSync(join(folder, "access.log"));
  let fed = 0;
  return (share) => {
    const end = share === 1 ? log.length : log.indexOf(10, log.length * share) + 1;
    input.write(log.subarray(fed, end));
    fed = end;
    if (share === 1) input.end();
  };
}

async function openShards() {
  const { Shards } = JSON.parse(await millrace("stream", "describe", STREAM, "--json"));
  return Shards.map(({ ShardId, HashKeyRange }) => ({ ShardId, first: BigInt(HashKeyRange.StartingHashKey) }))
    .sort((one, other) => (one.first < other.first ? -1 : 1))
    .map(({ ShardId }) => ShardId);
}

async function main() {
  const generate = fileURLToPath(new URL("generate.mjs", import.meta.url));
  const generated = ["--records", options.records, "--seed", options.seed];
  await finished(start([generate, ...generated], { output: "access.log" }));
  const server = await serve();
  say(`${recordCount.toLocaleString("en-US")} lines are written; ${endpoint} serves them`);
  await millrace("stream", "create", STREAM, "--shards", String(shardCount));

  const consumers = [consume("polling"), consume("pushed", "--fan-out", "dashboard")];
  const producer = start([program, "put", STREAM, "--key-regex", String.raw`^(\S+)`], { input: "pipe" });
  const feed = feeder(producer.child.stdin);
  const stored = finished(producer);
  stored.then(
    () => say(`millrace put: ${producer.errors.trim()}`),
    () => {},
  );
  const seen = (share) =>
    Promise.race([untilSeen(share, consumers), stored.then(() => untilSeen(share, consumers))]);

  // Each reshard meets lines on their way, and lines that are only sent after it, so that every shard gets some.
  feed(0.25);
  await seen(0.1);
  say((await millrace("stream", "scale", STREAM, String(shardCount * 2))).trim());
  feed(0.5);
  await seen(0.35);
  const [toSplit] = await openShards();
  say((await millrace("stream", "split", STREAM, toSplit)).trim());
  feed(0.75);
  await seen(0.6);
  const [, toMerge, neighbour] = await openShards();
  say((await millrace("stream", "merge", STREAM, toMerge, neighbour)).trim());
  feed(1);
  await seen(1);
  await stored;
  say("both consumers have seen as many lines as there are");
  // Longer than a poll and a push take: what comes twice would come now.
  await sleep(1_000);
  for (const { child } of consumers) child.kill("SIGINT");
  for (const consumer of consumers) {
    await finished(consumer, 130);
    await consumer.counted;
  }

  const printed = readFileSync(join(folder, "polling.ndjson"));
  const middle = printed.indexOf(10, printed.length / 2) + 1;
  const { arrivedAt: from } = JSON.parse(printed.toString("utf8", middle, printed.indexOf(10, middle)));
  writeFileSync(join(folder, "replay.json"), JSON.stringify({ from }));
  await finished(start([program, "get", STREAM, "--from", from, "--json"], { output: "replay.ndjson" }));
  say(`replayed from ${from}`);
  server.child.kill("SIGTERM");
  await finished(server);

  const result = await check(folder);
  console.log(`\n${report(result)}`);
  process.exitCode = result.problems.length === 0 ? 0 : 1;
}

try {
  await main();
} finally {
  for (const child of running) child.kill("SIGKILL");
  if (options.keep) console.log(`everything is in ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
}
