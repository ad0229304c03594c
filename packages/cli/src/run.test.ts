import { type SimulatedClock, simulatedClock } from "@millrace/runtime";
import { describe, expect, test } from "vitest";
import { commandHelp } from "./arguments/help.ts";
import { parseCommandLine } from "./arguments/parse.ts";
import { COMMANDS } from "./commands/index.ts";
import { runCommand } from "./run.ts";
import { type TestWorld, testWorld, type TestWorldOptions } from "./test-world.ts";

async function millrace(
  line: string,
  options: TestWorldOptions = {},
): Promise<{ code: number; world: TestWorld }> {
  const clock = (options.clock as SimulatedClock | undefined) ?? simulatedClock();
  const world = testWorld({ ...options, clock });
  return { code: await clock.finish(runCommand(COMMANDS, line.split(" ").filter(Boolean), world)), world };
}

describe("help", () => {
  test("without a command is shown, and counts as a wrong command line", async () => {
    const { code, world } = await millrace("");
    expect(code).toBe(2);
    expect(world.shown()).toContain("Usage: millrace COMMAND");
  });

  test("that was asked for ends well", async () => {
    expect((await millrace("help")).code).toBe(0);
    expect((await millrace("stream --help")).world.shown()).toContain("stream create");
    expect((await millrace("put --help")).world.shown()).toContain("--key-field FIELD");
  });

  test.each(COMMANDS.map((command) => [command.name, command] as const))(
    "of %s fits on a screen's width",
    (_name, command) => {
      for (const line of commandHelp(command).split("\n")) {
        // Examples are to be copied, so they are not broken.
        if (!line.startsWith("  ") || line.startsWith("   ")) expect(line.length).toBeLessThanOrEqual(100);
      }
    },
  );

  const examples = COMMANDS.flatMap((command) =>
    command.examples.map(([example]) => [example, command] as const),
  );
  test.each(examples)("the example is a command line that works: %s", (example, command) => {
    const words = /millrace (?<line>[^|<]*)/.exec(example)?.groups?.["line"] ?? "";
    const argv = (words.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll("'", ""));
    expect(parseCommandLine(COMMANDS, argv)).toMatchObject({ kind: "invocation", invocation: { command } });
  });
});

describe("what goes wrong", () => {
  test("on the command line is told with the nearest right word and where to read on, with code 2", async () => {
    const { code, world } = await millrace("put clicks --kye a");
    expect(code).toBe(2);
    expect(world.complained()).toBe(
      "millrace: put has no option --kye. Did you mean --key?\n`millrace put --help` tells more.\n",
    );
  });

  test("when nobody answers is told with a hint, with code 1", async () => {
    const { code, world } = await millrace("stream ls --endpoint http://127.0.0.1:9");
    expect(code).toBe(1);
    expect(world.complained()).toContain("ConnectionFailed: connect ECONNREFUSED 127.0.0.1:9");
    expect(world.complained()).toContain("millrace serve");
  });

  test.each([
    ["stream create a --shards 0", "--shards 0: expected a whole number from 1 to 10000. The nearest is 1."],
    ["stream create a --shards many", "--shards many: expected a whole number from 1 to 10000."],
    ["stream create a --shards 2 --on-demand", "--shards and --on-demand exclude each other"],
    ["stream create a --tag web", "--tag web: expected NAME=VALUE"],
    ["stream ls --endpoint localhost:4566", "expected a URL such as http://localhost:4566, or aws"],
    ["stream scale a 1.5", "COUNT 1.5: expected a whole number"],
    ["tail a --from yesterday", "--from yesterday: expected latest, trim-horizon"],
    ["put a --key-field x --key-regex y", "--key-field and --key-regex exclude each other"],
    ["put a --key-regex (", "--key-regex (: Invalid regular expression"],
    ["fault add throtle", "KIND throtle: expected throttle, fail, delay, drop, partial"],
    ["fault add throttle --share 2", "--share 2: expected a share from 0 to 1"],
    ["fault add delay --delay 5", "--delay 5: expected a duration with its unit"],
    ["fault clear x", "ID x: expected the number of a fault"],
  ])("%s is refused before anything is sent", async (line, reason) => {
    const { code, world } = await millrace(line);
    expect(world.complained()).toContain(reason);
    expect(code).toBe(2);
  });
});

test("the version is that of the package", async () => {
  expect((await millrace("version")).world.shown()).toMatch(/^millrace \d+\.\d+\.\d+\n$/);
});
