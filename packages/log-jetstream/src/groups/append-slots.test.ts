import { simulatedRuntime } from "@millrace/runtime";
import { expect, test } from "vitest";
import { AppendSlots } from "./append-slots.ts";

/** Appends that wait for their slots, and how many have begun. */
function appends(slots: AppendSlots) {
  const begun: string[] = [];
  return {
    begun,
    begin(name: string): void {
      const waiting = slots.take();
      if (waiting === undefined) begun.push(name);
      else void waiting.then(() => begun.push(name));
    },
  };
}

function inTime(check: (clock: ReturnType<typeof simulatedRuntime>["clock"]) => Promise<void>) {
  return async () => {
    const runtime = simulatedRuntime({ seed: 1 });
    await runtime.world.finish(check(runtime.clock));
  };
}

test(
  "as many appends as there are slots begin at once, and the others in their order as those end",
  inTime(async (clock) => {
    const slots = new AppendSlots(clock, 2);
    const { begin, begun } = appends(slots);
    begin("of before");
    slots.give(60_000);
    for (const name of ["a", "b", "c", "d", "e"]) begin(name);
    await clock.sleep(1_000);
    expect(begun).toEqual(["of before", "a", "b"]);
    slots.give(60_000);
    slots.give(60_000);
    await clock.sleep(1_000);
    expect(begun).toEqual(["of before", "a", "b", "c", "d"]);
    slots.give(undefined);
    await clock.sleep(0);
    expect(begun).toEqual(["of before", "a", "b", "c", "d", "e"]);
  }),
);

test(
  "nobody waits for longer than an append takes, and then there are more than slots until as many have ended",
  inTime(async (clock) => {
    const slots = new AppendSlots(clock, 1);
    const { begin, begun } = appends(slots);
    begin("of before");
    slots.give(40);
    begin("slow");
    begin("patient");
    await clock.sleep(39);
    expect(begun).toEqual(["of before", "slow"]);
    await clock.sleep(2);
    expect(begun).toEqual(["of before", "slow", "patient"]);
    begin("later");
    slots.give(40);
    await clock.sleep(1);
    expect(begun).not.toContain("later");
    slots.give(40);
    await clock.sleep(0);
    expect(begun).toContain("later");
  }),
);
