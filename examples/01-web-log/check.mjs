/**
 * Compares what went in with what came out, line by line. Works on a folder that `run.mjs` has filled:
 *
 *     access.log       what was put
 *     polling.ndjson   what a consumer saw that polls, as `millrace tail --json` prints it
 *     pushed.ndjson    what a consumer saw that is pushed to
 *     replay.ndjson    what was read again from the time in replay.json, when all was over
 *
 *     node check.mjs FOLDER
 */
import { createHash } from "node:crypto";
import { createReadStream, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const PROBLEM_COUNT_MAX = 10;

/**
 * Resolves to one row per consumer, and what is wrong: nothing, when every line came out exactly once for each,
 * the lines of each client in the order of the log, the records of each shard with rising numbers, and the
 * replay is what the polling consumer saw from that time on.
 */
export async function check(folder) {
  const { from } = JSON.parse(readFileSync(join(folder, "replay.json"), "utf8"));
  const put = new Sequences();
  for await (const line of linesOf(join(folder, "access.log"))) put.add(keyOf(line), line);

  const problems = [];
  const rows = [];
  const polling = await seen(folder, "polling", "", problems);
  const pushed = await seen(folder, "pushed", "", problems);
  const tail = await seen(folder, "polling", from, problems);
  const replay = await seen(folder, "replay", "", problems);
  for (const [name, consumer, expected] of [
    ["polling", polling, put],
    ["pushed", pushed, put],
    ["replay", replay, tail.byKey],
  ]) {
    const before = problems.length;
    problems.push(...consumer.byKey.differences(expected, name));
    rows.push({
      name,
      recordCount: consumer.byKey.count,
      shardCount: consumer.byShard.sequences.size,
      keyCount: consumer.byKey.sequences.size,
      isExact: problems.length === before,
    });
  }
  problems.push(...pushed.byShard.differences(polling.byShard, "pushed, against polling"));
  problems.push(...replay.byShard.differences(tail.byShard, "replay, against polling"));
  if (replay.byKey.count === 0 || replay.byKey.count === put.count) {
    problems.push(`the replay from ${from} is no part of the log but ${replay.byKey.count} of its lines`);
  }
  return { putCount: put.count, rows, problems };
}

/** What a consumer saw from a time on: the lines of each key, and the numbers in each shard. */
async function seen(folder, name, from, problems) {
  const byKey = new Sequences();
  const byShard = new Sequences();
  const lastNumbers = new Map();
  for await (const text of linesOf(join(folder, `${name}.ndjson`))) {
    const { shardId, sequenceNumber, arrivedAt, partitionKey, data } = JSON.parse(text);
    if (arrivedAt < from) continue;
    if (partitionKey !== keyOf(data)) problems.push(`${name}: ${partitionKey} is not the key of: ${data}`);
    if (BigInt(sequenceNumber) <= (lastNumbers.get(shardId) ?? 0n)) {
      problems.push(`${name}: ${sequenceNumber} in ${shardId} is not above the number before it`);
    }
    lastNumbers.set(shardId, BigInt(sequenceNumber));
    byKey.add(partitionKey, data);
    byShard.add(shardId, sequenceNumber);
  }
  return { byKey, byShard };
}

/** Sequences of texts, each known by its length and digest: a million lines need not be held. */
class Sequences {
  sequences = new Map();
  count = 0;

  add(name, text) {
    let sequence = this.sequences.get(name);
    if (sequence === undefined)
      this.sequences.set(name, (sequence = { count: 0, hash: createHash("sha256") }));
    sequence.count += 1;
    sequence.hash.update(`${text}\n`);
    this.count += 1;
  }

  *differences(expected, what) {
    for (const name of new Set([...expected.sequences.keys(), ...this.sequences.keys()])) {
      const [ours, theirs] = [this.sequences.get(name), expected.sequences.get(name)];
      if (ours?.count !== theirs?.count) {
        yield `${what}: ${ours?.count ?? 0} of ${name}, expected ${theirs?.count ?? 0}`;
      } else if (ours.hash.copy().digest("hex") !== theirs.hash.copy().digest("hex")) {
        yield `${what}: the ${ours.count} of ${name} are not the expected ones in their order`;
      }
    }
  }
}

/** The client's address, as `--key-regex '^(\S+)'` finds it. */
function keyOf(line) {
  return line.slice(0, line.indexOf(" "));
}

function linesOf(path) {
  return createInterface({ input: createReadStream(path), crlfDelay: Infinity });
}

/** The result as a table for people, with the first problems below it. */
export function report({ putCount, rows, problems }) {
  const number = (value) => value.toLocaleString("en-US").padStart(11);
  return [
    "consumer      records     shards       keys  exactly once, in the order of each key",
    ...rows.map(
      ({ name, recordCount, shardCount, keyCount, isExact }) =>
        `${name.padEnd(10)}${[recordCount, shardCount, keyCount].map(number).join("")}  ${isExact ? "yes" : "NO"}`,
    ),
    "",
    ...problems.slice(0, PROBLEM_COUNT_MAX).map((problem) => `wrong: ${problem}`),
    ...(problems.length > PROBLEM_COUNT_MAX ? [`and ${problems.length - PROBLEM_COUNT_MAX} more`] : []),
    problems.length === 0
      ? `all ${putCount.toLocaleString("en-US")} lines came out as they went in`
      : `${problems.length} ${problems.length === 1 ? "problem" : "problems"}`,
  ].join("\n");
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const result = await check(process.argv[2] ?? ".");
  console.log(report(result));
  process.exitCode = result.problems.length === 0 ? 0 : 1;
}
