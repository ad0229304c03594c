import { join } from "node:path";
import { simulatedCluster } from "@millrace/log-jetstream";
import { seededRandom } from "@millrace/runtime";
import { afterEach, describe, expect, test } from "vitest";
import { freed, lease, leasesAt, putLeases, SHARDS } from "../migrating/leases-under-test.ts";
import { odd, type OddServers, oddServers } from "../migrating/odd-numbers-under-test.ts";
import {
  closeServers,
  COPY,
  everything,
  putSome,
  type SeenShard,
  type TwoServers,
} from "../migrating/two-servers-under-test.ts";

afterEach(closeServers);

const RENUMBER = `${COPY} --stream clicks --finish --renumber`;
const MAP = "millrace-migration-clicks";

const ENGINES = ["memory", "journal", "jetstream"] as const;

/** With the target on this engine. */
function serversWith(engine: (typeof ENGINES)[number]): Promise<OddServers> {
  if (engine !== "jetstream") return oddServers(engine);
  return oddServers("journal", {
    to: { engine: "jetstream", nats: "nats://simulated", natsSystemUser: "system" },
    surroundings: (clock) => ({
      broker: simulatedCluster({ clock, random: seededRandom(1) }).connect(clock).broker,
    }),
  });
}

async function filesOf(at: TwoServers, directory = MAP): Promise<Map<string, string>> {
  const { files } = at.runtime;
  const read = new Map<string, string>();
  for (const name of await at.finish(files.list(directory))) {
    const file = await at.finish(files.open(join(directory, name)));
    const bytes = Buffer.alloc(await at.finish(file.sizeBytes()));
    await at.finish(file.read(bytes, 0));
    await at.finish(file.close());
    read.set(name, bytes.toString());
  }
  return read;
}

/** The files as they have to be when `before` became `after`. */
function mapOf(before: readonly SeenShard[], after: readonly SeenShard[]): Map<string, string> {
  return new Map(
    before.map(({ shard, records }, shardAt) => {
      const lines = records.map(
        ({ SequenceNumber }, at) => `${odd(SequenceNumber)},${after[shardAt]!.records[at]!.SequenceNumber}\n`,
      );
      return [`${shard.ShardId}.csv`, `source,copy\n${lines.join("")}`];
    }),
  );
}

const withoutNumbers = (shards: readonly SeenShard[]) =>
  shards.map(({ shard, records }) => [
    shard.ShardId,
    records.map(({ SequenceNumber: _number, ...rest }) => rest),
  ]);

describe("numbers that cannot be kept", () => {
  test("are refused, with what can be done about it", async () => {
    const at = await oddServers();
    await putSome(at, 25);
    expect(await at.millrace(`${COPY} --all`)).toMatchObject({
      code: 1,
      complained: expect.stringMatching(
        /^millrace: clicks: The sequence number 749\d{54} of shardId-000000000000 cannot be kept: numbers here have 56 digits.*--renumber.*map from old to new.*--lease-table/,
      ) as string,
    });
    expect((await at.millrace("stream ls --endpoint http://to:1")).shown).not.toContain("clicks");
  });

  test.each(ENGINES)("are replaced when asked for, and each is in the map (to %s)", async (engine) => {
    const at = await serversWith(engine);
    await putSome(at, 100);
    await at.millrace("stream split clicks shardId-000000000000 --endpoint http://from:1");
    await putSome(at, 50, "after the split");
    expect((await at.millrace(`${COPY} --all --renumber`)).shown).toBe(
      "clicks: 150 records (2.5 KiB) were copied into 4 shards, 150 were compared and are the same\n" +
        "clicks: records have new sequence numbers\n" +
        "clicks is not open yet: run this again with --finish when nothing is put any more\n",
    );
    await putSome(at, 25, "later");
    const { code, shown, complained } = await at.millrace(RENUMBER);
    expect([code, complained]).toEqual([0, ""]);
    expect(shown).toBe(
      "clicks: 25 records (322 B) were copied into 4 shards, 175 were compared and are the same\n" +
        `clicks: records have new sequence numbers, 175 are in the map in ${MAP}\n` +
        "clicks is open\n",
    );
    const [before, after] = [await everything(at, at.from), await everything(at, at.to)];
    expect(withoutNumbers(after)).toEqual(withoutNumbers(before));
    expect(await filesOf(at)).toEqual(mapOf(before, after));
    for (const { records } of after) {
      const numbers = records.map(({ SequenceNumber }) => SequenceNumber);
      expect(numbers).toEqual([...new Set(numbers)].sort());
    }
    // Once it is open the map is asked for again only where a file is not there any more.
    const { files } = at.runtime;
    await at.finish(files.unlink(join(MAP, `${SHARDS[1]}.csv`)));
    expect((await at.millrace(RENUMBER)).shown).toMatch(
      /^clicks was copied and opened before\n.*\d+ are in the map in millrace-migration-clicks; 3 files were there already\n$/,
    );
    expect(await filesOf(at)).toEqual(mapOf(before, after));
  });

  test.each(ENGINES)(
    "that turn up when a part is copied already make the copy begin anew (to %s)",
    async (engine) => {
      const at = await serversWith(engine);
      at.setOdd("nowhere");
      await putSome(at, 50);
      expect((await at.millrace(`${COPY} --all --renumber`)).shown).toContain(
        "clicks: sequence numbers are kept",
      );
      at.setOdd("in records");
      await putSome(at, 25, "odd");
      const { code, shown, complained } = await at.millrace(RENUMBER);
      expect([code, complained]).toEqual([
        0,
        expect.stringMatching(
          /^clicks: The sequence number 7\d+ of shardId-\d+ cannot be kept: .* All of its records get new ones\n$/,
        ),
      ]);
      expect(shown).toContain("75 were compared and are the same");
      const [before, after] = [await everything(at, at.from), await everything(at, at.to)];
      expect(withoutNumbers(after)).toEqual(withoutNumbers(before));
      expect(await filesOf(at)).toEqual(mapOf(before, after));
    },
  );

  test("are not given up by a run that does not say so", async () => {
    const at = await oddServers();
    await putSome(at, 25);
    await at.millrace(`${COPY} --all --renumber`);
    expect((await at.millrace(`${COPY} --all --finish`)).complained).toMatch(
      /^millrace: clicks: Stream clicks is being copied with new sequence numbers\. With --renumber /,
    );
  });
});

