import { seededRandom } from "@millrace/runtime";
import { describe, expect, test } from "vitest";
import type { ServiceUnderTest } from "../service-under-test.ts";
import {
  COPY,
  everything,
  importedOf,
  recordsOf,
  settingsOf,
  shardsOf,
  sourceWith,
  targetFor,
} from "./copies-under-test.ts";
import type { ImportedShard } from "./imported-stream.ts";
import type { ShardProgress } from "./imports.ts";

const HOUR_MS = 3_600_000;

/** Numbers as another maker might give them, in the order of ours. */
const MAKERS = {
  short: (number: string) => String(BigInt(number) - (1n << 185n)),
  "of 57 digits": (number: string) => `7${number}`,
  "as long as they may be": (number: string) => `${"1".padEnd(73, "0")}${number}`,
} as const;
type Maker = (number: string) => string;

async function shardsWith(source: ServiceUnderTest, made: Maker): Promise<ImportedShard[]> {
  return (await shardsOf(source)).map(({ startingSequenceNumber, endingSequenceNumber, ...shard }) => ({
    ...shard,
    startingSequenceNumber: made(startingSequenceNumber),
    ...(endingSequenceNumber === undefined ? {} : { endingSequenceNumber: made(endingSequenceNumber) }),
  }));
}

async function recordsWith(source: ServiceUnderTest, shardId: string, made: Maker) {
  const seen = await recordsOf(source, shardId);
  return seen.map((record) => importedOf({ ...record, sequenceNumber: made(record.sequenceNumber) }));
}

/** Copies what is not there yet, some records at a time, and stops after `batchesMax` batches. */
async function copySome(
  source: ServiceUnderTest,
  { streams: { imports } }: ServiceUnderTest,
  made: Maker,
  { batchSize = 7, batchesMax = Infinity } = {},
): Promise<ShardProgress[]> {
  const begun = await imports.begin(
    COPY,
    await settingsOf(source),
    await shardsWith(source, made),
    "kept-if-possible",
  );
  const reached: ShardProgress[] = [];
  let batches = 0;
  for (const { shardId, lastSequenceNumber } of begun.shards) {
    let last = lastSequenceNumber;
    const wanted = await recordsWith(source, shardId, made);
    const behind = wanted.findIndex(({ sequenceNumber }) => sequenceNumber === last) + 1;
    for (let at = behind; at < wanted.length && batches < batchesMax; at += batchSize) {
      const batch = wanted.slice(at, at + batchSize);
      await imports.append(COPY, shardId, last, batch);
      last = batch.at(-1)!.sequenceNumber;
      batches += 1;
    }
    reached.push({ shardId, lastSequenceNumber: last });
  }
  return reached;
}

async function copied(source: ServiceUnderTest, made: Maker): Promise<ServiceUnderTest> {
  const target = await targetFor(source);
  const progress = await copySome(source, target, made);
  await target.streams.imports.finish(COPY, await shardsWith(source, made), progress);
  return target;
}

async function pairsOf({ streams: { imports } }: ServiceUnderTest, shardId: string) {
  const all: (readonly [string, string])[] = [];
  for (;;) {
    const { pairs, isEnd } = await imports.numberPairs(COPY, shardId, all.at(-1)?.[0]);
    all.push(...pairs);
    if (isEnd) return all;
  }
}

const withoutNumbers = (all: ReadonlyMap<string, readonly { readonly sequenceNumber: string }[]>) =>
  [...all].map(([shardId, records]) => [
    shardId,
    records.map(({ sequenceNumber: _number, ...rest }) => rest),
  ]);

