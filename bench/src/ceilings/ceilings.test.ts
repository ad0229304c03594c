import { expect, test } from "vitest";
import { CEILINGS_SMOKE_DIGEST, ceilingsSmoke } from "./smoke.ts";

test("every ceiling reads, answers and stores what it says", async () => {
  expect(await ceilingsSmoke()).toBe(CEILINGS_SMOKE_DIGEST);
}, 60_000);
