import { describe, expect, test } from "vitest";
import type { CommandSpec } from "./command.ts";
import { formatDuration } from "./duration.ts";
import { commandHelp, programHelp } from "./help.ts";
import { didYouMean } from "./nearest.ts";
import { parseCommandLine } from "./parse.ts";
import { parseStartPosition } from "./start-position.ts";

const create: CommandSpec = {
  name: "stream create",
  summary: "Create a stream",
  arguments: [{ name: "STREAM", description: "name of the stream" }],
  options: [
    { name: "shards", value: "N", description: "How many", default: "1", variable: "SHARDS" },
    { name: "tag", value: "NAME=VALUE", description: "Tag it", repeatable: true },
    { name: "mode", value: "M", choices: ["provisioned", "on-demand"], description: "Which", group: "More" },
    { name: "no-wait", description: "Do not wait" },
  ],
  examples: [["millrace stream create a --shards 2", "two shards"]],
};
const ls: CommandSpec = { name: "stream ls", summary: "List", arguments: [], options: [], examples: [] };
const tail: CommandSpec = {
  name: "tail",
  summary: "Follow",
  arguments: [{ name: "STREAM", description: "name" }],
  options: [{ name: "from", value: "WHERE", description: "Where" }],
  examples: [],
};
const commands = [create, ls, tail];

const parse = (line: string) => parseCommandLine(commands, line.split(" ").filter(Boolean));

function invocation(line: string) {
  const parsed = parse(line);
  if (parsed.kind !== "invocation") throw new Error("expected an invocation");
  return parsed.invocation;
}

describe("a command line", () => {
  test("names a command of one or two words, its arguments and options in any order", () => {
    expect(invocation("stream create --shards 2 clicks --no-wait --tag a=b --tag=c=d")).toEqual({
      command: create,
      arguments: { STREAM: "clicks" },
      options: { shards: ["2"], "no-wait": true, tag: ["a=b", "c=d"] },
    });
    expect(invocation("tail clicks").command).toBe(tail);
  });

  test("takes what follows -- as an argument", () => {
    expect(invocation("tail -- --clicks").arguments).toEqual({ STREAM: "--clicks" });
  });

  test("takes a value that begins with one dash", () => {
    expect(invocation("tail clicks --from -5m").options).toEqual({ from: ["-5m"] });
    expect(invocation("tail clicks --from=-5m").options).toEqual({ from: ["-5m"] });
  });

  test.each([
    ["strem create a", "there is no command strem. Did you mean stream?"],
    ["tial a", "there is no command tial. Did you mean tail?"],
    ["xyzzy", "there is no command xyzzy."],
    ["stream craete a", "there is no command stream craete; stream has create, ls. Did you mean create?"],
    ["stream create a --shard 2", "stream create has no option --shard. Did you mean --shards?"],
    ["stream create a --nowait", "stream create has no option --nowait. Did you mean --no-wait?"],
    ["stream create a -x", "stream create has no option -x."],
    ["stream create a --shards", "--shards needs a value: --shards N"],
    ["stream create a --shards --no-wait", "--shards needs a value: --shards N"],
    ["stream create a --no-wait=yes", "--no-wait is a switch and takes no value"],
    ["stream create a --shards 1 --shards 2", "--shards is given twice"],
    [
      "stream create a --mode ondemand",
      "--mode ondemand: expected provisioned or on-demand. Did you mean on-demand?",
    ],
    ["stream create", "stream create needs STREAM: name of the stream"],
    ["tail a b", 'tail does not know what to do with "b"'],
  ])("%s is refused with the reason", (line, message) => {
    expect(() => parse(line)).toThrow(expect.objectContaining({ name: "UsageError", message }) as Error);
  });

  test.each([
    ["", undefined, undefined],
    ["--help", undefined, undefined],
    ["help", undefined, undefined],
    ["stream", undefined, "stream"],
    ["stream --help", undefined, "stream"],
    ["help stream", undefined, "stream"],
    ["stream create --help", create, undefined],
    ["stream create a -h", create, undefined],
    ["help stream create", create, undefined],
    ["help tail", tail, undefined],
  ])("'%s' asks for help", (line, command, group) => {
    expect(parse(line)).toEqual({ kind: "help", command, group });
  });
});

describe("help", () => {
  test("of a command says everything about it", () => {
    expect(commandHelp(create)).toBe(
      [
        "Create a stream",
        "",
        "Usage: millrace stream create STREAM [options]",
        "",
        "  STREAM  name of the stream",
        "",
        "Options:",
        "  --shards N                    How many (default: 1; or SHARDS)",
        "  --tag NAME=VALUE              Tag it (may be repeated)",
        "  --no-wait                     Do not wait",
        "",
        "More:",
        "  --mode provisioned|on-demand  Which",
        "",
        "Examples:",
        "  # two shards",
        "  millrace stream create a --shards 2",
        "",
      ].join("\n"),
    );
  });

  test("keeps to the width", () => {
    const long = {
      ...tail,
      options: [{ name: "from", value: "WHERE", description: "word ".repeat(60).trim() }],
    };
    for (const line of commandHelp(long, 60).split("\n")) expect(line.length).toBeLessThanOrEqual(60);
  });

  test("of the program or of a group lists commands", () => {
    expect(programHelp(commands)).toContain(
      "  stream create  Create a stream\n  stream ls      List\n  tail           Follow\n",
    );
    expect(programHelp(commands, "stream")).not.toContain("tail");
  });
});

describe("the nearest word", () => {
  test.each([
    ["shrads", " Did you mean shards?"],
    ["shard", " Did you mean shards?"],
    ["prot", " Did you mean protocol?"],
    ["zzzzzz", ""],
  ])("to %s is suggested as%s", (word, expected) => {
    expect(didYouMean(word, ["shards", "protocol", "region"])).toBe(expected);
  });
});

describe("durations", () => {
  test.each([
    [250, "250 ms"],
    [90_000, "1 min 30 s"],
    [25 * 3_600_000, "25 h"],
    [7 * 86_400_000, "7 d"],
    [86_400_000 * 3 + 3_600_000 * 2 + 60_000, "3 d 2 h"],
  ])("%s ms is said as %s", (durationMs, text) => {
    expect(formatDuration(durationMs)).toBe(text);
  });
});

describe("where reading begins", () => {
  const nowMs = Date.UTC(2026, 10, 20, 16);
  test.each([
    ["latest", { kind: "LATEST" }],
    ["TRIM_HORIZON", { kind: "TRIM_HORIZON" }],
    ["-5m", { kind: "AT_TIMESTAMP", timestampMs: nowMs - 300_000 }],
    ["2026-11-20T15:00:00Z", { kind: "AT_TIMESTAMP", timestampMs: nowMs - 3_600_000 }],
    [
      "sequence:49660000000000000000001",
      { kind: "AT_SEQUENCE_NUMBER", sequenceNumber: "49660000000000000000001" },
    ],
    ["1795184401.5", { kind: "AT_TIMESTAMP", timestampMs: 1_795_184_401_500 }],
  ])("%s is understood", (text, expected) => {
    expect(parseStartPosition(text, nowMs)).toEqual(expected);
  });

  test.each(["yesterday", "-5", "5m", "2026-99-99", "17", "sequence:", "sequence:x"])(
    "%s is refused",
    (text) => {
      expect(() => parseStartPosition(text, nowMs)).toThrow(/expected latest, trim-horizon/);
    },
  );
});
