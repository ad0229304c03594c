import { type Files, type Runtime, type SimulatedRuntime, simulatedRuntime } from "@millrace/runtime";
import { describe, expect, test } from "vitest";
import { FakeStream } from "./fake-stream.ts";
import { type Agent, AgentRunningError, readAgentConfig, readAgentStatus, startAgent } from "./index.ts";
import { gunzipAtOnce, LogWriter } from "./log-writer.ts";

type FlowOptions = Record<string, unknown>;

interface Setup {
  readonly runtime: SimulatedRuntime;
  readonly stream: FakeStream;
  readonly log: LogWriter;
  readonly begin: (flow?: FlowOptions) => Promise<Agent>;
  readonly beginIn: (process: Runtime, flow: FlowOptions) => Promise<Agent>;
  /** Begins in a new process. */
  readonly restart: (flow?: FlowOptions) => Promise<Agent>;
  /** Lets time pass. */
  readonly pass: (durationMs?: number) => Promise<void>;
}

async function setup(shardCount = 1): Promise<Setup> {
  const runtime = simulatedRuntime({ seed: 5 });
  const { clock } = runtime.world;
  await clock.finish(runtime.files.makeDirectory("/logs"));
  const stream = new FakeStream(shardCount);
  const beginIn = (process: Runtime, flow: FlowOptions) =>
    clock.finish(
      startAgent({
        config: configOf({ initialPosition: "START_OF_FILE", ...flow }),
        ...process,
        client: stream.client(process.clock),
        directory: "/state",
        hostName: "here",
        gunzip: gunzipAtOnce,
      }),
    );
  return {
    runtime,
    stream,
    log: new LogWriter(runtime.world.disk, "/logs"),
    beginIn,
    begin: (flow = {}) => beginIn(runtime, flow),
    restart: (flow = {}) => beginIn(runtime.world.start(), flow),
    pass: (durationMs = 3_000) => clock.runFor(durationMs),
  };
}

function configOf(flow: FlowOptions) {
  return readAgentConfig(
    JSON.stringify({ flows: [{ filePattern: "/logs/app.log*", kinesisStream: "clicks", ...flow }] }),
  );
}

