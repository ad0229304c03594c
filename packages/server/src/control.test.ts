import { inMemoryFiles } from "@millrace/runtime";
import { afterEach, describe, expect, test } from "vitest";
import { activeStream, ask, jsonOf, serverUnderTest as start, testRuntime } from "./test-support.ts";
import type { ServerUnderTest } from "./test-support.ts";

let running: ServerUnderTest[] = [];
const serverUnderTest: typeof start = async (...given) => {
  const server = await start(...given);
  running.push(server);
  return server;
};
afterEach(async () => {
  const servers = running;
  running = [];
  for (const server of servers) await server.close();
});
const stop = async (server: ServerUnderTest) => {
  running = running.filter((other) => other !== server);
  await server.close();
};

const DAY_MS = 86_400_000;

describe("who may control", () => {
  test("without --dev nobody may", async () => {
    const { service } = await serverUnderTest({ dev: false });
    const answer = await ask(service, "GET", "/_millrace/clock");
    expect(answer.status).toBe(403);
    expect(jsonOf(answer)).toMatchObject({
      __type: "AccessDeniedException",
      message: expect.stringContaining("--dev"),
    });
  });

  test.each([
    ["a peer on another machine", { remoteAddress: "10.0.0.7" }],
    ["a foreign host name that points here", { headers: { host: "evil.example.com:4566" } }],
    ["a host that only begins like this machine", { headers: { host: "127.0.0.1.example.com" } }],
    ["no host at all", { headers: { host: "" } }],
    ["a web page of another site", { headers: { origin: "https://evil.example.com" } }],
    ["a web page of another local program", { headers: { origin: "http://localhost:3000" } }],
    ["a web page without an origin of its own", { headers: { origin: "null" } }],
  ])("%s is refused", async (_who, given) => {
    const { service } = await serverUnderTest();
    const answer = await ask(service, "POST", "/_millrace/clock/advance", {
      body: { durationMs: 1000 },
      ...given,
    });
    expect(answer.status).toBe(403);
    expect(
      (await ask(service, "POST", "/_millrace/faults", { body: { kind: "fail" }, ...given })).status,
    ).toBe(403);
  });

  test.each([
    { host: "localhost" },
    { host: "127.0.0.1:4566" },
    { host: "[::1]:4566" },
    { origin: "http://localhost:4566" },
  ])("%j is let in", async (headers) => {
    const { service } = await serverUnderTest();
    expect((await ask(service, "GET", "/_millrace/clock", { headers })).status).toBe(200);
  });

  test("health and metrics answer other machines too", async () => {
    const { service } = await serverUnderTest({ dev: false });
    const given = { remoteAddress: "10.0.0.7", headers: { host: "millrace.internal" } };
    expect((await ask(service, "GET", "/_millrace/health", given)).status).toBe(200);
    expect((await ask(service, "GET", "/_millrace/metrics", given)).status).toBe(200);
  });
});

