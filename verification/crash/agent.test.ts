/**
 * The agent as a process: it is killed again and again while its log is rotated in all three ways and the server goes
 * and comes. Every line is stored, and the first copies stand in the order in which they were written.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { createKinesisClient } from "@millrace/client";
import { readAggregatedRecord } from "@millrace/model";
import { nodeRuntime, seededRandom } from "@millrace/runtime";
import { startMillrace } from "millrace";
import { afterEach, expect, test } from "vitest";

const PROGRAM = fileURLToPath(new URL("../../packages/millrace/dist/main.js", import.meta.url));
const ROUNDS = 12;
const { clock, random } = nodeRuntime();
const endings: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

test("an agent that is killed, an outage and three kinds of rotation lose and reorder no line", async () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-agent-"));
  endings.push(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "logs"));
  const path = join(folder, "logs", "app.log");
  const dataDir = join(folder, "data");
  let server = await startMillrace({ directory: dataDir, streams: { web: 2 }, limits: "off" });
  endings.push(() => server.close());
  const { port } = server;
  const config = join(folder, "agent.json");
  writeFileSync(
    config,
    JSON.stringify({
      checkpointFile: join(folder, "checkpoints"),
      socketTimeoutMillis: 2_000,
      flows: [
        {
          filePattern: `${path}*`,
          kinesisStream: "web",
          initialPosition: "START_OF_FILE",
          partitionKeyOption: "FILE",
          retryMaxBackoffMillis: 500,
        },
      ],
    }),
  );
  const begin = (): ChildProcess =>
    spawn(
      process.execPath,
      [PROGRAM, "agent", "run", "--config", config, "--endpoint", server.endpoint, "--unlimited"],
      { stdio: "ignore" },
    );
  let agent = begin();
  endings.push(() => void agent.kill("SIGKILL"));
  const chance = seededRandom(11);
  let written = 0;
  const write = () => {
    let text = "";
    for (let count = 200 + chance.below(2_000); count > 0; count -= 1) {
      text += `${written} ${"x".repeat(chance.below(200))}\n`;
      written += 1;
    }
    appendFileSync(path, text);
  };
  // What is compressed before the agent ran for the first time is history.
  write();
  while (!existsSync(join(folder, "checkpoints.millrace", "checkpoints.json"))) await clock.sleep(50);
  let rotationCount = 0;
  const rotate = () => {
    rotationCount += 1;
    const rotated = `${path}.${rotationCount}`;
    if (rotationCount % 3 === 1) {
      copyFileSync(path, rotated);
      truncateSync(path, 0);
      return;
    }
    renameSync(path, rotated);
    if (rotationCount % 3 === 0) return;
    writeFileSync(`${rotated}.gz.part`, gzipSync(readFileSync(rotated)));
    renameSync(`${rotated}.gz.part`, `${rotated}.gz`);
    unlinkSync(rotated);
  };
  for (let round = 1; round <= ROUNDS; round += 1) {
    write();
    await clock.sleep(chance.below(700));
    write();
    rotate();
    if (round % 2 === 0) {
      agent.kill("SIGKILL");
      await once(agent, "exit");
      write();
      // Sometimes several are put aside before it is back.
      for (let count = chance.below(4); count > 0; count -= 1) {
        rotate();
        write();
        await clock.sleep(chance.below(50));
        write();
      }
      agent = begin();
    }
    if (round % 5 === 0) {
      await server.close();
      write();
      await clock.sleep(500);
      server = await startMillrace({ directory: dataDir, port, limits: "off" });
    }
  }
  const client = createKinesisClient({ endpoint: server.endpoint, clock, random });
  const seen = new Set<number>();
  const read = async (shardId: string) => {
    const first = await client.getShardIterator({
      StreamName: "web",
      ShardId: shardId,
      ShardIteratorType: "TRIM_HORIZON",
    });
    for (let iterator = first.ShardIterator; iterator !== undefined;) {
      const { Records, NextShardIterator, MillisBehindLatest } = await client.getRecords({
        ShardIterator: iterator,
      });
      for (const { Data } of Records) {
        for (const { data } of readAggregatedRecord(Data) ?? [{ data: Data }]) {
          seen.add(Number.parseInt(Buffer.from(data).toString(), 10));
        }
      }
      iterator = MillisBehindLatest === 0 ? undefined : NextShardIterator;
    }
  };
  for (const deadlineMs = clock.monotonicMs() + 60_000; clock.monotonicMs() < deadlineMs;) {
    seen.clear();
    for (const shardId of ["shardId-000000000000", "shardId-000000000001"]) await read(shardId);
    if (seen.size === written) break;
    await clock.sleep(1_000);
  }
  await client.close();
  expect(seen.size).toBe(written);
  expect([...seen]).toEqual(Array.from({ length: written }, (_, number) => number));
}, 170_000);
