/** The built program with more than one thread, over real sockets. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, get } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  PutRecordsCommand,
} from "@aws-sdk/client-kinesis";
import { afterEach, describe, expect, test } from "vitest";

const program = fileURLToPath(new URL("../dist/main.js", import.meta.url));

const endings: (() => void)[] = [];
afterEach(() => {
  for (const end of endings.splice(0).reverse()) end();
});

interface Running {
  readonly child: ChildProcess;
  /** Resolves to what stands behind a label of the banner. */
  readonly told: (label: string) => Promise<string>;
  readonly ended: Promise<{ code: number | null; errors: string }>;
}

function serve(...flags: string[]): Running {
  const port = flags.includes("--port") ? [] : ["--port", "0"];
  const child = spawn(process.execPath, [program, "serve", ...port, ...flags], { stdio: "pipe" });
  endings.push(() => child.kill("SIGKILL"));
  let [printed, errors] = ["", ""];
  const more = new Set<() => void>();
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
    for (const look of more) look();
  });
  return {
    child,
    told: (label) =>
      new Promise((resolve) => {
        const look = () => {
          const value = new RegExp(`${label} +(\\S+)\\n`).exec(printed)?.[1];
          if (value !== undefined) resolve(value);
        };
        more.add(look);
        look();
      }),
    ended: once(child, "close").then(([code]) => ({ code: code as number | null, errors })),
  };
}

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), "millrace-threads-"));
  endings.push(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, "data");
}

function sdkFor(endpoint: string): KinesisClient {
  const sdk = new KinesisClient({
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  endings.push(() => sdk.destroy());
  return sdk;
}

async function put(sdk: KinesisClient, texts: readonly string[]): Promise<void> {
  const Records = texts.map((text) => ({ PartitionKey: text.slice(0, 8), Data: Buffer.from(text) }));
  const { FailedRecordCount } = await sdk.send(new PutRecordsCommand({ StreamName: "clicks", Records }));
  expect(FailedRecordCount).toBe(0);
}

async function read(sdk: KinesisClient): Promise<string[]> {
  const { ShardIterator } = await sdk.send(
    new GetShardIteratorCommand({
      StreamName: "clicks",
      ShardId: "shardId-000000000000",
      ShardIteratorType: "TRIM_HORIZON",
    }),
  );
  const { Records = [] } = await sdk.send(new GetRecordsCommand({ ShardIterator }));
  return Records.map(({ Data }) => Buffer.from(Data ?? []).toString());
}

const metric = async (endpoint: string, name: string) =>
  Number(
    new RegExp(`^${name} (\\S+)$`, "m").exec(
      await (await fetch(`${endpoint}/_millrace/metrics`)).text(),
    )?.[1],
  );

describe("more than one thread", () => {
  test("serve one stream: what is put through any of them is read through any other, and stays", async () => {
    const dataDir = scratch();
    const texts = Array.from({ length: 40 }, (_, index) => `line ${index} ${"x".repeat(index * 50)}`);
    const first = serve("--threads", "3", "--data-dir", dataDir, "--stream", "clicks:1");
    const endpoint = await first.told("endpoint");
    // The SDK opens a connection for each request, and the kernel gives each to one of the threads.
    for (const text of texts) await put(sdkFor(endpoint), [text, `and ${text}`]);
    const expected = texts.flatMap((text) => [text, `and ${text}`]);
    expect(await read(sdkFor(endpoint))).toEqual(expected);
    expect(await metric(endpoint, "millrace_connections_accepted_total")).toBeGreaterThan(40);
    first.child.kill("SIGTERM");
    expect(await first.ended).toMatchObject({ code: 0 });

    const again = serve("--threads", "2", "--data-dir", dataDir);
    expect(await read(sdkFor(await again.told("endpoint")))).toEqual(expected);
  });

  test("keep one memory bound between them", async () => {
    const server = serve("--threads", "4", "--durability", "memory", "--memory", "64MiB");
    expect(await metric(await server.told("endpoint"), "millrace_memory_limit_bytes")).toBe(64 * 1024 * 1024);
  });

  test("speak TLS on the same port", async () => {
    const server = serve("--threads", "2", "--data-dir", scratch(), "--tls", "self-signed");
    const { port } = new URL(await server.told("endpoint"));
    const ca = readFileSync(/(\S+cert\.pem)/.exec(await server.told("certificate"))![1]!);
    const status = await new Promise((resolve, reject) => {
      const agent = new Agent({ ca });
      endings.push(() => agent.destroy());
      get({ host: "localhost", port, path: "/_millrace/health", agent }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).once("error", reject);
    });
    expect(status).toBe(200);
  });

  test("find a port taken as one thread does", async () => {
    const server = serve("--threads", "2", "--durability", "memory");
    const { port } = new URL(await server.told("endpoint"));
    const second = serve("--threads", "2", "--durability", "memory", "--port", port);
    const { code, errors } = await second.ended;
    expect(code).toBe(1);
    expect(errors).toContain(`port ${port}`);
  });

  test("answer what is in flight before they end", async () => {
    const server = serve(
      "--threads",
      "2",
      "--data-dir",
      scratch(),
      "--stream",
      "clicks:1",
      "--limits",
      "off",
    );
    const endpoint = await server.told("endpoint");
    const puts = Array.from({ length: 20 }, () =>
      put(sdkFor(endpoint), ["x".repeat(10_000)]).then(
        () => "answered",
        () => "refused",
      ),
    );
    await puts[0];
    server.child.kill("SIGTERM");
    // Each is answered or finds nobody listening; the process waits for what it took.
    const outcomes = await Promise.all(puts);
    expect(outcomes).toContain("answered");
    expect(await server.ended).toMatchObject({ code: 0, errors: "" });
  });
});
