import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Millrace, startMillrace } from "millrace";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const pathOf = (name: string) => fileURLToPath(new URL(name, import.meta.url));

async function run(command: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...environment },
  });
  let [printed, errors] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, lines: printed.trimEnd().split("\n"), errors };
}

describe("a web log", () => {
  test("comes out for each of two consumers as it went in, through three reshards, and once more in a replay", async () => {
    const { code, lines, errors } = await run(process.execPath, [pathOf("01-web-log/run.mjs")]);
    expect(code, errors).toBe(0);
    expect(lines).toEqual(
      expect.arrayContaining([
        expect.stringContaining("web went from 2 to 4 open shards"),
        expect.stringContaining("was split"),
        expect.stringContaining("were merged"),
        expect.stringMatching(/^polling +20,000 +9 +\d+ {2}yes$/),
        expect.stringMatching(/^pushed +20,000 +9 +\d+ {2}yes$/),
        expect.stringMatching(/^replay +\d{1,2},\d{3} +\d +\d+ {2}yes$/),
        "all 20,000 lines came out as they went in",
      ]),
    );
  }, 150_000);

  test("is the same for the same seed, and no two of its lines are equal", async () => {
    const generate = async (seed: string) =>
      (await run(process.execPath, [pathOf("01-web-log/generate.mjs"), "--records", "3000", "--seed", seed]))
        .lines;
    const [one, again, other] = await Promise.all([generate("7"), generate("7"), generate("8")]);
    expect(one).toEqual(again);
    expect(one).not.toEqual(other);
    expect(new Set(one).size).toBe(3_000);
    for (const line of one) {
      expect(line).toMatch(
        /^\S+ - \S+ \[\d\d\/Nov\/2026:\d\d:\d\d:\d\d \+0000\] ".*" \d{3} \d+ "[^"]*" ".*"$/,
      );
    }
  });

  describe("its check", () => {
    let folder: string;
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), "millrace-check-"));
    });
    afterEach(() => rmSync(folder, { recursive: true }));

    interface Seen {
      shardId: string;
      sequenceNumber: string;
      arrivedAt: string;
      partitionKey: string;
      data: string;
    }
    type Change = (polling: Seen[], pushed: Seen[], replay: Seen[]) => void;

    /** What is printed of four lines of two clients in two shards, of which the last two were replayed. */
    async function checked(change: Change) {
      const put = ["a 1", "b 1", "a 2", "b 2"];
      const records = put.map((data, at): Seen => {
        const [partitionKey = ""] = data.split(" ");
        return {
          shardId: `of-${partitionKey}`,
          sequenceNumber: String(at + 1),
          arrivedAt: `t${at}`,
          partitionKey,
          data,
        };
      });
      const [polling, pushed, replay] = [
        structuredClone(records),
        structuredClone(records),
        structuredClone(records.slice(2)),
      ];
      change(polling, pushed, replay);
      writeFileSync(join(folder, "access.log"), `${put.join("\n")}\n`);
      writeFileSync(join(folder, "replay.json"), JSON.stringify({ from: "t2" }));
      for (const [name, seen] of Object.entries({ polling, pushed, replay })) {
        writeFileSync(
          join(folder, `${name}.ndjson`),
          seen.map((record) => `${JSON.stringify(record)}\n`).join(""),
        );
      }
      const { code, lines } = await run(process.execPath, [pathOf("01-web-log/check.mjs"), folder]);
      return { code, wrong: lines.filter((line) => line.startsWith("wrong: ")).map((line) => line.slice(7)) };
    }

    test("finds nothing where nothing is wrong", async () => {
      expect(await checked(() => {})).toEqual({ code: 0, wrong: [] });
    });

    const changes: Record<string, [change: Change, wrong: string]> = {
      "a line that is lost": [(_polling, pushed) => pushed.pop(), "pushed: 1 of b, expected 2"],
      "a line that comes twice": [
        (_polling, pushed) => pushed.push({ ...pushed[3]!, sequenceNumber: "5" }),
        "pushed: 3 of b, expected 2",
      ],
      "two lines of a client in the wrong order": [
        (polling) => ([polling[0]!.data, polling[2]!.data] = ["a 2", "a 1"]),
        "polling: the 2 of a are not the expected ones in their order",
      ],
      "a number that does not rise": [
        (polling) => (polling[2]!.sequenceNumber = "1"),
        "polling: 1 in of-a is not above the number before it",
      ],
      "a wrong key": [
        (_polling, pushed) => (pushed[0]!.partitionKey = "b"),
        "pushed: b is not the key of: a 1",
      ],
      "a replay that begins too early": [
        (polling, _pushed, replay) => replay.unshift(polling[1]!),
        "replay: 2 of b, expected 1",
      ],
      "a replay of another record": [
        (_polling, _pushed, replay) => (replay[0]!.sequenceNumber = "4"),
        "replay, against polling: the 1 of of-a are not the expected ones in their order",
      ],
    };
    test.each(Object.keys(changes))("finds %s", async (name) => {
      const [change, wrong] = changes[name]!;
      const result = await checked(change);
      expect(result.code).toBe(1);
      expect(result.wrong).toContain(wrong);
    });
  });
});

