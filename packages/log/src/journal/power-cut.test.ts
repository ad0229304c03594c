import { describe, expect, test } from "vitest";
import { runHistory } from "./history.ts";

const first = Number(process.env["SEED"] ?? 1);
const seeds = Array.from({ length: Number(process.env["SEEDS"] ?? 12) }, (_, i) => first + i);

describe("the journal under crashes, power cuts, failed writes and full disks", () => {
  test.each(seeds)(
    "what was acknowledged or seen stays, what is gone stays gone (seed %i)",
    async (seed) => {
      const result = await runHistory({ seed, lives: 12 });
      expect(result.acknowledged).toBeGreaterThan(0);
    },
    30_000,
  );

  test("one seed is one history", async () => {
    const once = await runHistory({ seed: 4711, lives: 6 });
    const again = await runHistory({ seed: 4711, lives: 6 });
    expect(again).toEqual(once);
  });
});
