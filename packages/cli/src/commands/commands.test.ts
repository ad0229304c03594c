import { inProcessTransport } from "@millrace/client";
import { simulatedRuntime, type SimulatedRuntime } from "@millrace/runtime";
import { createServer, type ServerCore, type ServerOptions } from "@millrace/server";
import { afterEach, describe, expect, test } from "vitest";
import { runCommand } from "../run.ts";
import { type TestWorld, testWorld, type TestWorldOptions } from "../test-world.ts";
import { NOBODY_READS } from "../world.ts";
import { COMMANDS } from "./index.ts";

/** A server in simulated time, and the program talking to it. */
interface Place {
  readonly runtime: SimulatedRuntime;
  readonly server: ServerCore;
  readonly millrace: (line: string, options?: TestWorldOptions) => Promise<Ended>;
  /** Starts the program without waiting for its end. */
  readonly begin: (line: string, options?: TestWorldOptions) => { world: TestWorld; ended: Promise<number> };
}

interface Ended {
  readonly code: number;
  readonly shown: string;
  readonly complained: string;
}

const closings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0)) await close();
});

async function place(options: Partial<ServerOptions> = {}): Promise<Place> {
  const runtime = simulatedRuntime({ seed: 7 });
  const { clock } = runtime.world;
  const server = await clock.finish(
    createServer(runtime, {
      durability: "memory",
      dev: true,
      stream: [{ name: "clicks", shardCount: 2 }],
      ...options,
    }),
  );
  closings.push(() => clock.finish(server.close()));
  const transport = inProcessTransport(server.service);
  const begin = (line: string, more: TestWorldOptions = {}) => {
    const world = testWorld({ transport, clock: runtime.clock, runtime, ...more });
    const argv = (line.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll("'", ""));
    return { world, ended: runCommand(COMMANDS, argv, world) };
  };
  return {
    runtime,
    server,
    begin,
    async millrace(line, more) {
      const { world, ended } = begin(line, more);
      const code = await clock.finish(ended);
      return { code, shown: world.shown(), complained: world.complained() };
    },
  };
}

const lines = (text: string) => text.split("\n").filter(Boolean);

