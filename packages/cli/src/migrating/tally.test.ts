import { simulatedClock } from "@millrace/runtime";
import { expect, test } from "vitest";
import { testWorld } from "../test-world.ts";
import { Tally } from "./tally.ts";

test("where nobody is looking a line is written every half minute, with what is done and how far it has to go", async () => {
  const clock = simulatedClock();
  const world = testWorld({ clock });
  const tally = new Tally(world, "clicks", 3);
  await clock.runFor(20_000);
  tally.add("one", 1_000, 20 << 20, 7_200_000);
  expect(world.complained()).toBe("");
  await clock.runFor(20_000);
  tally.add("two", 234, 20 << 20, 0);
  expect(world.complained()).toBe("clicks: 1,234 records, 40 MiB, 1 MiB/s, 1 of 3 shards done, 2 h left\n");
  await clock.runFor(29_000);
  tally.add("one", 1, 0, 0);
  expect(world.complained()).toBe("clicks: 1,234 records, 40 MiB, 1 MiB/s, 1 of 3 shards done, 2 h left\n");
  await clock.runFor(1_000);
  tally.add("two", 0, 0, 0);
  expect(world.complained()).toContain("\nclicks: 1,235 records, 40 MiB, 585 KiB/s, 2 of 3 shards done\n");
});

test("a person sees one line that is written over, and none when it is done", () => {
  let shown = "";
  const base = testWorld();
  const errors = { ...base.errors, isTerminal: true, write: (text: string) => void (shown += text) };
  const tally = new Tally({ ...base, errors }, "clicks", 1);
  tally.add("one", 5, 1024, 1_000);
  expect(shown).toContain("clicks: 5 records, 1 KiB, ");
  expect(shown).not.toContain("\n");
  tally.clear();
  expect(shown.endsWith("\r\u001b[2K")).toBe(true);
});
