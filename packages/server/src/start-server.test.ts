import { chmodSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { connect } from "node:http2";
import { request as requestTls } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inMemoryFiles, nodeRuntime } from "@millrace/runtime";
import { createKinesisClient } from "@millrace/client";
import { afterEach, describe, expect, test } from "vitest";
import { startServer } from "./start-server.ts";
import type { Server } from "./start-server.ts";
import { activeStream, testRuntime } from "./test-support.ts";

let running: Server[] = [];
const startOn: typeof startServer = async (...given) => {
  const server = await startServer(...given);
  running.push(server);
  return server;
};
afterEach(async () => {
  await Promise.all(running.map((server) => server.close()));
  running = [];
});

const memory = { port: 0, durability: "memory", transitionDelay: 0 } as const;

describe("a server", () => {
  test.each(["1.1", "2"] as const)("a record is put and read back over HTTP/%s", async (httpVersion) => {
    const runtime = testRuntime();
    const server = await startOn(runtime, memory);
    const client = createKinesisClient({ endpoint: server.urls[0]!, httpVersion, ...runtime });
    await activeStream(client, runtime, "clicks");
    const { ShardId } = await client.putRecord({
      StreamName: "clicks",
      PartitionKey: "a",
      Data: Buffer.from("hello"),
    });
    const { ShardIterator } = await client.getShardIterator({
      StreamName: "clicks",
      ShardId,
      ShardIteratorType: "TRIM_HORIZON",
    });
    expect((await client.getRecords({ ShardIterator: ShardIterator! })).Records).toHaveLength(1);
    await client.close();
  });

  test("a port that is taken is reported, and the data directory is free again", async () => {
    const files = inMemoryFiles();
    const first = await startOn(testRuntime(), memory);
    const options = { port: first.port, dataDir: "/data" } as const;
    await expect(startServer(testRuntime(files), options)).rejects.toMatchObject({ code: "EADDRINUSE" });
    await startOn(testRuntime(files), { ...options, port: 0 });
  });

  test("metrics tell connections and how late timers are", async () => {
    const server = await startOn(testRuntime(), memory);
    const text = await (await fetch(`${server.urls[0]}/_millrace/metrics`)).text();
    expect(text).toMatch(/^millrace_connections 1$/m);
    expect(text).toMatch(/^millrace_event_loop_lag_seconds\{of="max"\} \S+$/m);
  });

  test("a dropped call is a broken connection to the client", async () => {
    const server = await startOn(testRuntime(), { ...memory, dev: true });
    server.faults.add({ kind: "drop", operation: "ListStreams" });
    const headers = {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": "Kinesis_20131202.ListStreams",
    };
    await expect(fetch(server.urls[0]!, { method: "POST", headers, body: "{}" })).rejects.toThrow(
      /fetch failed/,
    );
    const session = connect(server.urls[0]!);
    const stream = session.request({ ":method": "POST", ":path": "/", ...headers });
    stream.end("{}");
    await expect(new Promise((_, reject) => stream.on("error", reject))).rejects.toThrow(/INTERNAL_ERROR/);
    session.close();
  });

  test("stopping lets calls in flight finish and closes the data directory", async () => {
    const files = inMemoryFiles();
    const runtime = testRuntime(files);
    const server = await startOn(runtime, { port: 0, dataDir: "/data", dev: true, transitionDelay: 0 });
    server.faults.add({ kind: "delay", delay: "200ms" });
    const headers = {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": "Kinesis_20131202.ListStreams",
    };
    const call = fetch(server.urls[0]!, { method: "POST", headers, body: "{}" });
    while (server.faults.list()[0]?.hitCount === 0) await runtime.clock.sleep(1);
    const stopped = server.stop();
    expect((await call).status).toBe(200);
    await Promise.all([stopped, server.stop()]);
    await expect(fetch(server.urls[0]!)).rejects.toThrow();
    await startOn(testRuntime(files), { port: 0, dataDir: "/data" });
  });
});

describe("TLS", () => {
  test("a self-signed certificate is made once, kept, and trusted by its file", async () => {
    const files = inMemoryFiles();
    const options = { port: 0, dataDir: "/data", tls: "self-signed" } as const;
    const first = await startOn(testRuntime(files), options);
    expect(first.certPath).toBe("/data/tls/cert.pem");
    const cert = await textIn(files, first.certPath!);
    expect(await healthOver(first.urls[1]!, cert)).toMatchObject({ live: true });
    await first.stop();
    const second = await startOn(testRuntime(files), options);
    expect(await textIn(files, second.certPath!)).toBe(cert);
    expect(await healthOver(second.urls[1]!, cert)).toMatchObject({ live: true });
    await second.stop();

    // Two years and more later it is made anew.
    const later = testRuntime(files);
    const { clock } = later;
    const third = await startOn(
      { ...later, clock: { ...clock, nowMs: () => clock.nowMs() + 800 * 86_400_000 } },
      options,
    );
    expect(await textIn(files, third.certPath!)).not.toBe(cert);
  });

  test("only the owner may read the key, also where an older one was open to all", async () => {
    const directory = mkdtempSync(join(tmpdir(), "millrace-"));
    try {
      const runtime = { ...testRuntime(), files: nodeRuntime().files };
      const options = { port: 0, dataDir: directory, tls: "self-signed" } as const;
      const keyPath = join(directory, "tls", "key.pem");
      await (await startOn(runtime, options)).stop();
      expect(statSync(keyPath).mode & 0o777).toBe(0o600);
      chmodSync(keyPath, 0o644);
      const { clock } = runtime;
      const later = { ...runtime, clock: { ...clock, nowMs: () => clock.nowMs() + 800 * 86_400_000 } };
      await (await startOn(later, options)).stop();
      expect(statSync(keyPath).mode & 0o777).toBe(0o600);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test("with durability memory it is in memory only", async () => {
    const server = await startOn(testRuntime(), { ...memory, tls: "self-signed" });
    expect(server.certPath).toBeUndefined();
    expect(server.urls[1]).toMatch(/^https:/);
  });

  test("files that are missing or useless are refused with the option's name", async () => {
    const files = inMemoryFiles();
    const options = { ...memory, tlsCert: "/cert.pem", tlsKey: "/key.pem" } as const;
    await expect(startServer(testRuntime(files), options)).rejects.toThrow(
      "--tls-cert: there is no file /cert.pem",
    );
    for (const path of ["/cert.pem", "/key.pem"]) {
      const file = await files.open(path, { create: true });
      await file.write(Buffer.from("nonsense"), 0);
      await file.close();
    }
    await expect(startServer(testRuntime(files), options)).rejects.toThrow(
      /--tls-cert and --tls-key cannot be used together/,
    );
  });
});

async function textIn(files: ReturnType<typeof inMemoryFiles>, path: string): Promise<string> {
  const file = await files.open(path);
  const bytes = Buffer.alloc(await file.sizeBytes());
  await file.read(bytes, 0);
  await file.close();
  return bytes.toString();
}

function healthOver(url: string, ca: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const request = requestTls(`${url}/_millrace/health`, { ca, agent: false }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString()));
      response.on("end", () => resolve(JSON.parse(text)));
    });
    request.on("error", reject);
    request.end();
  });
}