describe("the clock", () => {
  test("it moves forward by what is asked, and says where it stands", async () => {
    const server = await serverUnderTest();
    const before = jsonOf(await ask(server.service, "GET", "/_millrace/clock")) as {
      nowMs: number;
      offsetMs: number;
    };
    expect(before.offsetMs).toBe(0);
    const answer = await ask(server.service, "POST", "/_millrace/clock/advance", {
      body: { duration: "25h" },
    });
    expect(answer.status).toBe(200);
    const after = jsonOf(answer) as { nowMs: number; offsetMs: number; machineMs: number };
    expect(after.offsetMs).toBe(25 * 3_600_000);
    expect(after.nowMs - after.machineMs).toBe(after.offsetMs);
    expect(after.nowMs - before.nowMs).toBeGreaterThanOrEqual(25 * 3_600_000);
  });

  test("work that fell due is done when it answers", async () => {
    const { client, service } = await serverUnderTest({ transitionDelay: 60_000 });
    await client.createStream({ StreamName: "slow", ShardCount: 1 });
    const status = async () =>
      (await client.describeStreamSummary({ StreamName: "slow" })).StreamDescriptionSummary.StreamStatus;
    expect(await status()).toBe("CREATING");
    await ask(service, "POST", "/_millrace/clock/advance", { body: { duration: "1m" } });
    expect(await status()).toBe("ACTIVE");
  });

  test("records past their retention cannot be read after the clock has moved, and iterators expire", async () => {
    const { client, runtime, advance } = await serverUnderTest();
    await activeStream(client, runtime, "clicks");
    await client.putRecord({ StreamName: "clicks", PartitionKey: "a", Data: Buffer.from("old") });
    const place = {
      StreamName: "clicks",
      ShardId: "shardId-000000000000",
      ShardIteratorType: "TRIM_HORIZON",
    } as const;
    const old = await client.getShardIterator(place);
    await advance(25 * 3_600_000);
    await expect(client.getRecords({ ShardIterator: old.ShardIterator! })).rejects.toMatchObject({
      code: "ExpiredIteratorException",
    });
    const { ShardIterator } = await client.getShardIterator(place);
    expect((await client.getRecords({ ShardIterator: ShardIterator! })).Records).toEqual([]);
  });

  test("the move survives a restart", async () => {
    const files = inMemoryFiles();
    const options = { durability: "fsync", dataDir: "/data" } as const;
    const first = await serverUnderTest(options, testRuntime(files));
    await first.advance(3 * DAY_MS);
    await first.advance(DAY_MS);
    await stop(first);
    const second = await serverUnderTest(options, testRuntime(files));
    expect(second.clock.offsetMs()).toBe(4 * DAY_MS);
  });

  test.each([
    [{}, "Say how far"],
    [{ duration: "soon" }, "Say how far"],
    [{ durationMs: 1.5 }, "Say how far"],
    [{ durationMs: -1 }, "only goes forward"],
    [{ durationMs: 1e14 }, "hundred years"],
    ["{", "not JSON"],
    [null, "Say how far"],
  ])("it refuses %j", async (body, message) => {
    const { service, clock } = await serverUnderTest();
    const answer = await ask(service, "POST", "/_millrace/clock/advance", { body });
    expect(answer.status).toBe(400);
    expect(jsonOf(answer)).toMatchObject({
      __type: "ValidationException",
      message: expect.stringContaining(message),
    });
    expect(clock.offsetMs()).toBe(0);
  });

  test("other methods and paths are told what there is", async () => {
    const { service } = await serverUnderTest();
    expect((await ask(service, "DELETE", "/_millrace/clock")).status).toBe(405);
    expect((await ask(service, "GET", "/_millrace/clockwork")).status).toBe(404);
  });
});

describe("a data directory from the future", () => {
  const filled = async () => {
    const files = inMemoryFiles();
    const options = { durability: "fsync", dataDir: "/data" } as const;
    const ahead = { ...testRuntime(files) };
    const { clock } = ahead;
    const server = await serverUnderTest(options, {
      ...ahead,
      clock: { ...clock, nowMs: () => clock.nowMs() + DAY_MS },
    });
    await activeStream(server.client, server.runtime, "clicks");
    await server.client.putRecord({ StreamName: "clicks", PartitionKey: "a", Data: Buffer.from("x") });
    await stop(server);
    return { files, options };
  };

  test("it is refused, and left for the next try", async () => {
    const { files, options } = await filled();
    for (let i = 0; i < 2; i += 1) {
      await expect(start(options, testRuntime(files))).rejects.toThrow(
        /newest record in \/data came 86[34]\d\d s in the future .* --accept-clock/,
      );
    }
  });

  test("it is opened when that is accepted", async () => {
    const { files, options } = await filled();
    const server = await serverUnderTest({ ...options, acceptClock: true }, testRuntime(files));
    await server.client.putRecord({ StreamName: "clicks", PartitionKey: "a", Data: Buffer.from("y") });
    expect(server.runtime.log.lines.some(({ message }) => /in the future.*accepted/.test(message))).toBe(
      true,
    );
  });
});

test("a jump of the machine's clock is reported", async () => {
  const runtime = testRuntime();
  const { clock } = runtime;
  let setByMs = 0;
  const server = await serverUnderTest(
    {},
    { ...runtime, clock: { ...clock, nowMs: () => clock.nowMs() + setByMs } },
  );
  setByMs = -3_600_000;
  const beforeMs = server.clock.nowMs();
  setByMs = 7_200_000;
  expect(server.clock.nowMs()).toBeGreaterThan(beforeMs);
  const reports = runtime.log.lines.filter(({ message }) => /the machine's clock was set/.test(message));
  expect(reports.map(({ message }) => /set (\w+)/.exec(message)![1])).toEqual(["back", "forward"]);
});
