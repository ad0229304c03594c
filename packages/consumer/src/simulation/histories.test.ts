import { expect, test } from "vitest";
import { type HistoryOutcome, playHistory } from "./history.ts";

const SEED_COUNT = Number(process.env["SEEDS"] ?? 240);
const FIRST_SEED = Number(process.env["SEED"] ?? 1);

test("workers that crash, pause and lose their store skip no record, and act one at a time", async () => {
  const totals = { records: 0, deliveries: 0, shards: 0, refused: 0, handOffs: 0, taken: 0 };
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEED_COUNT; seed += 1) {
    const outcome: HistoryOutcome = await playHistory(seed);
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
  // A history in which nothing happens shows nothing.
  expect(totals.refused).toBeGreaterThan(SEED_COUNT);
  expect(totals.handOffs).toBeGreaterThan(SEED_COUNT / 4);
  expect(totals.taken).toBeGreaterThan(SEED_COUNT / 2);
  expect(totals.shards).toBeGreaterThan(SEED_COUNT * 3);
  expect(totals.deliveries).toBeGreaterThan(totals.records);
  if (process.env["SHOW"] !== undefined) console.log(totals);
});

test("a seed is a history", async () => {
  expect(await playHistory(7)).toEqual(await playHistory(7));
});
