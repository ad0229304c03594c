import { simulatedCluster } from "@millrace/log-jetstream";
import { seededRandom } from "@millrace/runtime";
import { createServer, type ServerOptions } from "@millrace/server";
import { afterEach, describe, expect, test } from "vitest";
import {
  clientOf,
  closeServers,
  COPY,
  everything,
  putSome,
  type TwoServers,
  twoServers,
} from "../migrating/two-servers-under-test.ts";

afterEach(closeServers);

/** Two servers, the one that streams are copied to on this engine. */
function place(
  engine: "memory" | "journal" | "jetstream" = "memory",
  options: Partial<ServerOptions> = {},
): Promise<TwoServers> {
  if (engine !== "jetstream") return twoServers(engine, { to: options });
  const cluster = { engine, nats: "nats://simulated", natsSystemUser: "system" } as const;
  return twoServers("journal", {
    to: { ...cluster, ...options },
    surroundings: (clock) => ({
      broker: simulatedCluster({ clock, random: seededRandom(1) }).connect(clock).broker,
    }),
  });
}

describe("migrate", () => {
  test.each(["memory", "journal", "jetstream"] as const)(
    "brings a stream with its lineage to a server on %s, where readers see the same",
    async (engine) => {
      const at = await place(engine);
      await putSome(at, 100);
      await at.millrace("stream split clicks shardId-000000000000 --endpoint http://from:1");
      await putSome(at, 50, "after the split");
      const { code, shown, complained } = await at.millrace(`${COPY} --stream clicks --finish`);
      expect([code, complained]).toEqual([0, ""]);
      expect(shown).toBe(
        "clicks: 150 records (2.5 KiB) were copied into 4 shards, 150 were compared and are the same\nclicks is open\n",
      );
      const before = await everything(at, at.from);
      expect(await everything(at, at.to)).toEqual(before);
      expect(before.flatMap(({ records }) => records)).toHaveLength(150);
    },
  );

  test("goes to AWS in the region that is named, and leaves copies in that region", async () => {
    const at = await place();
    const credentials = { AWS_ACCESS_KEY_ID: "111122223333", AWS_SECRET_ACCESS_KEY: "x" };
    const there = { ...credentials, AWS_REGION: "eu-west-1" };
    await at.millrace("stream create orders --shards 1 --endpoint http://from:1", there);
    const copy = "migrate --from aws://eu-west-1 --to http://to:1 --all --finish";
    expect(await at.millrace(copy, credentials)).toMatchObject({ code: 0, complained: "" });
    expect((await at.millrace("stream ls --endpoint http://to:1", there)).shown).toContain("orders");
    expect((await at.millrace("stream describe orders --endpoint http://to:1", there)).shown).toContain(
      "arn:aws:kinesis:eu-west-1:111122223333:stream/orders",
    );
  });

  test("reads the data directory of a server that is stopped, and no other", async () => {
    const at = await place();
    const { runtime } = at;
    const start = () =>
      at.finish(createServer(runtime, { dataDir: "old", stream: [{ name: "clicks", shardCount: 1 }] }));
    const before = await start();
    await putSome({ ...at, from: before }, 60);
    const from = "migrate --from old --to http://to:1 --all --finish";
    expect((await at.millrace(from)).complained).toContain("in use by another running server");
    const wanted = await everything(at, before);
    await at.finish(before.close());
    expect((await at.millrace(from)).shown).toMatch(/^clicks: 60 records .* 60 were compared/);
    expect(await everything(at, at.to)).toEqual(wanted);
    // It can be served as before.
    const again = await start();
    expect(await everything(at, again)).toEqual(wanted);
    await at.finish(again.close());
    expect((await at.millrace(from.replace("old", "nowhere"))).complained).toBe(
      "millrace: nowhere is no data directory, and no URL of a server either\n",
    );
  });

  test("ended anywhere and begun again, copies every record once", async () => {
    const at = await place("journal");
    await putSome(at, 200);
    const failures: number[] = [];
    for (let requests = 0; requests < 12; requests += 1) {
      at.breakAfter(requests);
      const { code, complained } = await at.millrace(`${COPY} --stream clicks --finish`);
      failures.push(code);
      if (code === 0) break;
      expect(complained).toContain("the way broke off");
    }
    expect(failures.at(-1)).toBe(0);
    expect(failures.length).toBeGreaterThan(3);
    expect(await everything(at, at.to)).toEqual(await everything(at, at.from));
  });

  test("catches up with what came meanwhile, and opens the copy only when asked to", async () => {
    const at = await place();
    await putSome(at, 50);
    expect((await at.millrace(`${COPY} --all`)).shown).toMatch(
      /^clicks: 50 records .* 50 were compared and are the same\nclicks is not open yet: run this again with --finish/,
    );
    await putSome(at, 30, "later");
    await at.millrace("stream split clicks shardId-000000000001 --endpoint http://from:1");
    await putSome(at, 20, "last");
    expect((await at.millrace("stream ls --endpoint http://to:1")).shown).toContain("CREATING");
    expect((await at.millrace(`${COPY} --all --finish`)).shown).toMatch(
      /^clicks: 50 records .* 100 were compared and are the same\nclicks is open\n$/,
    );
    expect(await everything(at, at.to)).toEqual(await everything(at, at.from));
    expect(await at.millrace(`${COPY} --all --finish`)).toMatchObject({
      code: 0,
      shown: "clicks was copied and opened before\n",
    });
  });

  test("registers the consumers of the source", async () => {
    const at = await place();
    const client = clientOf(at, at.from);
    await at.finish(
      client.registerStreamConsumer({
        StreamARN: "arn:aws:kinesis:us-east-1:000000000000:stream/clicks",
        ConsumerName: "reports",
      }),
    );
    expect((await at.millrace(`${COPY} --all --finish`)).shown).toContain("clicks: reports were registered");
    const { Consumers } = await at.finish(
      clientOf(at, at.to).listStreamConsumers({
        StreamARN: "arn:aws:kinesis:us-east-1:000000000000:stream/clicks",
      }),
    );
    expect(Consumers?.map(({ ConsumerName }) => ConsumerName)).toEqual(["reports"]);
  });

  test("tells what differs when something else arrives than was sent", async () => {
    const at = await place();
    await putSome(at, 25);
    const [was, becomes] = ["record 3", "record 4"].map((text) => Buffer.from(text).toString("base64"));
    at.tamper((body) => body.replace(`"${was}"`, `"${becomes}"`));
    const { code, complained } = await at.millrace(`${COPY} --all --finish`);
    expect([code, complained]).toEqual([
      1,
      expect.stringMatching(
        /^millrace: clicks shardId-00000000000\d differs from its copy between 49\d+ and 49\d+/,
      ),
    ]);
    expect((await at.millrace("stream ls --endpoint http://to:1")).shown).toContain("CREATING");
  });

  test("a stream that is there already is left alone", async () => {
    const at = await place("memory", { stream: [{ name: "clicks", shardCount: 1 }] });
    await putSome(at, 25);
    expect(await at.millrace(`${COPY} --all`)).toMatchObject({
      code: 1,
      complained: "millrace: Stream clicks is here already, and was not copied from elsewhere.\n",
    });
  });

  test("a server that was not told to allow it takes nothing", async () => {
    const at = await place("memory", { allowImport: false });
    expect(await at.millrace(`${COPY} --all`)).toMatchObject({
      code: 1,
      complained: expect.stringContaining("--allow-import") as string,
    });
  });

  test.each([
    ["migrate --all", "--from and --to"],
    [COPY, "--stream NAME says which"],
    [`${COPY} --all --stream clicks`, "--stream NAME says which"],
    [`${COPY} --all --account me`, "twelve digits"],
  ])("%s is not understood", async (line, reason) => {
    const at = await place();
    expect(await at.millrace(line)).toMatchObject({
      code: 2,
      complained: expect.stringContaining(reason) as string,
    });
  });
});