describe.each(Object.keys(MAKERS) as (keyof typeof MAKERS)[])("records with numbers that are %s", (name) => {
  const made = MAKERS[name];

  test.each([1, 2, 3])(
    "get new ones, and each is copied once, wherever the copy is broken off (seed %i)",
    async (seed) => {
      const source = await sourceWith(seed);
      let target = await targetFor(source);
      const random = seededRandom(seed);
      for (let round = 0; round < 8; round += 1) {
        await copySome(source, target, made, {
          batchSize: 1 + Math.floor(random.fraction() * 20),
          batchesMax: Math.floor(random.fraction() * 4),
        });
        target = await target.restart();
      }
      const progress = await copySome(source, target, made);
      await target.streams.imports.finish(COPY, await shardsWith(source, made), progress);

      const [before, after] = [await everything(source), await everything(target)];
      expect(withoutNumbers(after)).toEqual(withoutNumbers(before));
      const shards = await shardsOf(target);
      for (const { shardId, parentShardIds, startingSequenceNumber, endingSequenceNumber } of shards) {
        const records = after.get(shardId)!;
        const numbers = records.map(({ sequenceNumber }) => sequenceNumber);
        expect(numbers).toEqual([...new Set(numbers)].sort());
        const bounds = [startingSequenceNumber, ...numbers, endingSequenceNumber ?? "5"];
        expect(bounds).toEqual(bounds.toSorted());
        for (const parent of shards.filter((shard) => parentShardIds.includes(shard.shardId))) {
          expect(parent.endingSequenceNumber! < startingSequenceNumber).toBe(true);
        }
        expect(await pairsOf(target, shardId)).toEqual(
          before.get(shardId)!.map(({ sequenceNumber }, at) => [made(sequenceNumber), numbers[at]]),
        );
        for (const [at, sequenceNumber] of numbers.entries()) {
          if (random.fraction() > 0.2) continue;
          for (const [type, first] of [
            ["AT_SEQUENCE_NUMBER", at],
            ["AFTER_SEQUENCE_NUMBER", at + 1],
          ] as const) {
            const start = { ShardIteratorType: type, StartingSequenceNumber: sequenceNumber };
            expect(await recordsOf(target, shardId, start)).toEqual(records.slice(first));
          }
        }
      }
      // Entries remember, so it can be asked for ever.
      expect(await pairsOf(await target.restart(), shards[0]!.shardId)).not.toEqual([]);
    },
  );

  test("are copied once by two copiers at the same time", async () => {
    const source = await sourceWith(5);
    const target = await targetFor(source);
    const random = seededRandom(5);
    const outcomes: string[] = [];
    for (let round = 0; round < 12; round += 1) {
      const copiers = [1, 2].map(() =>
        copySome(source, target, made, { batchSize: 1 + Math.floor(random.fraction() * 9), batchesMax: 3 }),
      );
      for (const { status } of await Promise.allSettled(copiers)) outcomes.push(status);
    }
    // They were in each other's way, or nothing is shown.
    expect(new Set(outcomes)).toEqual(new Set(["fulfilled", "rejected"]));
    const progress = await copySome(source, target, made);
    await target.streams.imports.finish(COPY, await shardsWith(source, made), progress);
    expect(withoutNumbers(await everything(target))).toEqual(withoutNumbers(await everything(source)));
  });

  test("are translated to the last record that had the number or one below it", async () => {
    const source = await sourceWith(4);
    const target = await copied(source, made);
    const { imports } = target.streams;
    for (const { shardId } of await shardsOf(source)) {
      const pairs = await pairsOf(target, shardId);
      for (const [at, [number, here]] of pairs.entries()) {
        expect(await imports.translate(COPY, shardId, number)).toEqual({
          sequenceNumber: here,
          isExact: true,
        });
        const below = String(BigInt(number) - 1n);
        const isBefore = pairs[at - 1]?.[0] === below;
        expect(await imports.translate(COPY, shardId, below)).toEqual({
          sequenceNumber: pairs[at - 1]?.[1],
          isExact: isBefore,
        });
      }
    }
  });

  test("are forgotten with the records", async () => {
    const source = await sourceWith(2);
    const target = await copied(source, made);
    const all = await shardsOf(target);
    const { shardId } = all.at(-1)!;
    const [number] = (await pairsOf(target, shardId))[0]!;
    const [put] = (
      await target.call("PutRecords", {
        StreamName: "s",
        Records: all.map((_, at) => ({ PartitionKey: `${at}`, Data: Buffer.of(1) })),
      })
    ).Records;
    expect(put!.SequenceNumber).toMatch(/^49/);
    await target.clock.advance(25 * HOUR_MS);
    expect(await pairsOf(target, shardId)).toEqual([]);
    expect(await target.streams.imports.translate(COPY, shardId, number)).toEqual({
      sequenceNumber: undefined,
      isExact: false,
    });
  });
});