describe("clients of AWS as they come, and ours", () => {
  let server: Millrace;
  beforeEach(async () => {
    server = await startMillrace();
  });
  afterEach(() => server.close());

  test("the SDK for JavaScript puts, reads and is pushed to", async () => {
    const { code, lines, errors } = await run(process.execPath, [pathOf("02-aws-sdk-javascript/run.mjs")], {
      AWS_ENDPOINT_URL: server.endpoint,
    });
    expect(code, errors).toBe(0);
    const shard = "shardId-000000000000";
    const records = ["ana: page 0", "ben: page 1", "ana: page 2"];
    expect(lines).toEqual([
      `put to ${shard}, ${shard}, ${shard}`,
      ...records.map((record) => `got ${record}`),
      ...records.map((record) => `pushed ${record}`),
      "deleted",
    ]);
  }, 60_000);

  test("the producer stores everything in order through a reshard", async () => {
    const { code, lines, errors } = await run(process.execPath, [pathOf("06-producer/run.mjs")], {
      AWS_ENDPOINT_URL: server.endpoint,
    });
    expect(code, errors).toBe(0);
    expect(lines).toEqual([
      expect.stringMatching(/^the first page view is in shardId-00000000000[01] after 1 attempt$/),
      "20,000 page views are stored, 0 are not",
      expect.stringMatching(/^they took \d+ records in \d+ requests$/),
      "the stream went from 2 to 4 shards on the way",
      "50 of 50 users were seen with every page once and in order",
      "deleted",
    ]);
  }, 60_000);

  // These two stand on machines that have the clients; the interop suite always does.
  const python = [pathOf("../verification/interop/python/.venv/bin/python"), "python3"].find(
    (command) =>
      (command === "python3" || existsSync(command)) &&
      spawnSync(command, ["-c", "import boto3"]).status === 0,
  );
  if (python !== undefined) {
    test("boto3 puts and reads", async () => {
      const { code, lines, errors } = await run(python, [pathOf("03-boto3/run.py")], {
        AWS_ENDPOINT_URL: server.endpoint,
      });
      expect(code, errors).toBe(0);
      expect(lines.filter((line) => line.startsWith("got ")).toSorted()).toEqual([
        "got customer-1 order 1 from shardId-000000000001",
        "got customer-2 order 2 from shardId-000000000001",
        "got customer-3 order 3 from shardId-000000000001",
        "got customer-4 order 4 from shardId-000000000000",
      ]);
      expect(lines.at(-1)).toBe("deleted");
    }, 60_000);
  }

  if (spawnSync("aws", ["--version"]).status === 0) {
    test("the AWS CLI creates, puts, reads, splits and deletes", async () => {
      const { code, lines, errors } = await run("bash", [pathOf("04-aws-cli/run.sh")], {
        AWS_ENDPOINT_URL: server.endpoint,
      });
      expect(code, errors).toBe(0);
      expect(lines.slice(3)).toEqual([
        "got: paid 10 €",
        "got: paid 20 €",
        "got: paid 30 €",
        "shardId-000000000000\tNone\tTrue",
        "shardId-000000000001\tshardId-000000000000\tFalse",
        "shardId-000000000002\tshardId-000000000000\tFalse",
        "deleted",
      ]);
    }, 120_000);
  }
});

test("workers of the consumer library share a stream, leave it, and follow a split", async () => {
  const server = await startMillrace();
  try {
    const { code, lines, errors } = await run(process.execPath, [pathOf("07-consumer/run.mjs")], {
      AWS_ENDPOINT_URL: server.endpoint,
    });
    expect(code, errors).toBe(0);
    expect(lines).toEqual([
      "ana and ben have a shard each",
      "ana has left",
      "ben has three shards, two of them made by the split",
      "600 orders of 10 users were handled, those of each user in their order",
      "both have worked",
    ]);
  } finally {
    await server.close();
  }
}, 60_000);

test("the agent loses no line of a log that is rotated while it is killed", async () => {
  const server = await startMillrace();
  try {
    const { code, lines, errors } = await run(process.execPath, [pathOf("08-agent/run.mjs")], {
      AWS_ENDPOINT_URL: server.endpoint,
    });
    expect(code, errors).toBe(0);
    expect(lines).toEqual([
      "the log was written with 4,000 lines and rotated 3 times; the agent was killed once",
      "4,000 of 4,000 lines are in the stream, in order",
    ]);
  } finally {
    await server.close();
  }
}, 60_000);