describe("stream", () => {
  test("create waits until the stream is active, and ls and describe show it", async () => {
    const { millrace } = await place({ stream: [] });
    expect(await millrace("stream ls")).toMatchObject({ code: 0, shown: "no streams\n" });
    expect(await millrace("stream create clicks --shards 2 --tag team=web")).toMatchObject({
      code: 0,
      shown: "clicks is active with 2 shards\n",
      complained: "",
    });
    expect(await millrace("stream create jobs --on-demand")).toMatchObject({
      shown: "jobs is active with on-demand capacity\n",
    });
    expect((await millrace("stream ls")).shown).toMatch(
      /^STREAM  STATUS  MODE         CREATED\nclicks  ACTIVE  provisioned  2026-01-01T00:00:00Z\njobs    ACTIVE  on-demand    2026/,
    );
    expect((await millrace("stream ls --long")).shown).toMatch(/clicks .* +2 +24 h +0\njobs .* +4 +24 h/);
    const { shown } = await millrace("stream describe clicks");
    expect(shown).toContain("arn          arn:aws:kinesis:us-east-1:000000000000:stream/clicks\n");
    expect(shown).toContain("shardId-000000000001  open   50.00 %  170141183460469231731687303715884105728");
  });

  test("the region and the account are those of the environment", async () => {
    const { millrace } = await place();
    const environment = {
      AWS_REGION: "eu-west-1",
      AWS_ACCESS_KEY_ID: "111122223333",
      AWS_SECRET_ACCESS_KEY: "x",
    };
    expect((await millrace("stream ls", { environment })).shown).toBe("no streams\n");
    await millrace("stream create mine", { environment });
    expect((await millrace("stream describe mine", { environment })).shown).toContain(
      "arn:aws:kinesis:eu-west-1:111122223333:stream/mine",
    );
  });

  test("--json prints what the service answered, with times that people can read", async () => {
    const { millrace } = await place();
    expect(JSON.parse((await millrace("stream ls --json")).shown)).toEqual([
      {
        StreamName: "clicks",
        StreamARN: "arn:aws:kinesis:us-east-1:000000000000:stream/clicks",
        StreamStatus: "ACTIVE",
        StreamModeDetails: { StreamMode: "PROVISIONED" },
        StreamCreationTimestamp: expect.stringMatching(/^2026-01-01T00:00:00/) as string,
      },
    ]);
  });

  test("split, merge and scale wait for the end", async () => {
    const { millrace } = await place();
    expect((await millrace("stream split clicks shardId-000000000000")).shown).toBe(
      "shardId-000000000000 was split\n",
    );
    expect((await millrace("stream merge clicks shardId-000000000002 shardId-000000000003")).shown).toBe(
      "shardId-000000000002 and shardId-000000000003 were merged\n",
    );
    expect((await millrace("stream scale clicks 4")).shown).toBe("clicks went from 2 to 4 open shards\n");
    expect(
      lines((await millrace("stream describe clicks")).shown).filter((line) => / open /.test(line)),
    ).toHaveLength(4);
    expect((await millrace("stream describe clicks --all")).shown).toContain(
      "shardId-000000000002 + shardId-000000000003",
    );
  });

  test("scale tells a quota at once", async () => {
    const { millrace, runtime } = await place();
    const beganMs = runtime.clock.monotonicMs();
    expect(await millrace("stream scale clicks 8")).toMatchObject({
      code: 1,
      complained: expect.stringMatching(
        /^millrace: LimitExceededException: UpdateShardCount cannot scale up over double your current/,
      ) as string,
    });
    expect(runtime.clock.monotonicMs() - beganMs).toBeLessThan(100);
  });

  test("what is waited for longer than a second is told once", async () => {
    const { millrace, server } = await place();
    server.faults.add({ kind: "throttle", operation: "UpdateShardCount" });
    const { code, complained } = await millrace("stream scale clicks 4");
    expect(code).toBe(1);
    const [waiting, failed, ...more] = lines(complained);
    expect(waiting).toMatch(
      /^waiting: UpdateShardCount is tried again after LimitExceededException: Rate exceeded/,
    );
    expect(failed).toMatch(/^millrace: LimitExceededException: Rate exceeded/);
    expect(more).toEqual([]);
  });

  test("a slow reshard is told where nobody sees progress", async () => {
    const { millrace } = await place({ transitionDelay: 5_000 });
    const { shown, complained } = await millrace("stream split clicks shardId-000000000000");
    expect(shown).toBe("shardId-000000000000 was split\n");
    expect(complained).toBe("waiting: splitting shardId-000000000000 (UPDATING)\n");
  });

  test("split without a shard needs that only one is open", async () => {
    const { millrace } = await place();
    expect(await millrace("stream split clicks")).toMatchObject({
      code: 2,
      complained: expect.stringContaining(
        "which shard? open are shardId-000000000000, shardId-000000000001",
      ) as string,
    });
    await millrace("stream create one");
    expect((await millrace("stream split one")).code).toBe(0);
  });

  test("delete waits until the stream is gone", async () => {
    const { millrace } = await place();
    expect((await millrace("stream delete clicks")).shown).toBe("clicks is deleted\n");
    expect(await millrace("stream describe clicks")).toMatchObject({
      code: 1,
      complained:
        "millrace: ResourceNotFoundException: Stream clicks under account 000000000000 not found.\n" +
        "`millrace stream ls` lists the streams of this account and region.\n",
    });
  });

  test("--no-wait returns at once", async () => {
    const { millrace } = await place();
    expect((await millrace("stream create jobs --no-wait")).shown).toBe("jobs is being created\n");
    expect((await millrace("stream ls")).shown).toMatch(/jobs +CREATING/);
  });
});

