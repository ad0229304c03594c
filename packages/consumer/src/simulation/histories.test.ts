import { tablesInMemory } from "@millrace/tables/testing";
import { expect, test } from "vitest";
import { playHistory } from "./history.ts";

// SEED=n plays that one; otherwise the same ones are played each time.
const chosen = process.env["SEED"];
const isChosen = chosen !== undefined;
const SEEDS_PER_TEST = isChosen ? 1 : 40;
const firstSeeds = (...seeds: number[]): number[] => (isChosen ? [Number(chosen)] : seeds);

async function playMany(
  firstSeed: number,
  seedCount: number,
  tablesOn?: typeof tablesInMemory,
): Promise<void> {
  const totals = { records: 0, deliveries: 0, shards: 0, refused: 0, handOffs: 0, taken: 0 };
  for (let seed = firstSeed; seed < firstSeed + seedCount; seed += 1) {
    const outcome = await playHistory(seed, tablesOn);
    const { problems, unfinished } = outcome;
    expect({ seed, problems, unfinished }, outcome.events.join("\n")).toEqual({
      seed,
      problems: [],
      unfinished: [],
    });
    totals.records += outcome.recordCount;
    totals.deliveries += outcome.deliveryCount;
    totals.shards += outcome.shardCount;
    totals.refused += outcome.refusedCount;
    totals.handOffs += outcome.handOffCount;
    totals.taken += outcome.takenCount;
  }
  if (seedCount === 1) return;
  // Histories in which nothing happens would show nothing.
  expect(totals.refused).toBeGreaterThan(seedCount);
  expect(totals.handOffs).toBeGreaterThan(seedCount / 4);
  expect(totals.taken).toBeGreaterThan(seedCount);
  expect(totals.shards).toBeGreaterThan(seedCount * 3);
  expect(totals.deliveries).toBeGreaterThan(totals.records);
}

test.each(firstSeeds(1, 41, 81, 121, 161))(
  "workers that crash, pause and lose their store skip no record, and act one at a time (from seed %i)",
  (firstSeed) => playMany(firstSeed, SEEDS_PER_TEST),
);

test.each(firstSeeds(1001, 1011))(
  "so do those whose leases are in a table, behind calls that get lost and are made again (from seed %i)",
  (firstSeed) => playMany(firstSeed, Math.ceil(SEEDS_PER_TEST / 4), tablesInMemory),
);

test("a seed is a history", async () => {
  expect(await playHistory(7)).toEqual(await playHistory(7));
  expect(await playHistory(7, tablesInMemory)).toEqual(await playHistory(7, tablesInMemory));
});
