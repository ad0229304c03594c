import { expect, test } from "vitest";
import { playHistory } from "./history.ts";

// SEED=n plays that one; otherwise the same two hundred are played each time.
const chosen = process.env["SEED"];
const SEEDS_PER_TEST = chosen === undefined ? 40 : 1;
const FIRST_SEEDS = chosen === undefined ? [1, 41, 81, 121, 161] : [Number(chosen)];

test.each(FIRST_SEEDS)(
  "workers that crash, pause and lose their store skip no record, and act one at a time (from seed %i)",
  async (firstSeed) => {
    const totals = { records: 0, deliveries: 0, shards: 0, refused: 0, handOffs: 0, taken: 0 };
    for (let seed = firstSeed; seed < firstSeed + SEEDS_PER_TEST; seed += 1) {
      const outcome = await playHistory(seed);
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
    if (SEEDS_PER_TEST === 1) return;
    // Histories in which nothing happens would show nothing.
    expect(totals.refused).toBeGreaterThan(SEEDS_PER_TEST);
    expect(totals.handOffs).toBeGreaterThan(SEEDS_PER_TEST / 4);
    expect(totals.taken).toBeGreaterThan(SEEDS_PER_TEST);
    expect(totals.shards).toBeGreaterThan(SEEDS_PER_TEST * 3);
    expect(totals.deliveries).toBeGreaterThan(totals.records);
  },
);

test("a seed is a history", async () => {
  expect(await playHistory(7)).toEqual(await playHistory(7));
});
