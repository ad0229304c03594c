/**
 * Logs are written and rotated, the agent is killed and started again, the stream fails: by chance, from a seed. In the
 * end every line is stored, and the first copies of a log's lines stand in the order in which they were written.
 */
import { type Runtime, seededRandom, simulatedRuntime } from "@millrace/runtime";
import { describe, expect, test } from "vitest";
import { loadCheckpoint, saveCheckpoint } from "./checkpoint-store.ts";
import { FakeStream } from "./fake-stream.ts";
import { type Agent, readAgentConfig, startAgent } from "./index.ts";
import { LogWriter } from "./log-writer.ts";

const STEPS = 150;
const NAMES = ["app.log", "web.log"];

async function history(seed: number) {
  const chance = seededRandom(seed);
  const runtime = simulatedRuntime({ seed });
  const { world } = runtime;
  const { clock } = world;
  await clock.finish(runtime.files.makeDirectory("/logs"));
  const stream = new FakeStream(3);
  const log = new LogWriter(() => world.disk.files, "/logs");
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
    });
  const written = new Map(NAMES.map((name) => [name, [] as string[]]));
  const rotations = new Map(NAMES.map((name) => [name, 0]));
  const counts = { killed: 0, renamed: 0, copied: 0, faults: 0 };
  let isOut = false;
  stream.fault = () => {
    if (!isOut && chance.below(10) > 0) return undefined;
    counts.faults += 1;
    return chance.below(2) === 0 ? "before" : "after";
  };
  const write = async (name: string) => {
    const lines = written.get(name)!;
    let text = "";
    for (let count = chance.below(40); count >= 0; count -= 1) {
      const line = `${name} ${lines.length} ${"x".repeat(chance.below(300))}`;
      lines.push(line);
      text += `${line}\n`;
    }
    const cut = chance.below(text.length);
    await log.append(name, text.slice(0, cut));
    await clock.sleep(chance.below(200));
    await log.append(name, text.slice(cut));
  };
  let agent = await clock.finish(start(runtime));
  for (let step = 0; step < STEPS; step += 1) {
    const name = NAMES[chance.below(2)]!;
    await clock.finish(write(name));
    if (chance.below(4) === 0) await clock.runFor(chance.below(3_000));
    if (chance.below(8) === 0) isOut = !isOut;
    const action = chance.below(10);
    if (action < 2) {
      const number = rotations.get(name)! + 1;
      rotations.set(name, number);
      if (action === 0) {
        counts.renamed += 1;
        await clock.finish(log.rename(name, `${name}.${number}`));
      } else {
        counts.copied += 1;
        await clock.finish(log.copyTruncate(name, `${name}.${number}`));
      }
    } else if (action === 2) {
      counts.killed += 1;
      world.crash({ powerCut: false });
      if (chance.below(2) === 0) await clock.finish(write(name));
      agent = await clock.finish(start(world.start()));
    }
  }
  isOut = false;
  stream.fault = () => undefined;
  await clock.runFor(120_000);
  await clock.finish(agent.stop());
  return { stream, written, counts };
}

describe("a history", () => {
  test.each(Array.from({ length: 8 }, (_, seed) => seed))(
    "loses no line and keeps the order of each log (seed %i)",
    async (seed) => {
      const { stream, written, counts } = await history(seed);
      for (const count of Object.values(counts)) expect(count).toBeGreaterThan(0);
      for (const [name, lines] of written) {
        const seen = new Set(stream.lines.filter((line) => line.startsWith(`${name} `)));
        const numbersOf = (some: Iterable<string>) => [...some].map((line) => line.split(" ")[1]);
        expect(numbersOf(seen)).toEqual(numbersOf(lines));
      }
      // A crash and an answer that is lost bring some lines again, but not everything.
      const total = [...written.values()].reduce((sum, { length }) => sum + length, 0);
      expect(stream.lines.length).toBeLessThan(total * 10);
    },
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