describe("put, get and tail", () => {
  test("what is put is got, with keys and in the order of each key", async () => {
    const { millrace } = await place();
    const input = ['{"user":"a","n":1}\n{"user":"b","n":2}\n', '{"user":"a","n":3}'];
    expect(await millrace("put clicks --key-field user", { input })).toMatchObject({
      code: 0,
      shown: "",
      complained: expect.stringMatching(/^3 records, 54 B, [\d,]+\/s\n$/) as string,
    });
    const got = lines((await millrace("get clicks")).shown);
    expect(got.toSorted()).toEqual([
      'a\t{"user":"a","n":1}',
      'a\t{"user":"a","n":3}',
      'b\t{"user":"b","n":2}',
    ]);
    expect(got.indexOf('a\t{"user":"a","n":1}')).toBeLessThan(got.indexOf('a\t{"user":"a","n":3}'));
  });

  test("get takes a shard, a limit and JSON", async () => {
    const { millrace } = await place();
    // The hash of "a" lies in the lower half of the ring, that of "b" in the upper.
    await millrace("put clicks --key a --quiet", { input: ["1\n2\n3\n"] });
    await millrace("put clicks --key b --quiet", { input: ["4\n"] });
    expect((await millrace("get clicks --shard shardId-000000000001")).shown).toBe("b\t4\n");
    expect((await millrace("get clicks --shard shardId-000000000000 --limit 2")).shown).toBe("a\t1\na\t2\n");
    expect(
      JSON.parse((await millrace("get clicks --shard shardId-000000000001 --json")).shown),
    ).toMatchObject({
      shardId: "shardId-000000000001",
      sequenceNumber: expect.stringMatching(/^49\d{54}$/) as string,
      partitionKey: "b",
      data: "4",
    });
    expect(await millrace("get clicks --shard shardId-9")).toMatchObject({
      code: 1,
      complained: expect.stringContaining(
        "clicks has no shard shardId-9; it has shardId-000000000000, ",
      ) as string,
    });
  });

  test("put tries again what is throttled, and keeps the order", async () => {
    const { millrace, server } = await place();
    server.faults.add({ kind: "partial", share: 0.4 });
    const input = [Array.from({ length: 60 }, (_, at) => `${at % 3} ${at}\n`).join("")];
    const { complained } = await millrace("put clicks --key-regex ^.", { input });
    expect(complained).toMatch(/^60 records, .* \d+ tried again\n$/);
    const got = lines((await millrace("get clicks")).shown).map((line) => line.split("\t")[1] ?? "");
    for (const key of ["0", "1", "2"]) {
      const numbers = got.filter((text) => text.startsWith(key)).map((text) => Number(text.slice(2)));
      expect(numbers).toEqual(Array.from({ length: 20 }, (_, at) => at * 3 + Number(key)));
    }
  });

  test("put tells how much was stored before a line without a key", async () => {
    const { millrace } = await place();
    const ended = await millrace("put clicks --key-field id", { input: ['{"id":1}\n{"di":2}\n'] });
    expect(ended.code).toBe(2);
    expect(ended.complained).toContain("line 2 has no field id; --key K names the key of such lines");
  });

  test.each(["tail clicks", "tail clicks --fan-out app"])(
    "%s prints what arrives, through a reshard",
    async (line) => {
      const { millrace, begin, runtime } = await place();
      const { clock } = runtime.world;
      await millrace("put clicks --key a", { input: ["before\n"] });
      const { world, ended } = begin(line);
      await clock.runFor(2_000);
      await millrace("put clicks --key a", { input: ["one\n"] });
      await millrace("stream split clicks shardId-000000000000");
      await millrace("put clicks --key a", { input: ["two\n"] });
      await clock.runFor(30_000);
      expect(world.shown()).toBe("a\tone\na\ttwo\n");
      world.interrupt();
      expect(await clock.finish(ended)).toBe(130);
      // A consumer that tail registered goes with it.
      await clock.runFor(100);
      expect((await millrace("stream ls --long")).shown).toMatch(/24 h +0\n/);
    },
  );

  test("get from a sequence number reads one shard from there", async () => {
    const { millrace } = await place();
    await millrace("put clicks --key a --quiet", { input: ["1\n2\n3\n"] });
    const shard = "--shard shardId-000000000000";
    const second = lines((await millrace(`get clicks ${shard} --json`)).shown)[1] ?? "";
    const { sequenceNumber } = JSON.parse(second) as { sequenceNumber: string };
    expect((await millrace(`get clicks ${shard} --from sequence:${sequenceNumber}`)).shown).toBe(
      "a\t2\na\t3\n",
    );
    expect(await millrace(`get clicks --from sequence:${sequenceNumber}`)).toMatchObject({
      code: 2,
      complained: expect.stringContaining("name it with --shard, once") as string,
    });
  });

  test.each(["get", "tail"])("%s tells where it goes on behind damaged records", async (name) => {
    const { server, runtime } = await place();
    const message =
      "Records of shardId-000000000000 from 495 up to, not including, 497 cannot be read: what the disk holds is damaged.";
    const damaged: typeof server.service = (request) =>
      (request.headers["x-amz-target"] ?? "").endsWith(".GetRecords")
        ? Promise.resolve({
            status: 500,
            headers: { "content-type": "application/x-amz-json-1.1" },
            body: Buffer.from(JSON.stringify({ __type: "InternalFailureException", message })),
          })
        : server.service(request);
    const world = testWorld({ transport: inProcessTransport(damaged), clock: runtime.clock, runtime });
    const beganMs = runtime.clock.monotonicMs();
    const argv = [name, "clicks", "--shard", "shardId-000000000000"];
    expect(await runtime.world.clock.finish(runCommand(COMMANDS, argv, world))).toBe(1);
    expect(runtime.clock.monotonicMs() - beganMs).toBeLessThan(200);
    expect(world.complained()).toBe(
      `millrace: InternalFailureException: ${message}\n` +
        "Behind them it goes on: --shard shardId-000000000000 --from sequence:497\n",
    );
  });

  test("an answer that is slow is told", async () => {
    const { server, millrace } = await place();
    server.faults.add({ kind: "delay", operation: "ListStreams", delayMs: 3_000 });
    expect(await millrace("stream ls")).toMatchObject({
      code: 0,
      complained: "waiting: http://127.0.0.1:4566 has not answered yet\n",
    });
  });

  test("tail ends well when nobody reads what it prints", async () => {
    const { begin, runtime } = await place();
    const { world, ended } = begin("tail clicks");
    await runtime.world.clock.runFor(1_000);
    world.interrupt(NOBODY_READS);
    expect(await runtime.world.clock.finish(ended)).toBe(0);
  });

  test("put ends with the reason when the service can store nothing, and says how much was stored", async () => {
    const { server, runtime } = await place();
    const target = (headers: Readonly<Record<string, string | undefined>>) => headers["x-amz-target"] ?? "";
    const full = (body: object) => ({
      status: "Records" in body ? 200 : 500,
      headers: { "content-type": "application/x-amz-json-1.1" },
      body: Buffer.from(JSON.stringify(body)),
    });
    let batchCount = 0;
    const service: typeof server.service = (request) => {
      const name = target(request.headers);
      if (name.endsWith(".PutRecords") && (batchCount += 1) > 1) {
        const failed = { ErrorCode: "InternalFailure", ErrorMessage: "Internal Service Failure" };
        return Promise.resolve(full({ FailedRecordCount: 1, Records: [failed] }));
      }
      if (name.endsWith(".PutRecord")) {
        const message = "The record could not be stored: the disk is full.";
        return Promise.resolve(full({ __type: "InternalFailureException", message }));
      }
      return server.service(request);
    };
    const world = testWorld({
      transport: inProcessTransport(service),
      clock: runtime.clock,
      runtime,
      input: ["1\n2\n3\n"],
    });
    expect(
      await runtime.world.clock.finish(runCommand(COMMANDS, ["put", "clicks", "--key", "a"], world)),
    ).toBe(1);
    expect(world.complained()).toMatch(
      /^stored before this: 1 record, .*\nmillrace: InternalFailureException: The record could not be stored: the disk is full\.\n1 of the 3 lines read were stored\.\n$/,
    );
  });

  test("tail from an hour ago, up to a limit, ends by itself", async () => {
    const { millrace } = await place();
    await millrace("put clicks --key a", { input: ["1\n2\n3\n"] });
    expect((await millrace("tail clicks --from -1h --limit 3")).shown).toBe("a\t1\na\t2\na\t3\n");
  });
});

