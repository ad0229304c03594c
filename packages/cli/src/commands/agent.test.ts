import { inProcessTransport } from "@millrace/client";
import { simulatedRuntime, type SimulatedRuntime } from "@millrace/runtime";
import { createServer } from "@millrace/server";
import { afterEach, describe, expect, test } from "vitest";
import { runCommand } from "../run.ts";
import { type TestWorld, testWorld } from "../test-world.ts";
import { COMMANDS } from "./index.ts";

interface Place {
  readonly runtime: SimulatedRuntime;
  readonly world: TestWorld;
  /** Starts the program without waiting for its end. */
  readonly begin: (line: string) => Promise<number>;
  /** Runs it to its end. */
  readonly millrace: (line: string) => Promise<number>;
  /** What is in the stream, as a person would see it. */
  readonly stored: () => Promise<string>;
}

const CONFIG = {
  checkpointFile: "/var/checkpoints",
  flows: [
    { filePattern: "/logs/app.log*", kinesisStream: "clicks", initialPosition: "START_OF_FILE" },
  ] as object[],
};

const closings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0)) await close();
});

/** A server and an agent on one simulated machine. */
async function place(config: object = CONFIG): Promise<Place> {
  const runtime = simulatedRuntime({ seed: 3 });
  const { clock, disk } = runtime.world;
  const server = await clock.finish(
    createServer(runtime, { durability: "memory", dev: true, stream: [{ name: "clicks", shardCount: 1 }] }),
  );
  closings.push(() => clock.finish(server.close()));
  disk.place("/logs/app.log", Buffer.from("one\ntwo\nthree without an end"));
  const around = { transport: inProcessTransport(server.service), clock: runtime.clock, runtime };
  const world = testWorld({ ...around, files: { "agent.json": JSON.stringify(config) } });
  const begin = (line: string) => runCommand(COMMANDS, line.split(" "), world);
  const stored = async () => {
    const reader = testWorld(around);
    await clock.finish(
      runCommand(COMMANDS, ["tail", "clicks", "--from", "trim-horizon", "--limit", "2"], reader),
    );
    return reader.shown();
  };
  return { runtime, world, begin, stored, millrace: (line) => clock.finish(begin(line)) };
}

describe("agent run", () => {
  test("puts the lines of files until it is interrupted, and says how many they were", async () => {
    const { runtime, world, begin, stored } = await place();
    const { clock } = runtime.world;
    const ended = begin("agent run --config agent.json");
    await clock.runFor(5_000);
    world.interrupt();
    expect(await clock.finish(ended)).toBe(0);
    expect(world.complained()).toContain("/logs/app.log* goes to clicks at http://127.0.0.1:4566\n");
    expect(world.complained()).toMatch(
      /2 records stored, 8 B; how far it came is kept in \/var\/checkpoints\.millrace\n$/,
    );
    const texts = (await stored()).match(/one|two|three/g) ?? [];
    expect(texts.toSorted()).toEqual(["one", "two"]);
  });

  test("names everything that it cannot honour, with the reason, and starts nothing", async () => {
    const { runtime, world, millrace } = await place({
      "cloudwatch.emitMetrics": true,
      assumeRoleARN: "arn:aws:iam::123456789012:role/agent",
      flows: [{ filePattern: "/logs/*/app.log", deliveryStream: "clicks", bufferSize: 3 }],
    });
    expect(await millrace("agent run --config agent.json")).toBe(1);
    const complained = world.complained();
    expect(complained).toContain("agent.json cannot be honoured as it is:\n");
    expect(complained).toContain("  cloudwatch.emitMetrics: figures are not sent to CloudWatch");
    expect(complained).toContain("  assumeRoleARN: roles are not assumed");
    expect(complained).toContain("  flows[0].filePattern: patterns stand in the last part of the path only");
    expect(complained).toContain("  flows[0].deliveryStream: delivery streams are not there yet");
    expect(complained).toContain("  flows[0].bufferSize: no such option is known");
    expect(complained).toContain("--skip NAME goes on without an option.");
    expect(runtime.world.disk.paths().filter((path) => path.includes("millrace"))).toEqual([]);
  });

  test("goes on without an option that it is told to skip", async () => {
    const { runtime, world, begin } = await place({ ...CONFIG, "cloudwatch.emitMetrics": true });
    const { clock } = runtime.world;
    const ended = begin("agent run --config agent.json --skip cloudwatch.emitMetrics");
    await clock.runFor(5_000);
    world.interrupt();
    expect(await clock.finish(ended)).toBe(0);
    expect(world.complained()).toContain("2 records stored");
  });

  test.each([
    ["agent run --config missing.json", "missing.json"],
    ["agent status --config missing.json", "missing.json"],
  ])("%s says which file is not there", async (line, named) => {
    const { world, millrace } = await place();
    expect(await millrace(line)).toBe(1);
    expect(world.complained()).toContain(named);
  });

  test("says that another agent has the directory", async () => {
    const { runtime, world, begin, millrace } = await place();
    const first = begin("agent run --config agent.json");
    await runtime.world.clock.runFor(1_000);
    expect(await millrace("agent run --config agent.json")).toBe(1);
    expect(world.complained()).toContain("another agent is running with /var/checkpoints.millrace");
    world.interrupt();
    expect(await runtime.world.clock.finish(first)).toBe(0);
  });
});

describe("agent status", () => {
  test("says that no agent has run, and then how far each file is, while it runs and afterwards", async () => {
    const { runtime, world, begin, millrace } = await place();
    const { clock } = runtime.world;
    expect(await millrace("agent status --config agent.json")).toBe(1);
    expect(world.complained()).toContain("no agent has run with /var/checkpoints.millrace yet");
    const ended = begin("agent run --config agent.json");
    await clock.runFor(5_000);
    expect(await millrace("agent status --config agent.json")).toBe(0);
    expect(world.shown()).toContain("the agent is running; this was kept at");
    world.interrupt();
    await clock.finish(ended);
    const before = world.shown().length;
    expect(await millrace("agent status --state /var/checkpoints.millrace")).toBe(0);
    const shown = world.shown().slice(before).split("\n");
    expect(shown[0]).toMatch(/^the agent is not running; this was kept at /);
    expect(shown[2]).toBe("/logs/app.log* to clicks");
    expect(shown[3]?.split(/ {2,}/)).toEqual([
      "FILE",
      "STATE",
      "POSITION",
      "SIZE",
      "LAG",
      "RECORDS",
      "LEFT OUT",
      "REFUSED",
    ]);
    expect(shown[4]?.split(/ {2,}/).map((cell) => cell.trim())).toEqual([
      "/logs/app.log",
      "open",
      "8 B",
      "28 B",
      "20 B",
      "2",
      "0",
      "0",
    ]);
  });
});

describe("the help", () => {
  test.each(["run", "status"])("of agent %s shows its options and an example", async (name) => {
    const { world, millrace } = await place();
    expect(await millrace(`agent ${name} --help`)).toBe(0);
    for (const part of [`Usage: millrace agent ${name}`, "--config", "--state", "--skip", "agent.json"]) {
      expect(world.shown()).toContain(part);
    }
  });
});
