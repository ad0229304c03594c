import { describe, expect, test } from "vitest";
import { checkOptions, isLoopback } from "./check-options.ts";
import { flagOf, optionDeclarations, optionNames, variableOf } from "./declarations.ts";
import type { OptionDeclaration } from "./declarations.ts";
import { limitOptions } from "./limit-override.ts";
import { defaultMemoryBytes } from "./memory.ts";
import { editDistance, nearest } from "./nearest.ts";
import { OptionError } from "./option-error.ts";
import { optionNamed, readOption } from "./read-option.ts";
import { parseDurationMs, parseSizeBytes } from "./values.ts";

describe("the table", () => {
  test("names of flags and variables come from the names of options", () => {
    expect(flagOf("dataDir")).toBe("--data-dir");
    expect(variableOf("dataDir")).toBe("MILLRACE_DATA_DIR");
    expect(flagOf("tlsCert")).toBe("--tls-cert");
  });

  test("every default is a value that the option itself takes", () => {
    const checked = checkOptions({}) as unknown as Record<string, unknown>;
    for (const name of optionNames) expect(checked[name]).toEqual(optionDeclarations[name].default);
  });

  test("every option says in a sentence what it is for, and choices list their values", () => {
    for (const name of optionNames) {
      const declaration = optionDeclarations[name] as OptionDeclaration;
      expect(declaration.description).toMatch(/^[A-Za-z].*\.$/);
      expect(declaration.values !== undefined).toBe(declaration.kind === "choice");
    }
  });
});

describe("reading", () => {
  test.each([
    ["port", "8080", 8080],
    ["dev", "true", true],
    ["dev", "off", false],
    ["memory", "512MiB", 536_870_912],
    ["memory", "1g", 1_073_741_824],
    ["durability", "memory", "memory"],
    ["transitionDelay", "1.5s", 1500],
    [
      "stream",
      "clicks:2,logs",
      [
        { name: "clicks", shardCount: 2 },
        { name: "logs", shardCount: 1 },
      ],
    ],
    ["dataDir", "/var/lib/millrace", "/var/lib/millrace"],
    [
      "limit",
      "shardReadCalls=50,shardWriteBytes=5MiB",
      [
        { name: "shardReadCalls", value: 50 },
        { name: "shardWriteBytes", value: 5_242_880 },
      ],
    ],
    [
      "limit",
      "creatingStreams=off ListStreams=100",
      [
        { name: "creatingStreams", value: Infinity },
        { name: "ListStreams", value: 100 },
      ],
    ],
  ] as const)("%s from %s", (name, text, value) => {
    expect(readOption(name, text, flagOf(name))).toEqual(value);
  });

  test.each([
    ["port", "eighty", '--port: "eighty" is not a whole number'],
    ["dev", "maybe", '--dev: "maybe" is neither true nor false'],
    ["durability", "fsinc", '--durability: "fsinc" is not one of fsync, memory; did you mean fsync?'],
    ["limits", "none", '--limits: "none" is not one of aws, off'],
    ["memory", "lots", '--memory: "lots" is not a size; write for example 512MiB'],
    ["transitionDelay", "50", '--transition-delay: "50" is not a duration; write for example 50ms or 2s'],
    ["stream", "clicks:0", '--stream: "clicks:0" has no shard count of 1 or more; write NAME:SHARDS'],
    [
      "stream",
      "a/b:1",
      `--stream: "a/b:1" has no stream name of 1 to 128 letters, digits, '_', '.' or '-'; write NAME:SHARDS`,
    ],
    ["dataDir", "", '--data-dir: "" is empty'],
    ["limit", "shardReadCall=50", '--limit: "shardReadCall=50" is no limit; did you mean shardReadCalls?'],
    [
      "limit",
      "shardReadCalls",
      '--limit: "shardReadCalls" has no value; write NAME=VALUE, for example shardReadCalls=50',
    ],
    [
      "limit",
      "shardReadCalls=0.5",
      '--limit: "shardReadCalls=0.5" is not a whole number of GetRecords calls per second and shard above 0, nor off',
    ],
    [
      "limit",
      "ListStreams=0",
      '--limit: "ListStreams=0" is not a whole number of calls per second above 0, nor off',
    ],
    [
      "limit",
      "iteratorLifeMs=5",
      '--limit: "iteratorLifeMs=5" cannot be changed: it is part of the contract',
    ],
    [
      "limit",
      "PutRecord=5",
      '--limit: "PutRecord=5" cannot be changed: calls of this operation are not counted',
    ],
  ] as const)("%s refuses %j with the reason", (name, text, message) => {
    expect(() => readOption(name, text, flagOf(name))).toThrow(new OptionError(name, message));
  });

  test("a word that is near no limit is told all of them", () => {
    for (const word of ["help", "xyzzy=1"]) {
      expect(() => readOption("limit", word, "--limit")).toThrow(
        /is no limit\. There are shardWriteBytes, .*, ListStreams/,
      );
    }
  });

  test("keys are understood with dashes, underscores or capitals, and others get the nearest one", () => {
    for (const key of ["dataDir", "data-dir", "data_dir"]) expect(optionNamed(key, key)).toBe("dataDir");
    expect(() => optionNamed("dataDri", "--data-dri")).toThrow(
      "--data-dri is not an option; did you mean dataDir?",
    );
    expect(() => optionNamed("xyzzy", "xyzzy")).toThrow(/is not an option$/);
  });
});

