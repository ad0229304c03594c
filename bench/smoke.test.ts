/**
 * Every bench at its smallest, so that none rots: what it computed, stored or read has the digest that it always
 * had, and no server answered an error. Nothing here is about time. Servers and load generators are processes of
 * their own and run what was built.
 */
import { describe, expect, test } from "vitest";
import { benches } from "./src/benches.ts";
import { runBench } from "./src/harness/run-bench.ts";

// Side by side: most of the time of each goes by while its servers start.
describe.concurrent("at smoke size", () => {
  test.each(benches)("$name computes what it always did", async (bench) => {
    const { rows, digest } = await runBench(bench, { size: bench.sizes.smoke, rounds: 1 });
    expect(digest).toBe(bench.smokeDigest);
    expect(rows.length).toBeGreaterThan(0);
    for (const { what, value } of rows) expect(value, what).toSatisfy(Number.isFinite);
  });
});

test("every bench has a name of its own", () => {
  expect(new Set(benches.map(({ name }) => name)).size).toBe(benches.length);
});