const linesOf = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix} ${index}`);
const textOf = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join("");

describe("a file", () => {
  test("is put line by line, with its line ends, as it grows, and its last line when that is complete", async () => {
    const { runtime, stream, log, begin, pass } = await setup();
    const { clock } = runtime.world;
    await clock.finish(log.append("app.log", "one\ntwo\nthr"));
    await begin();
    await pass();
    expect(stream.stored.map(({ data }) => data)).toEqual(["one\n", "two\n"]);
    await clock.finish(log.append("app.log", "ee\n\n"));
    await pass();
    expect(stream.stored.map(({ data }) => data)).toEqual(["one\n", "two\n", "three\n", "\n"]);
  });

  test("that is there at the first start begins at its end, and one that comes later at its start", async () => {
    const { runtime, stream, log, begin, pass } = await setup();
    const { clock } = runtime.world;
    await clock.finish(log.append("app.log", "old\n"));
    const agent = await begin({ initialPosition: "END_OF_FILE" });
    await clock.finish(log.append("app.log", "new\n"));
    await clock.finish(log.append("app.log-other", "other\n"));
    await pass();
    expect(stream.lines.toSorted()).toEqual(["new", "other"]);
    await clock.finish(agent.stop());
    await clock.finish(log.append("app.log", "while it was away\n"));
    await clock.finish(log.append("app.log.later", "later\n"));
    await begin({ initialPosition: "END_OF_FILE" });
    await pass();
    expect(stream.lines.toSorted()).toEqual(["later", "new", "other", "while it was away"]);
  });

  test("that is renamed is read to its end before its successor", async () => {
    const { runtime, stream, log, begin, pass } = await setup();
    const { clock } = runtime.world;
    await clock.finish(log.append("app.log", textOf(linesOf("first", 50))));
    await begin({ partitionKeyOption: "FILE" });
    await pass(50);
    await clock.finish(log.append("app.log", "late\n"));
    await clock.finish(log.rename("app.log", "app.log.1"));
    await clock.finish(log.append("app.log", "second\n"));
    await clock.finish(log.append("app.log.1", "later, and without an end"));
    await pass(5_000);
    const expected = [...linesOf("first", 50), "late", "later, and without an end", "second"];
    expect(stream.lines).toEqual(expected);
  });

  test("that is copied and cut is read on in the copy", async () => {
    const { runtime, stream, log, begin, pass } = await setup();
    const { clock } = runtime.world;
    await clock.finish(log.append("app.log", textOf(linesOf("first", 20))));
    await begin({ partitionKeyOption: "FILE" });
    await pass();
    await clock.finish(log.append("app.log", "unread\n"));
    await clock.finish(log.copyTruncate("app.log", "app.log.1"));
    await clock.finish(log.append("app.log", textOf(linesOf("second, and longer than the first", 40))));
    await pass();
    expect(stream.lines).toEqual([
      ...linesOf("first", 20),
      "unread",
      ...linesOf("second, and longer than the first", 40),
    ]);
  });

  test("that is removed while it is open is read to its end", async () => {
    const { runtime, stream, log, begin, pass } = await setup();
    const { clock } = runtime.world;
    await clock.finish(log.append("app.log", "one\n"));
    await begin();
    await pass();
    await clock.finish(log.append("app.log", "two\n"));
    await clock.finish(log.remove("app.log"));
    await pass();
    expect(stream.lines).toEqual(["one", "two"]);
  });

  test("with the number of one that is gone is a new one", async () => {
    const { runtime, stream, log, begin, pass } = await setup();
    const { clock } = runtime.world;
    await clock.finish(log.append("app.log", "one\ntwo\n"));
    const agent = await begin();
    await pass();
    await clock.finish(agent.stop());
    // Cut and filled again: the same number, other content, and longer than before.
    const file = await clock.finish(runtime.files.open("/logs/app.log", { write: true }));
    await clock.finish(file.truncate(0));
    await clock.finish(log.append("app.log", "three\nfour\nfive\n"));
    await begin();
    await pass(20_000);
    expect(stream.lines).toEqual(["one", "two", "three", "four", "five"]);
  });

  test("that begins as the one before it is another, even when both are there for the first time", async () => {
    const { runtime, stream, log, begin, pass } = await setup();
    const { clock } = runtime.world;
    await clock.finish(log.append("app.log", "name,age\n"));
    await begin({ partitionKeyOption: "FILE" });
    await pass();
    await clock.finish(log.append("app.log", "ana,1\n"));
    await clock.finish(log.copyTruncate("app.log", "app.log.1"));
    await clock.finish(log.append("app.log", "name,age\nbo,2\n"));
    await clock.finish(log.rename("app.log", "app.log.2"));
    await clock.finish(log.append("app.log", "name,age\n"));
    await pass(20_000);
    expect(stream.lines).toEqual(["name,age", "ana,1", "name,age", "bo,2", "name,age"]);
  });

  test("that was read and is not stored when the agent is killed is read again in its place, wherever it is by then", async () => {
    const { runtime, stream, log, begin, pass, restart } = await setup();
    const { clock } = runtime.world;
    await begin({ partitionKeyOption: "FILE" });
    stream.fault = () => "before";
    await clock.finish(log.append("app.log", textOf(linesOf("first", 5))));
    await pass(1_000);
    await clock.finish(log.rename("app.log", "app.log.1"));
    await clock.finish(log.append("app.log", textOf(linesOf("second", 5))));
    await pass(5_000);
    runtime.world.crash({ powerCut: false });
    await clock.finish(log.compress("app.log.1"));
    await clock.finish(log.rename("app.log", "app.log.2"));
    await clock.finish(log.append("app.log", textOf(linesOf("third", 5))));
    stream.fault = () => undefined;
    await restart({ partitionKeyOption: "FILE" });
    await pass(20_000);
    expect(stream.lines).toEqual([...linesOf("first", 5), ...linesOf("second", 5), ...linesOf("third", 5)]);
  });

  test("that is one of several put aside while the agent was away comes in the order of writing", async () => {
    const { runtime, stream, log, begin, pass } = await setup();
    const { clock } = runtime.world;
    const agent = await begin({ partitionKeyOption: "FILE" });
    await clock.finish(agent.stop());
    const expected: string[] = [];
    // Names say nothing of the order: programs count in both directions.
    for (const name of ["app.log.7", "app.log.3", "app.log.5", "app.log.1"]) {
      const lines = linesOf(name, 3);
      expected.push(...lines);
      await clock.finish(log.append("app.log", textOf(lines)));
      await pass(10);
      await clock.finish(log.rename("app.log", name));
    }
    await clock.finish(log.compress("app.log.3"));
    await clock.finish(log.append("app.log", "last\n"));
    await begin({ partitionKeyOption: "FILE" });
    await pass(20_000);
    expect(stream.lines).toEqual([...expected, "last"]);
  });

  test.each([
    { numbers: "grow", names: ["app.log.1", "app.log.2", "app.log.9", "app.log.10"], archived: "app.log.10" },
    { numbers: "shrink", names: ["app.log.4", "app.log.3", "app.log.2", "app.log.1"], archived: "app.log.1" },
    {
      numbers: "are dates",
      names: ["app.log-20261121", "app.log-20261122"],
      archived: "app.log-20261122",
    },
  ])(
    "that was put aside in the same tick of the kernel's clock as another comes in its turn when numbers $numbers",
    async ({ names, archived }) => {
      const { runtime, stream, log, begin, pass } = await setup();
      const { clock, disk } = runtime.world;
      const agent = await begin({ partitionKeyOption: "FILE" });
      await clock.finish(agent.stop());
      const expected: string[] = [];
      for (const name of names) {
        const lines = linesOf(name, 3);
        expected.push(...lines);
        await clock.finish(log.append("app.log", textOf(lines)));
        await pass(10);
        await clock.finish(log.rename("app.log", name));
      }
      await clock.finish(log.compress(archived));
      for (const name of names.slice(-2)) {
        disk.setModified(`/logs/${name === archived ? `${name}.gz` : name}`, clock.nowMs());
      }
      await begin({ partitionKeyOption: "FILE" });
      await pass(20_000);
      expect(stream.lines).toEqual(expected);
    },
  );

  test("that is put aside in the middle of a look at the directory comes before its successor", async () => {
    const { runtime, stream, log, beginIn, pass } = await setup();
    const { clock } = runtime.world;
    const { files } = runtime;
    let isArmed = false;
    const moving: Files = {
      ...files,
      async list(directory) {
        const names = await files.list(directory);
        if (isArmed && directory === "/logs") {
          isArmed = false;
          await log.rename("app.log", "app.log.2");
          await log.append("app.log", "third\n");
        }
        return names;
      },
    };
    await clock.finish(log.append("app.log", "first\n"));
    await beginIn({ ...runtime, files: moving }, { partitionKeyOption: "FILE" });
    await pass();
    await clock.finish(log.rename("app.log", "app.log.1"));
    await clock.finish(log.append("app.log", "second\n"));
    isArmed = true;
    await pass(20_000);
    expect(isArmed).toBe(false);
    expect(stream.lines).toEqual(["first", "second", "third"]);
  });

  test("is put again from the last checkpoint after a crash, and not before it", async () => {
    const { runtime, stream, log, begin, pass, restart } = await setup();
    const { world } = runtime;
    world.disk.place("/logs/app.log", Buffer.from(textOf(linesOf("a", 10))));
    await begin();
    await pass();
    world.crash({ powerCut: true });
    await restart();
    await world.clock.finish(log.append("app.log", "b\n"));
    await pass();
    expect(stream.lines).toEqual([...linesOf("a", 10), "b"]);
  });
});

describe("records", () => {
  test("of several lines begin where the pattern matches, and the last goes when nothing more comes", async () => {
    const { runtime, stream, log, begin, pass } = await setup();
    const { clock } = runtime.world;
    await clock.finish(log.append("app.log", "[1] a\n  at b\n  at c\n[2] d\n"));
    await begin({ multiLineStartPattern: "\\[", maxBufferAgeMillis: 2_000 });
    await pass(1_000);
    expect(stream.stored.map(({ data }) => data)).toEqual([]);
    await pass(4_000);
    expect(stream.stored.map(({ data }) => data)).toEqual(["[1] a\n  at b\n  at c\n", "[2] d\n"]);
  });

  test("leave out header lines and what stands behind the footer", async () => {
    const { runtime, stream, log, begin, pass } = await setup();
    const { clock } = runtime.world;
    await clock.finish(log.append("app.log", "name,age\n----\nana,1\n"));
    const agent = await begin({ skipHeaderLines: 2, fileFooterPattern: "END.*" });
    await pass();
    await clock.finish(agent.stop());
    await begin({ skipHeaderLines: 2, fileFooterPattern: "END.*" });
    await clock.finish(log.append("app.log", "bo,2\nEND of file\nrubbish\n"));
    await pass();
    expect(stream.lines).toEqual(["ana,1", "bo,2"]);
  });

  test("that are too long are cut, and end with the terminator", async () => {
    const { runtime, stream, log, begin, pass } = await setup();
    const { clock } = runtime.world;
    await clock.finish(log.append("app.log", `${"x".repeat(3_000_000)}\nnext\n`));
    await begin({ truncatedRecordTerminator: "…\n" });
    await pass(20_000);
    expect(stream.lines).toHaveLength(2);
    expect(stream.stored[0]?.data).toMatch(/^x+…\n$/);
    expect(Buffer.byteLength(stream.stored[0]?.data ?? "")).toBe(1_048_566);
    expect(stream.lines[1]).toBe("next");
  });

  test("that the service refuses are counted and passed over, packed or not", async () => {
    for (const aggregation of [false, true]) {
      const { runtime, stream, log, begin, pass } = await setup();
      const { clock } = runtime.world;
      stream.isRefused = (data) => data.startsWith("bad");
      await clock.finish(log.append("app.log", "one\nbad\n"));
      const agent = await begin({ partitionKeyOption: "FILE", aggregation });
      await pass();
      await clock.finish(log.append("app.log", "two\nthree\n"));
      await pass();
      // Of what is packed all is refused: the service takes a packed record or does not.
      expect(stream.lines).toEqual(aggregation ? ["two", "three"] : ["one", "two", "three"]);
      const [status] = await clock.finish(agent.status());
      const refusedCount = aggregation ? 2 : 1;
      expect(status?.files[0]).toMatchObject({ storedCount: 4 - refusedCount, refusedCount, lagBytes: 0 });
      expect(status?.lastFailure?.message).toContain("a record was refused: ValidationException");
      await clock.finish(agent.stop());
    }
  });

  test("wait for as long as the stream cannot be reached", async () => {
    const { runtime, stream, log, begin, pass } = await setup();
    const { clock } = runtime.world;
    stream.fault = () => "before";
    await clock.finish(log.append("app.log", "one\n"));
    const agent = await begin();
    await pass(600_000);
    expect(stream.lines).toEqual([]);
    expect((await clock.finish(agent.status()))[0]?.files[0]).toMatchObject({ lagBytes: 4, storedCount: 0 });
    stream.fault = () => undefined;
    await pass(30_000);
    expect(stream.lines).toEqual(["one"]);
  });

  test("of one log are packed, and wait for others; one by itself, and one that fills a record, go bare", async () => {
    const { runtime, stream, log, begin, pass } = await setup();
    const { clock } = runtime.world;
    await clock.finish(log.append("app.log", "alone\n"));
    await begin({ partitionKeyOption: "FILE", maxBufferAgeMillis: 5_000 });
    await pass(6_000);
    expect(stream.puts).toEqual([["alone\n"]]);
    for (const line of ["a\n", "b\n", "c\n"]) {
      await clock.finish(log.append("app.log", line));
      await pass(1_000);
    }
    expect(stream.puts).toHaveLength(1);
    await pass(4_000);
    expect(stream.puts.slice(1)).toEqual([["a\n", "b\n", "c\n"]]);
    // More than a pack holds does not wait.
    const long = `${"x".repeat(600_000)}\n`;
    await clock.finish(log.append("app.log", `d\ne\n${long}f\n`));
    await pass(1_000);
    expect(stream.puts.slice(2)).toEqual([["d\n", "e\n"], [long], ["f\n"]]);
  });

  test("are packed with one drawn key for each pack, when keys are drawn", async () => {
    const { runtime, stream, log, begin, pass } = await setup();
    await runtime.world.clock.finish(log.append("app.log", textOf(linesOf("a", 5))));
    await begin({ aggregation: true });
    await pass();
    expect(stream.puts).toEqual([linesOf("a", 5).map((line) => `${line}\n`)]);
    expect(new Set(stream.stored.map(({ partitionKey }) => partitionKey)).size).toBe(1);
  });

  test("get a drawn key, one of their content, or the one of their log", async () => {
    const keysWith = async (partitionKeyOption: string) => {
      const { runtime, stream, log, begin, pass } = await setup();
      await runtime.world.clock.finish(log.append("app.log", "one\ntwo\none\n"));
      await begin({ partitionKeyOption });
      await pass();
      return stream.stored.map(({ partitionKey }) => partitionKey);
    };
    expect(new Set(await keysWith("RANDOM")).size).toBe(3);
    const [one, two, again] = await keysWith("DETERMINISTIC");
    expect(one).toMatch(/^[\da-f]{32}$/);
    expect([two === one, again === one]).toEqual([false, true]);
    expect(await keysWith("FILE")).toEqual(Array(3).fill("here:/logs/app.log"));
  });
});

describe("checkpoints", () => {
  test("keep a second agent from the same directory, and show how far it is to those who ask", async () => {
    const { runtime, log, begin, pass } = await setup();
    const { clock } = runtime.world;
    expect(
      await clock.finish(readAgentStatus(runtime.files, "/state").catch(() => undefined)),
    ).toBeUndefined();
    await clock.finish(log.append("app.log", "one\ntwo"));
    const agent = await begin();
    await pass();
    await expect(begin()).rejects.toThrow(AgentRunningError);
    const expected = {
      flows: [
        {
          filePattern: "/logs/app.log*",
          stream: "clicks",
          files: [
            {
              path: "/logs/app.log",
              state: "open",
              positionBytes: 4,
              sizeBytes: 7,
              lagBytes: 3,
              storedCount: 1,
            },
          ],
        },
      ],
    };
    expect(await clock.finish(readAgentStatus(runtime.files, "/state"))).toMatchObject({
      isRunning: true,
      ...expected,
    });
    await clock.finish(agent.stop());
    expect(await clock.finish(readAgentStatus(runtime.files, "/state"))).toMatchObject({
      isRunning: false,
      ...expected,
    });
  });

  test("do not pass what was given up at the end: it is put by the next run", async () => {
    const { runtime, stream, log, begin, pass } = await setup();
    const { clock } = runtime.world;
    stream.fault = () => "before";
    await clock.finish(log.append("app.log", "one\n"));
    const agent = await begin();
    await pass();
    await clock.finish(agent.stop());
    stream.fault = () => undefined;
    await begin();
    await pass();
    expect(stream.lines).toEqual(["one"]);
  });
});