describe("checking", () => {
  test.each([
    [{ port: 70_000 }, "--port must be at most 65535, not 70000"],
    [{ port: 1.5 }, "--port must be a whole number, not 1.5"],
    [{ memory: 1000 }, "--memory must be at least 16777216, not 1000"],
    [{ threads: 65 }, "--threads must be at most 64, not 65"],
    [{ durability: "fsinc" }, '--durability must be one of fsync, memory, not "fsinc"; did you mean fsync?'],
    [{ prot: 1 }, "there is no option prot; did you mean port?"],
    [
      { limit: [{ name: "shardReadCals", value: 1 }] },
      "--limit shardReadCals=1 is no limit; did you mean shardReadCalls?",
    ],
    [{ limit: [{ name: "shardReadCalls", value: 0 }] }, "--limit shardReadCalls=0 is not a whole number"],
    [{ dev: "yes" }, '--dev must be true or false, not "yes"'],
    [{ tlsCert: "a.pem" }, "--tls-cert needs --tls-key beside it"],
    [{ tlsKey: "a.pem" }, "--tls-key needs --tls-cert beside it"],
    [
      { tls: "self-signed", tlsCert: "a", tlsKey: "b" },
      "--tls self-signed makes a certificate; leave it out when --tls-cert gives one",
    ],
  ])("%j is refused", (given, message) => {
    expect(() => checkOptions(given as never)).toThrow(message);
  });

  test("listening beyond loopback must be confirmed", () => {
    expect(() => checkOptions({ host: "0.0.0.0" })).toThrow(/Add --allow-anyone if that is meant/);
    expect(checkOptions({ host: "0.0.0.0", allowAnyone: true }).host).toBe("0.0.0.0");
  });

  test.each([
    "127.0.0.1",
    "127.9.9.9",
    "localhost",
    "kinesis.localhost",
    "::1",
    "[::1]",
    "::ffff:127.0.0.1",
    "LOCALHOST",
  ])("%s is loopback", (host) => expect(isLoopback(host)).toBe(true));

  test.each([
    "0.0.0.0",
    "::",
    "10.0.0.1",
    "localhost.example.com",
    "127.0.0.1.example.com",
    "::ffff:10.0.0.1",
    "",
  ])("%j is not loopback", (host) => expect(isLoopback(host)).toBe(false));
});

test("the memory bound is a quarter of what the machine or the container has", () => {
  expect(defaultMemoryBytes({ totalBytes: 8_000 })).toBe(2_000);
  expect(defaultMemoryBytes({ totalBytes: 8_000, cgroupLimitBytes: 4_000 })).toBe(1_000);
  expect(defaultMemoryBytes(undefined)).toBe(268_435_456);
});

test("of several values for one limit the last one counts, and operations are told from rates", () => {
  const limit = [
    { name: "shardReadCalls", value: 5 },
    { name: "ListStreams", value: 9 },
    { name: "shardReadCalls", value: 7 },
  ];
  expect(limitOptions({ limits: "off", limit })).toEqual({
    mode: "off",
    overrides: { shardReadCalls: 7 },
    callsPerSecond: { ListStreams: 9 },
  });
});

test("sizes and durations", () => {
  expect(["10", "10b", "1kb", "1KiB", "1.5 MiB", "2G", "x", "1 parsec", "-1"].map(parseSizeBytes)).toEqual([
    10,
    10,
    1000,
    1024,
    1_572_864,
    2_147_483_648,
    undefined,
    undefined,
    undefined,
  ]);
  expect(["250ms", "90s", "1h30m", "1 d", "1.5h", "2w", "10", "", "1y"].map(parseDurationMs)).toEqual([
    250,
    90_000,
    5_400_000,
    86_400_000,
    5_400_000,
    1_209_600_000,
    undefined,
    undefined,
    undefined,
  ]);
});

test("the nearest word is the one with the fewest slips, and none when all are far", () => {
  expect(editDistance("kitten", "sitting")).toBe(3);
  expect(editDistance("prot", "port")).toBe(1);
  expect(nearest("thortle", ["throttle", "fail", "drop"])).toBe("throttle");
  expect(nearest("zzzzzz", ["throttle", "fail", "drop"])).toBeUndefined();
  expect(nearest("prot", ["port", "protocol"])).toBe("protocol");
});
