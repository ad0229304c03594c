import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Gateways } from "./src/gateways.ts";
import { type NatsCluster, startNatsCluster } from "./src/nats-cluster.ts";
import { clientOf } from "./src/record-ledger.ts";

const PROGRAM = fileURLToPath(new URL("../../packages/millrace/dist/main.js", import.meta.url));
let cluster: NatsCluster;

beforeAll(async () => {
  cluster = await startNatsCluster();
});

afterAll(() => cluster.close());

/** What the program prints, and the code that it ends with. */
function run(...words: string[]): Promise<{ code: number; text: string }> {
  const { login, systemLogin, urls } = cluster;
  const env = {
    ...process.env,
    MILLRACE_NATS: urls.join(","),
    MILLRACE_NATS_USER: login.user,
    MILLRACE_NATS_PASSWORD: login.password,
    MILLRACE_NATS_SYSTEM_USER: systemLogin.user,
    MILLRACE_NATS_SYSTEM_PASSWORD: systemLogin.password,
  };
  return new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, ...words], { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, text: stdout + stderr });
    });
  });
}

test("cluster check prints each check with what was found, and ends with 0 when all of them pass", async () => {
  const { code, text } = await run("cluster", "check");
  expect(text).toMatch(/^CHECK +RESULT +FOUND +WANTED/);
  for (const check of ["servers", "version", "sync", "zones", "payload", "clocks"]) {
    expect(text).toMatch(new RegExp(`^${check} +ok `, "m"));
  }
  expect(code).toBe(0);
});

test("cluster status prints servers with their zones", async () => {
  const { code, text } = await run("cluster", "status");
  for (const zone of ["a", "b", "c"])
    expect(text).toMatch(new RegExp(`^millrace-${zone} +2\\.\\d+\\.\\d+ +az:${zone} `, "m"));
  expect(code).toBe(0);
});

test("cluster status prints the gateways, and which groups each writes", async () => {
  const gateways = new Gateways(cluster);
  try {
    expect((await run("cluster", "status")).text).toContain("No gateway is there");
    const gateway = await gateways.add();
    const client = clientOf(gateway.endpoint);
    await client.createStream({ StreamName: "orders", ShardCount: 1 });
    const put = () => client.putRecord({ StreamName: "orders", PartitionKey: "key", Data: Buffer.from("x") });
    // Refused while the stream is being created.
    await expect.poll(() => put().then(() => "stored", String), { timeout: 60_000 }).toBe("stored");
    await client.close();
    const { code, text } = await run("cluster", "status");
    expect(text).toMatch(/^GATEWAY +VERSION +SINCE +WRITES/m);
    expect(text).toMatch(/^\S+:\d+ +\d+\.\d+\.\d+ +20\d\d-\S+Z +g\d+$/m);
    expect(code).toBe(0);
  } finally {
    gateways.close();
  }
});

test("a server that cannot log in says so in one line", async () => {
  const { code, text } = await run("cluster", "check", "--nats-password", "wrong");
  expect(text).toMatch(
    /takes a connection: .*See that the servers run, and that user and password are right/,
  );
  expect(code).toBe(1);
});