describe("the clock", () => {
  test("is shown and moved", async () => {
    const { millrace } = await place();
    expect((await millrace("clock")).shown).toMatch(/^2026-01-01T00:00:00\.\d{3}Z\n$/);
    expect((await millrace("clock advance 25h")).shown).toMatch(
      /^2026-01-02T01:00:00\.\d{3}Z, 25 h ahead of this machine\n$/,
    );
    expect(JSON.parse((await millrace("clock --json")).shown)).toMatchObject({ offsetMs: 90_000_000 });
  });

  test("of a server without --dev stays as it is", async () => {
    const { millrace } = await place({ dev: false });
    expect(await millrace("clock advance 25h")).toMatchObject({
      code: 1,
      complained: expect.stringContaining("--dev") as string,
    });
  });
});

describe("faults", () => {
  test("are added, listed with their hits, and cleared", async () => {
    const { millrace } = await place();
    expect((await millrace("fault ls")).shown).toBe("no faults\n");
    expect((await millrace("fault add throttle --operation PutRecords --count 1")).shown).toContain(
      "fault 1 is in force",
    );
    await millrace("fault add delay --delay 250ms --share 20%");
    await millrace("put clicks --key a", { input: ["x\n"] });
    const listed = lines((await millrace("fault ls")).shown);
    expect(listed[0]).toBe("ID  KIND      OPERATION   STREAM  SHARD  SHARE  COUNT  HITS");
    expect(listed[1]).toMatch(/^ 1  throttle  PutRecords  any     any +1 +1 +1$/);
    expect(listed[2]).toMatch(/^ 2  delay     any         any     any +0.2 +all/);
    expect((await millrace("fault clear 1")).shown).toBe("fault 1 is over\n");
    expect((await millrace("fault clear")).shown).toBe("no faults are in force\n");
    expect((await millrace("fault ls")).shown).toBe("no faults\n");
  });

  test("that the server does not know are refused with its reason", async () => {
    const { millrace } = await place();
    expect(await millrace("fault add throttle --operation PutRecrods")).toMatchObject({
      code: 1,
      complained: expect.stringContaining("PutRecords") as string,
    });
  });
});