test("numbers that can be kept are kept with --renumber, too, and no map is written", async () => {
  const at = await oddServers();
  at.setOdd("nowhere");
  await putSome(at, 50);
  expect((await at.millrace(RENUMBER)).shown).toBe(
    "clicks: 50 records (710 B) were copied into 2 shards, 50 were compared and are the same\n" +
      "clicks: sequence numbers are kept\n" +
      "clicks is open\n",
  );
  expect(await everything(at, at.to)).toEqual(await everything(at, at.from));
  await expect(filesOf(at)).rejects.toThrow("ENOENT");
});

test("--map says where maps are written, each in a folder of its stream", async () => {
  const at = await oddServers();
  await putSome(at, 25);
  expect((await at.millrace(`${RENUMBER} --map maps/of-today`)).shown).toContain(
    "25 are in the map in maps/of-today/millrace-migration-clicks\n",
  );
  const map = await filesOf(at, "maps/of-today/millrace-migration-clicks");
  expect(map).toEqual(mapOf(await everything(at, at.from), await everything(at, at.to)));
});

test.each([
  [`${COPY} --all --map here`, "--map goes with --renumber"],
  [`${COPY} --all --lease-table app`, "--lease-table goes with --finish"],
  [`${COPY} --all --finish --lease-endpoint http://from:1`, "--lease-endpoint goes with --lease-table"],
])("%s is not understood", async (line, reason) => {
  expect(await (await oddServers()).millrace(line)).toMatchObject({
    code: 2,
    complained: expect.stringContaining(reason) as string,
  });
});

describe("killed at any step and begun again", () => {
  const LEASES = `${RENUMBER} --lease-table app`;

  /** Servers with records and leases, the same each time. */
  async function servers(): Promise<OddServers> {
    const at = await oddServers();
    await putSome(at, 60);
    const [, { records }] = (await everything(at, at.from)) as [SeenShard, SeenShard];
    await putLeases(at, at.from, [
      lease(SHARDS[0], "TRIM_HORIZON"),
      lease(SHARDS[1], odd(records[7]!.SequenceNumber)),
    ]);
    return at;
  }

  async function expectWhole(at: OddServers): Promise<void> {
    const [before, after] = [await everything(at, at.from), await everything(at, at.to)];
    expect(withoutNumbers(after)).toEqual(withoutNumbers(before));
    expect(await filesOf(at)).toEqual(mapOf(before, after));
    expect(await leasesAt(at, at.to)).toEqual([
      freed(lease(SHARDS[0], "TRIM_HORIZON")),
      freed(lease(SHARDS[1], after[1]!.records[7]!.SequenceNumber)),
    ]);
  }

  test("it copies every record once, with the whole map and the leases", { timeout: 300_000 }, async () => {
    let steps = 0;
    for (; ; steps += 1) {
      const at = await servers();
      at.breakAfter(steps);
      const { code } = await at.millrace(LEASES);
      if (code === 0) break;
      at.breakAfter(Infinity);
      expect(await at.millrace(LEASES)).toMatchObject({ code: 0, complained: "" });
      await expectWhole(at);
      await closeServers();
    }
    expect(steps).toBeGreaterThan(15);
  });

  test("it does so also when it is killed again and again", async () => {
    const at = await servers();
    const codes: number[] = [];
    for (let steps = 0; codes.at(-1) !== 0; steps += 1) {
      at.breakAfter(steps);
      codes.push((await at.millrace(LEASES)).code);
    }
    expect(codes.length).toBeGreaterThan(10);
    await expectWhole(at);
  });

  test("no file of the map is taken to be whole that is not", { timeout: 300_000 }, async () => {
    let steps = 0;
    for (; ; steps += 1) {
      const at = await servers();
      let left = steps;
      at.runtime.world.disk.failNext(({ path }) => path.includes(MAP) && (left -= 1) < 0, "EIO");
      const { code } = await at.millrace(LEASES).catch(() => ({ code: 1 }));
      if (code === 0) break;
      const { shown } = await at.millrace("stream ls --endpoint http://to:1");
      expect(shown).toContain("CREATING");
      expect(await at.millrace(LEASES)).toMatchObject({ code: 0, complained: "" });
      await expectWhole(at);
      await closeServers();
    }
    expect(steps).toBeGreaterThan(10);
  });
});
