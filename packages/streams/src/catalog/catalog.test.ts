import { memoryEngine } from "@millrace/log";
import { HashKeyColumn } from "@millrace/model";
import { describe, expect, test } from "vitest";
import { Catalog } from "./catalog.ts";
import type { StreamHeader } from "./records.ts";
import { shardKey } from "./records.ts";

const NAME = { accountId: "123456789012", region: "us-east-1", name: "s" };
const HEADER: StreamHeader = {
  incarnation: "0123456789abcdef",
  status: "ACTIVE",
  mode: "PROVISIONED",
  createdMs: 0,
  retentionHours: 24,
  horizonMs: 0,
  nextShardIndex: 0,
  maxRecordSizeKiB: 1_024,
  recordDistribution: "USER_PARTITION_KEY",
  encryption: { type: "NONE" },
  shardLevelMetrics: [],
  tags: {},
  calls: {},
};

const row = (startingHashKey: string, endingHashKey: string, logId: number, parents: number[] = []) =>
  JSON.stringify({ startingHashKey, endingHashKey, generation: 1, parents, logId, createdMs: 0 });

describe("catalog", () => {
  test("changes that are decided at once are all made, each on what the one before left", async () => {
    const catalog = new Catalog(memoryEngine({ clock: { nowMs: () => 1 } }));
    await catalog.change(NAME, () => ({ header: HEADER }));
    let decisions = 0;
    await Promise.all(
      Array.from({ length: 10 }, () =>
        catalog.change(NAME, (stream) => {
          decisions += 1;
          const { header } = stream!;
          return { header: { ...header, retentionHours: header.retentionHours + 1 } };
        }),
      ),
    );
    expect(catalog.find(NAME)!.header.retentionHours).toBe(34);
    expect(decisions).toBeGreaterThan(10);
  });

  test("a change is visible when it is answered, to the catalog and to a new one on the same engine", async () => {
    const engine = memoryEngine({ clock: { nowMs: () => 1 } });
    const catalog = new Catalog(engine);
    await catalog.change(NAME, () => ({
      header: HEADER,
      puts: [
        [shardKey(HEADER.incarnation, 0), row("0".repeat(32), `7${"f".repeat(31)}`, 1)],
        [shardKey(HEADER.incarnation, 1), row(`8${"0".repeat(31)}`, "f".repeat(32), 2)],
      ],
    }));
    for (const view of [catalog, new Catalog(engine)]) {
      const stream = view.find(NAME)!;
      expect(view.findByIncarnation(HEADER.incarnation)).toBe(stream);
      expect(stream.openShards().map(({ shardIndex }) => shardIndex)).toEqual([0, 1]);
      const hashKeys = new HashKeyColumn(2);
      hashKeys.set(0, `7${"f".repeat(31)}`);
      hashKeys.set(1, `8${"0".repeat(31)}`);
      expect(stream.openShardOf(hashKeys, 0)?.shardIndex).toBe(0);
      expect(stream.openShardOf(hashKeys, 1)?.shardIndex).toBe(1);
      expect(view.namesOf(NAME.accountId, NAME.region)).toEqual(["s"]);
    }
  });

  test("a stream that takes another's name is another stream", async () => {
    const catalog = new Catalog(memoryEngine({ clock: { nowMs: () => 1 } }));
    await catalog.change(NAME, () => ({ header: HEADER }));
    const first = catalog.find(NAME)!;
    await catalog.change(NAME, () => ({ header: { ...HEADER, incarnation: "fedcba9876543210" } }));
    expect(first.gone).toBe(true);
    expect(catalog.findByIncarnation(HEADER.incarnation)).toBeUndefined();
    expect(catalog.find(NAME)).not.toBe(first);
  });

  test("decisions about an account are made one after the other, and a failure does not stop the next", async () => {
    const catalog = new Catalog(memoryEngine({ clock: { nowMs: () => 1 } }));
    const events: string[] = [];
    const work = (id: number) =>
      catalog.changeAccount(NAME, `${id}`, async () => {
        events.push(`begin ${id}`);
        await Promise.resolve();
        events.push(`end ${id}`);
        if (id === 1) throw new Error("failed");
        return {};
      });
    const outcomes = await Promise.allSettled([work(1), work(2), work(3)]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled"]);
    expect(events).toEqual(["begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3"]);
  });

  test("of two processes that decide about an account at once one decides again, on what the other left", async () => {
    const engine = memoryEngine({ clock: { nowMs: () => 1 } });
    const seen: string[][] = [];
    const create = (catalog: Catalog, name: string, incarnation: string) =>
      catalog.changeInTurn({ ...NAME, name }, async () => {
        const names = catalog.namesOf(NAME.accountId, NAME.region);
        seen.push([...names]);
        await Promise.resolve();
        return names.length > 0 ? undefined : { header: { ...HEADER, incarnation } };
      });
    const [one, other] = [new Catalog(engine), new Catalog(engine)];
    await Promise.all([create(one, "a", "0123456789abcdef"), create(other, "b", "fedcba9876543210")]);
    expect(seen).toEqual([[], [], ["a"]]);
    expect(other.namesOf(NAME.accountId, NAME.region)).toEqual(["a"]);
  });
});
