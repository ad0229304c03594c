/**
 * Logs are written and rotated in every way, in bursts and while the agent is away; the agent is killed and started
 * again, the stream fails: by chance, from a seed. In the end every line is stored, and the first copies of a log's
 * lines stand in the order in which they were written.
 */
import { type Runtime, seededRandom, simulatedRuntime } from "@millrace/runtime";
import { describe, expect, test } from "vitest";
import { loadCheckpoint, saveCheckpoint } from "./checkpoint-store.ts";
import { FakeStream } from "./fake-stream.ts";
import { type Agent, readAgentConfig, startAgent } from "./index.ts";
import { gunzipAtOnce, LogWriter } from "./log-writer.ts";
import { SimulatedLog } from "./simulated-log.ts";

const STEPS = 30;

async function history(seed: number) {
  const chance = seededRandom(seed);
  const runtime = simulatedRuntime({ seed, disk: { powerCuts: false, reusesFileIds: true } });
  const { world } = runtime;
  const { clock } = world;
  await clock.finish(runtime.files.makeDirectory("/logs"));
  const stream = new FakeStream(3);
  const writer = new LogWriter(world.disk, "/logs");
  const logs = [
    new SimulatedLog({ name: "app.log", naming: "counting", writer, chance, clock }),
    new SimulatedLog({ name: "web.log", naming: "shifting", writer, chance, clock }),
  ];
  const config = readAgentConfig(
    JSON.stringify({
      flows: [
        {
          filePattern: "/logs/*.log*",
          kinesisStream: "clicks",
          initialPosition: "START_OF_FILE",
          partitionKeyOption: "FILE",
          maxBufferAgeMillis: 20,
        },
      ],
    }),
  );
  const start = (process: Runtime): Promise<Agent> =>
    startAgent({
      config,
      ...process,
      client: stream.client(process.clock),
      directory: "/state",
      hostName: "here",
      shardRateShare: Infinity,
      gunzip: gunzipAtOnce,
    });
  let killedCount = 0;
  let faultCount = 0;
  let isOut = false;
  stream.fault = () => {
    if (!isOut && chance.below(10) > 0) return undefined;
    faultCount += 1;
    return chance.below(2) === 0 ? "before" : "after";
  };
  const write = async (): Promise<void> => {
    for (const log of logs) await log.write();
  };
  let agent = await clock.finish(start(runtime));
  for (let step = 0; step < STEPS; step += 1) {
    const log = logs[chance.below(2)]!;
    await clock.finish(log.write());
    if (chance.below(3) === 0) await clock.runFor(chance.below(3_000));
    if (chance.below(8) === 0) isOut = !isOut;
    // One after the other, so that several are there at the next look, and none of them was seen before.
    if (chance.below(3) === 0) {
      for (let count = chance.below(4); count >= 0; count -= 1) await clock.finish(log.rotate());
    }
    if (chance.below(5) === 0) {
      killedCount += 1;
      world.crash({ powerCut: false });
      for (let count = chance.below(3); count > 0; count -= 1) {
        await clock.finish(write());
        await clock.finish(logs[chance.below(2)]!.rotate());
      }
      agent = await clock.finish(start(world.start()));
    }
  }
  isOut = false;
  stream.fault = () => undefined;
  await clock.runFor(60_000);
  await clock.finish(agent.stop());
  return { stream, logs, killedCount, faultCount };
}

/** More of them by hand, after a change of the order of files. */
const SEEDS = Number(process.env["MILLRACE_AGENT_SEEDS"] ?? 6);

describe("a history", () => {
  test.each(Array.from({ length: SEEDS }, (_, seed) => seed))(
    "loses no line and keeps the order of each log (seed %i)",
    async (seed) => {
      const { stream, logs, killedCount, faultCount } = await history(seed);
      expect(Math.min(killedCount, faultCount)).toBeGreaterThan(0);
      for (const { name, lines } of logs) {
        const seen = new Set(stream.lines.filter((line) => line.startsWith(`${name} `)));
        const numbersOf = (some: Iterable<string>) => [...some].map((line) => Number(line.split(" ")[1]));
        expect(numbersOf(seen)).toEqual(numbersOf(lines));
      }
      // A crash and an answer that is lost bring some lines again, but not everything.
      const total = logs.reduce((sum, { lines }) => sum + lines.length, 0);
      expect(stream.lines.length).toBeLessThan(total * 10);
    },
    120_000,
  );
});

describe("the checkpoint", () => {
  test.each(Array.from({ length: 20 }, (_, seed) => seed))(
    "that a power cut leaves is one that was saved, and not older than the last that was done (seed %i)",
    async (seed) => {
      const { world, ...runtime } = simulatedRuntime({ seed });
      const { clock } = world;
      await clock.finish(runtime.files.makeDirectory("/state"));
      let doneMs = 0;
      const saveAll = async () => {
        for (let savedMs = 1; ; savedMs += 1) {
          await saveCheckpoint(runtime.files, "/state", { version: 1, savedMs, flows: [] });
          doneMs = savedMs;
        }
      };
      void saveAll();
      await clock.runFor(30 + seed);
      world.crash({ powerCut: true });
      const left = await clock.finish(loadCheckpoint(world.start().files, "/state"));
      expect(doneMs).toBeGreaterThan(0);
      expect(left?.savedMs).toBeGreaterThanOrEqual(doneMs);
      expect(left?.savedMs).toBeLessThanOrEqual(doneMs + 1);
    },
  );
});
