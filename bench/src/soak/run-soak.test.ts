/** A soak at its smallest, with the server and the load as processes, which run what was built. */
import { expect, test } from "vitest";
import type { Sample } from "./plan.ts";
import { runSoak } from "./run-soak.ts";
import { findingsOf } from "./verdict.ts";

test("what is acknowledged is read once, by readers and by a subscription that time outruns", async () => {
  const samples: Sample[] = [];
  const run = await runSoak(
    {
      durationMs: 1_500,
      sampleMs: 250,
      measureMs: 300,
      load: 0.5,
      connections: 2,
      shards: 2,
      recordBytes: 200,
      recordsPerRequest: 20,
      pollMs: 20,
      threads: 1,
      memoryBytes: 32 << 20,
      // So little that service time is moved at every sample.
      keptBytes: 1,
    },
    { progress: () => undefined, measured: () => undefined, sample: (sample) => samples.push(sample) },
  );
  expect(run.samples).toEqual(samples);
  expect(samples).toHaveLength(6);
  expect(samples.map(({ clockMoves }) => clockMoves)).toEqual([0, 1, 2, 3, 4, 5]);
  expect(run.acknowledgedRecords).toBeGreaterThan(0);
  expect(run.eventRecords).toBeGreaterThan(0);
  for (const sample of samples) {
    expect(Object.values(sample)).toSatisfy((values: number[]) => values.every(Number.isFinite));
    expect(sample.diskBytes).toBeGreaterThan(0);
    expect(sample.rssBytes).toBeGreaterThan(0);
  }
  expect(findingsOf(samples)).toHaveLength(7);
});
