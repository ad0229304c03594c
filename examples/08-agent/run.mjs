/** Tails a log with the agent while it is rotated and the agent is killed, and checks what is in the stream. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createKinesisClient } from "@millrace/client";
import { readAggregatedRecord } from "@millrace/model";
import { nodeRuntime } from "@millrace/runtime";

const endpoint = process.env.AWS_ENDPOINT_URL ?? "http://127.0.0.1:4566";
const kinesis = createKinesisClient({ endpoint, ...nodeRuntime() });
const StreamName = "agent-example";
const count = (number) => number.toLocaleString("en-US");

await kinesis.createStream({ StreamName, ShardCount: 2 });
const status = async () =>
  (await kinesis.describeStreamSummary({ StreamName })).StreamDescriptionSummary.StreamStatus;
while ((await status()) !== "ACTIVE") await sleep(50);

const folder = mkdtempSync(join(tmpdir(), "millrace-agent-"));
const log = join(folder, "app.log");
const config = join(folder, "agent.json");
writeFileSync(
  config,
  JSON.stringify({
    checkpointFile: join(folder, "checkpoints"),
    flows: [
      {
        filePattern: `${log}*`,
        kinesisStream: StreamName,
        initialPosition: "START_OF_FILE",
        partitionKeyOption: "FILE",
      },
    ],
  }),
);
const program = fileURLToPath(new URL("../../packages/millrace/dist/main.js", import.meta.url));
const startAgent = () =>
  spawn(
    process.execPath,
    [program, "agent", "run", "--config", config, "--endpoint", endpoint, "--unlimited"],
    {
      stdio: "ignore",
    },
  );

let agent = startAgent();
let lineCount = 0;
const write = () => {
  for (let left = 1_000; left > 0; left -= 1) appendFileSync(log, `line ${(lineCount += 1)}\n`);
};
write();
renameSync(log, `${log}.1`);
await sleep(1_000);
write();
copyFileSync(log, `${log}.2`);
truncateSync(log);
agent.kill("SIGKILL");
await once(agent, "exit");
write();
renameSync(log, `${log}.3`);
agent = startAgent();
write();
console.log(
  `the log was written with ${count(lineCount)} lines and rotated 3 times; the agent was killed once`,
);

const linesIn = async () => {
  const lines = new Set();
  const { Shards } = await kinesis.listShards({ StreamName });
  for (const { ShardId } of Shards) {
    const first = await kinesis.getShardIterator({ StreamName, ShardId, ShardIteratorType: "TRIM_HORIZON" });
    for (let iterator = first.ShardIterator; iterator !== undefined;) {
      const { Records, NextShardIterator, MillisBehindLatest } = await kinesis.getRecords({
        ShardIterator: iterator,
      });
      for (const { Data } of Records) {
        for (const { data } of readAggregatedRecord(Data) ?? [{ data: Data }])
          lines.add(Buffer.from(data).toString());
      }
      iterator = MillisBehindLatest === 0 ? undefined : NextShardIterator;
    }
  }
  return [...lines];
};
let lines = await linesIn();
for (let tries = 0; lines.length < lineCount && tries < 60; tries += 1) {
  await sleep(500);
  lines = await linesIn();
}
const inOrder = lines.every((line, index) => line === `line ${index + 1}\n`);
console.log(
  `${count(lines.length)} of ${count(lineCount)} lines are in the stream, ${inOrder ? "in order" : "NOT IN ORDER"}`,
);

agent.kill("SIGTERM");
await once(agent, "exit");
await kinesis.deleteStream({ StreamName });
await kinesis.close();
rmSync(folder, { recursive: true });
process.exitCode = lines.length === lineCount && inOrder ? 0 : 1;