describe("numbers that can be kept", () => {
  const asTheyAre: Maker = (number) => number;

  test("are kept, unless new ones are asked for", async () => {
    const source = await sourceWith(1);
    const target = await copied(source, asTheyAre);
    expect(await everything(target)).toEqual(await everything(source));
    const { shardId } = (await shardsOf(source))[0]!;
    for (const [was, is] of await pairsOf(target, shardId)) expect(is).toBe(was);
  });

  test("give way to new ones when a record turns up that has another", async () => {
    const source = await sourceWith(1);
    const target = await targetFor(source);
    const { imports } = target.streams;
    const kept = await copySome(source, target, asTheyAre);
    const [settings, shards] = [await settingsOf(source), await shardsOf(source)];
    const open = shards.filter(({ endingSequenceNumber }) => endingSequenceNumber === undefined);
    const { shardId, lastSequenceNumber } = kept.find(
      (shard) => shard.lastSequenceNumber !== undefined && open.some((one) => one.shardId === shard.shardId),
    )!;
    // Logs are numbered from 1 on.
    const logs = shards.map((_, at) => at + 1);
    const isThere = (logId: number) => target.engine.describe(logId) !== undefined;
    expect(logs.filter(isThere)).toEqual(logs);
    const odd = { ...importedOf((await recordsOf(source, shardId))[0]!), sequenceNumber: "9".repeat(57) };
    await expect(imports.append(COPY, shardId, lastSequenceNumber, [odd])).rejects.toMatchObject({
      kind: "unkept",
    });
    expect(await imports.begin(COPY, settings, shards, "new")).toEqual({
      isFinished: false,
      isRenumbered: true,
      shards: shards.map((shard) => ({ shardId: shard.shardId })),
    });
    expect(logs.filter(isThere), "what was thrown away takes no room").toEqual([]);
    await expect(imports.begin(COPY, settings, shards)).rejects.toMatchObject({ kind: "unkept" });
    const progress = await copySome(source, target, asTheyAre);
    await imports.append(COPY, shardId, lastSequenceNumber, [odd]);
    const again = await imports.begin(COPY, settings, shards, "new");
    expect(again.shards).toEqual(
      progress.map((shard) =>
        shard.shardId === shardId ? { shardId, lastSequenceNumber: odd.sequenceNumber } : shard,
      ),
    );
    await imports.finish(COPY, shards, again.shards);
    expect((await recordsOf(target, shardId)).length).toBe((await recordsOf(source, shardId)).length + 1);
    expect((await imports.begin(COPY, settings, shards, "new")).isFinished).toBe(true);
  });
});

test("numbers that go back, or are none, are not taken with new ones either", async () => {
  const source = await sourceWith(1);
  const target = await targetFor(source);
  const { imports } = target.streams;
  const shards = await shardsOf(source);
  await imports.begin(COPY, await settingsOf(source), shards, "new");
  const { shardId } = shards[0]!;
  const [record] = (await recordsOf(source, shardId)).map(importedOf);
  for (const numbers of [["12", "9"], ["7", "7"], ["012"], ["twelve"], ["-1"], ["1".repeat(130)]]) {
    const records = numbers.map((sequenceNumber) => ({ ...record!, sequenceNumber }));
    await expect(imports.append(COPY, shardId, undefined, records)).rejects.toMatchObject({
      kind: "impossible",
    });
  }
  await expect(imports.translate(COPY, shardId, "TRIM_HORIZON")).rejects.toMatchObject({
    kind: "impossible",
  });
  await expect(imports.translate(COPY, "shardId-000000000999", "7")).rejects.toMatchObject({
    kind: "missing",
  });
  await expect(imports.numberPairs({ ...COPY, source: "another" }, shardId, undefined)).rejects.toMatchObject(
    { kind: "conflict" },
  );
});
