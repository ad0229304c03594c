import { describe, expect, test } from "vitest";
import type { HistoryResult } from "./history.ts";
import { runHistory } from "./history.ts";
import { seedsOf } from "./seeds.ts";

const { seeds, twice } = seedsOf(process.env);

/** Seeds of one test: enough that the report stays short. */
const SEEDS_PER_TEST = 25;

const groups = Array.from({ length: Math.ceil(seeds.length / SEEDS_PER_TEST) }, (_, index) =>
  seeds.slice(index * SEEDS_PER_TEST, (index + 1) * SEEDS_PER_TEST),
);

const results: HistoryResult[] = [];

describe("the service under crashes, power cuts, failing and full disks, resharding and moving time", () => {
  test.each(groups.map((group) => ({ group, first: group[0], last: group.at(-1) })))(
    "keeps every promise, and one seed is one history (seeds $first to $last)",
    async ({ group }) => {
      const failures: string[] = [];
      for (const seed of group) {
        try {
          const result = await runHistory(seed);
          results.push(result);
          if (twice && (await runHistory(seed)).digest !== result.digest) {
            failures.push(`seed ${seed} gave two traces. Something in it does not come from the seed.`);
          }
        } catch (error) {
          failures.push(error instanceof Error ? error.message : String(error));
        }
      }
      expect(failures.join("\n\n")).toBe("");
    },
  );

  test("the histories were attacked as they should be", () => {
    const sum = (of: (result: HistoryResult) => number): number =>
      results.reduce((total, result) => total + of(result), 0);
    const died = (death: string): number => sum(({ deaths }) => deaths[death] ?? 0);
    const totals = {
      histories: results.length,
      acknowledged: sum(({ acknowledged }) => acknowledged),
      read: sum(({ read }) => read),
      kills: died("kill"),
      powerCuts: died("power cut"),
      endedByFaults: died("fault"),
      refusedStarts: died("refused to start"),
      diskFaults: sum(({ faults }) => faults),
    };
    console.log(JSON.stringify(totals));
    // One seed that is replayed need not have everything.
    if (results.length < 10) return;
    expect(totals.acknowledged).toBeGreaterThan(100 * results.length);
    expect(totals.kills).toBeGreaterThan(0);
    expect(totals.powerCuts).toBeGreaterThan(0);
    expect(totals.endedByFaults).toBeGreaterThan(0);
  });
});
