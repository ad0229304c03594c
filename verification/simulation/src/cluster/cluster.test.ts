import { describe, expect, test } from "vitest";
import { seedsOf } from "../seeds.ts";
import { type ClusterHistoryResult, runClusterHistory } from "./cluster-history.ts";
import { MISFORTUNES } from "./cluster-profile.ts";

/** Seeds of a run that nobody asked anything of. */
const BY_DEFAULT = "1-12";
/** Of so many one is run twice, and must give the same trace. */
const SEEDS_PER_SECOND_RUN = 10;
/** Seeds of one test: enough that the report stays short. */
const SEEDS_PER_TEST = 50;

const { seeds } = seedsOf({
  ...process.env,
  SIMULATION_SEEDS: process.env["SIMULATION_CLUSTER_SEEDS"] ?? BY_DEFAULT,
});

const groups = Array.from({ length: Math.ceil(seeds.length / SEEDS_PER_TEST) }, (_, index) =>
  seeds.slice(index * SEEDS_PER_TEST, (index + 1) * SEEDS_PER_TEST),
);

const results: ClusterHistoryResult[] = [];

describe("rival gateways on one cluster, under crashes, pauses, cuts, leader changes and resharding", () => {
  test.each(groups.map((group) => ({ group, first: group[0], last: group.at(-1) })))(
    "keep every promise, and one seed is one history (seeds $first to $last)",
    async ({ group }) => {
      const failures: string[] = [];
      for (const [at, seed] of group.entries()) {
        try {
          const result = await runClusterHistory(seed);
          results.push(result);
          if (at % SEEDS_PER_SECOND_RUN > 0) continue;
          if ((await runClusterHistory(seed)).digest !== result.digest)
            failures.push(`seed ${seed} gave two traces. Something in it does not come from the seed.`);
        } catch (error) {
          failures.push(error instanceof Error ? error.message : String(error));
        }
      }
      expect(failures.join("\n\n")).toBe("");
    },
  );

  test("were attacked as they should be", () => {
    const sum = (of: (result: ClusterHistoryResult) => number): number =>
      results.reduce((total, result) => total + of(result), 0);
    const totals = {
      histories: results.length,
      acknowledged: sum(({ acknowledged }) => acknowledged),
      unknown: sum(({ unknown }) => unknown),
      read: sum(({ read }) => read),
      copied: sum(({ copied }) => copied),
      closed: sum(({ closed }) => closed),
      ...Object.fromEntries(
        MISFORTUNES.map((name) => [name, sum(({ misfortunes }) => misfortunes.get(name) ?? 0)]),
      ),
    };
    console.log(JSON.stringify(totals));
    // One seed that is replayed need not have everything.
    if (results.length < 10) return;
    expect(totals.acknowledged).toBeGreaterThan(20 * results.length);
    expect(totals.read).toBeGreaterThan(20 * results.length);
    expect(totals.copied).toBeGreaterThan(results.length);
    expect(totals.closed).toBeGreaterThan(results.length);
    for (const name of MISFORTUNES)
      expect(sum(({ misfortunes }) => misfortunes.get(name) ?? 0)).toBeGreaterThan(0);
  });
});
