import { describe, expect, test } from "vitest";
import { commandHelp } from "../arguments/help.ts";
import { parseCommandLine } from "../arguments/parse.ts";
import { serve } from "../commands/serve.ts";
import { gatherSettings, type Settings } from "./settings.ts";

async function settings(
  line: string,
  environment: Record<string, string> = {},
  files: Record<string, string> = {},
): Promise<Settings> {
  const parsed = parseCommandLine([serve], ["serve", ...line.split(" ").filter(Boolean)]);
  if (parsed.kind !== "invocation") throw new Error("expected an invocation");
  return gatherSettings({
    invocation: parsed.invocation,
    environment,
    readFile: async (path) => {
      const text = files[path];
      if (text === undefined) throw new Error(`ENOENT: no such file, open '${path}'`);
      return text;
    },
  });
}

describe("the settings of a server", () => {
  test("are the defaults when nothing is said", async () => {
    expect(await settings("")).toMatchObject({
      host: "127.0.0.1",
      port: 4566,
      dataDir: ".millrace",
      durability: "fsync",
      engine: "journal",
      limits: "aws",
      dev: false,
      stream: [],
      tls: "off",
      logLevel: "info",
      logFormat: "text",
    });
  });

  test("come from flags, else variables, else the config file", async () => {
    const files = {
      "m.json": '{ "port": 1, "limits": "off", "data-dir": "/kept", "dev": true, "stream": ["a:2", "b"] }',
    };
    const environment = {
      MILLRACE_CONFIG: "m.json",
      MILLRACE_PORT: "2",
      MILLRACE_LIMITS: "aws",
      MILLRACE_HOST: "",
    };
    expect(await settings("--port 3", environment, files)).toMatchObject({
      port: 3,
      limits: "aws",
      dataDir: "/kept",
      dev: true,
      host: "127.0.0.1",
      stream: [
        { name: "a", shardCount: 2 },
        { name: "b", shardCount: 1 },
      ],
    });
  });

  test("gather streams given several times, in one flag or variable too", async () => {
    const streams = [
      { name: "a", shardCount: 2 },
      { name: "b", shardCount: 3 },
    ];
    expect((await settings("--stream a:2 --stream b:3")).stream).toEqual(streams);
    expect((await settings("--stream a:2,b:3")).stream).toEqual(streams);
    expect((await settings("", { MILLRACE_STREAM: "a:2 b:3" })).stream).toEqual(streams);
  });

  test("gather limits from flags and variables, and from an object in the config file", async () => {
    const limit = [
      { name: "shardReadCalls", value: 50 },
      { name: "ListStreams", value: 9 },
    ];
    expect((await settings("--limit shardReadCalls=50 --limit ListStreams=9")).limit).toEqual(limit);
    expect((await settings("", { MILLRACE_LIMIT: "shardReadCalls=50,ListStreams=9" })).limit).toEqual(limit);
    const files = {
      "object.json": '{ "limit": { "shardReadCalls": 50, "ListStreams": "9" } }',
      "list.json": '{ "limit": ["shardReadCalls=50", "ListStreams=9"] }',
    };
    for (const path of Object.keys(files))
      expect((await settings(`--config ${path}`, {}, files)).limit).toEqual(limit);
  });

  test("read sizes and durations with their units", async () => {
    expect(await settings("--memory 512MiB --transition-delay 2s")).toMatchObject({
      memory: 512 * 1024 * 1024,
      transitionDelay: 2_000,
    });
  });

  test.each<[line: string, environment: Record<string, string>, message: RegExp]>([
    ["--port http", {}, /^--port: "http" is not a whole number/],
    ["--port 65536", {}, /--port must be at most 65535/],
    ["", { MILLRACE_PORT: "http" }, /^MILLRACE_PORT: "http" is not a whole number/],
    ["--durability fsnyc", {}, /--durability: "fsnyc" is not one of fsync, memory; did you mean fsync\?/],
    ["--threads 65", {}, /--threads must be at most 64/],
    ["--host 0.0.0.0", {}, /--allow-anyone/],
    ["--tls-cert a.pem", {}, /--tls-cert needs --tls-key/],
    ["--stream a:0", {}, /--stream: "a:0" has no shard count of 1 or more/],
    ["--limit shardReadCals=1", {}, /--limit: "shardReadCals=1" is no limit; did you mean shardReadCalls\?/],
    ["--prot 1", {}, /serve has no option --prot\. Did you mean --port\?/],
    ["--config none.json", {}, /--config none\.json: ENOENT/],
    ["--config bad.json", {}, /--config bad\.json: .*JSON/],
    ["--config list.json", {}, /expected one JSON object/],
    ["--config unknown.json", {}, /prot in unknown\.json is not an option; did you mean port\?/],
    ["--config wrong.json", {}, /port in wrong\.json: "x" is not a whole number/],
    ["--config nested.json", {}, /port in nested\.json: expected a text, a number/],
    ["--config self.json", {}, /one config file cannot name another/],
  ])("%s %o are refused with the place and the reason", async (line, environment, message) => {
    const files = {
      "bad.json": "{",
      "list.json": "[]",
      "unknown.json": '{ "prot": 1 }',
      "wrong.json": '{ "port": "x" }',
      "nested.json": '{ "port": {} }',
      "self.json": '{ "config": "other.json" }',
    };
    await expect(settings(line, environment, files)).rejects.toMatchObject({
      name: "UsageError",
      message: expect.stringMatching(message) as string,
    });
  });

  test("are all in the help, with defaults and variables", () => {
    const help = commandHelp(serve);
    for (const words of [
      "--data-dir DIRECTORY",
      "--tls off|self-signed",
      "MILLRACE_DATA_DIR",
      "default: 4566",
    ]) {
      expect(help).toContain(words);
    }
    expect(help).toContain("Where it listens:");
  });
});
