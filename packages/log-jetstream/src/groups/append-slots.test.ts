import { simulatedRuntime } from "@millrace/runtime";
import type { Clock } from "@millrace/runtime";
import { expect, test } from "vitest";
import { AppendSlots } from "./append-slots.ts";
import type { AppendSlot } from "./append-slots.ts";

/** Appends that wait for their slots, and those that have begun, in that order. */
class Appends {
  readonly begun: string[] = [];
  readonly #slots: AppendSlots;
  readonly #slotOf = new Map<string, AppendSlot>();

  constructor(slots: AppendSlots) {
    this.#slots = slots;
  }

  begin(...names: string[]): void {
    for (const name of names) {
      const begin = (slot: AppendSlot) => {
        this.begun.push(name);
        this.#slotOf.set(name, slot);
      };
      const slot = this.#slots.take();
      if (slot instanceof Promise) void slot.then(begin);
      else begin(slot);
    }
  }

  slotOf(name: string): AppendSlot {
    return this.#slotOf.get(name)!;
  }
}

function inTime(check: (clock: Clock) => Promise<void>): () => Promise<void> {
  return async () => {
    const runtime = simulatedRuntime({ seed: 1 });
    await runtime.world.finish(check(runtime.clock));
  };
}

test(
  "as many appends as there are slots begin at once, and the others in their order as those end",
  inTime(async (clock) => {
    const appends = new Appends(new AppendSlots(clock, 2));
    appends.begin("before");
    await clock.sleep(60_000);
    appends.slotOf("before").over();
    appends.begin("a", "b", "c", "d", "e");
    await clock.sleep(1_000);
    expect(appends.begun).toEqual(["before", "a", "b"]);
    appends.slotOf("b").over();
    appends.slotOf("a").over();
    await clock.sleep(1_000);
    expect(appends.begun).toEqual(["before", "a", "b", "c", "d"]);
    appends.slotOf("c").unused();
    await clock.sleep(0);
    expect(appends.begun).toEqual(["before", "a", "b", "c", "d", "e"]);
  }),
);

test(
  "nobody waits for longer than an append takes, and then there are more than slots until as many have ended",
  inTime(async (clock) => {
    const appends = new Appends(new AppendSlots(clock, 1));
    appends.begin("before");
    await clock.sleep(40);
    appends.slotOf("before").over();
    appends.begin("slow", "patient");
    await clock.sleep(39);
    expect(appends.begun).toEqual(["before", "slow"]);
    await clock.sleep(2);
    expect(appends.begun).toEqual(["before", "slow", "patient"]);
    appends.begin("later");
    appends.slotOf("patient").unused();
    await clock.sleep(1);
    expect(appends.begun).not.toContain("later");
    appends.slotOf("slow").unused();
    await clock.sleep(0);
    expect(appends.begun).toContain("later");
  }),
);
