import type { StateChange } from "@millrace/log";
import { describe, expect, test } from "vitest";
import { type StateEffect, type StateItem, StateMachine } from "./state-machine.ts";

/** A machine, and sessions that number what they ask. */
function machineOf() {
  let machine = new StateMachine();
  const numbers = new Map<string, number>();
  const ask = (session: string, ...items: StateItem[]): StateEffect[] => {
    const number = numbers.get(session) ?? 0;
    numbers.set(session, number + items.length);
    return machine.apply({ session, number, items });
  };
  return {
    get machine() {
      return machine;
    },
    ask,
    change: (session: string, change: StateChange) => ask(session, { kind: "change", change }),
    again: (session: string, number: number, ...items: StateItem[]) =>
      machine.apply({ session, number, items }),
    restart: () => {
      machine = StateMachine.from(JSON.parse(JSON.stringify(machine.snapshot())));
    },
  };
}

const outcomes = (effects: readonly StateEffect[]) =>
  effects.flatMap((effect) =>
    effect.kind === "outcome" ? [`${effect.session} ${effect.number} ${effect.outcome.kind}`] : [],
  );

describe("the state of a cluster", () => {
  test("takes what was sent twice once", () => {
    const state = machineOf();
    const change: StateItem = { kind: "change", change: { puts: [["a", "1"]] } };
    state.ask("one", change);
    expect(state.again("one", 0, change)).toEqual([]);
    // Of a message that holds something new, too, only that counts.
    expect(
      outcomes(state.again("one", 0, change, { kind: "change", change: { puts: [["b", "1"]] } })),
    ).toEqual(["one 1 committed"]);
    expect(state.machine.get("a")?.revision).toBe(1);
  });

  test("takes nothing from a session of which something is missing", () => {
    const state = machineOf();
    expect(state.again("one", 1, { kind: "change", change: { puts: [["a", "1"]] } })).toEqual([]);
    expect(state.machine.get("a")).toBeUndefined();
  });

  test("of two changes that expect the same revision the first wins", () => {
    const state = machineOf();
    expect(outcomes(state.change("one", { expect: [["a", 0]], puts: [["a", "1"]] }))).toEqual([
      "one 0 committed",
    ]);
    expect(state.change("two", { expect: [["a", 0]], puts: [["a", "2"]] })).toEqual([
      { kind: "outcome", session: "two", number: 0, outcome: { kind: "conflict", key: "a" } },
    ]);
  });

  test("a change that closes logs takes effect when they have ended, and the first end counts", () => {
    const state = machineOf();
    state.change("one", { opens: [7] });
    const begun = state.change("one", { closes: [7], opens: [8, 9], puts: [["shard", "closed"]] });
    expect(begun).toMatchObject([{ kind: "closing", operation: { id: 1, closing: [7] } }]);
    expect(state.machine.get("shard")).toBeUndefined();
    expect(state.machine.log(8)).toBeUndefined();
    state.restart();
    expect(outcomes(state.ask("two", { kind: "finish", operation: 1, ends: [[7, 5]] }))).toEqual([
      "one 1 committed",
      "two 0 committed",
    ]);
    state.ask("three", { kind: "finish", operation: 1, ends: [[7, 6]] });
    expect(state.machine.log(7)).toMatchObject({ endIndex: 5 });
    expect(state.machine.log(8)).toMatchObject({ trimIndex: 1, endIndex: undefined });
    expect(state.machine.get("shard")?.value).toBe("closed");
  });

  test("what wants the keys or logs of such a change waits for it, in order, and others do not", () => {
    const state = machineOf();
    state.change("one", { opens: [7] });
    state.change("one", { closes: [7], puts: [["shard", "closed"]] });
    expect(outcomes(state.change("two", { expect: [["shard", 0]], puts: [["shard", "other"]] }))).toEqual([]);
    expect(outcomes(state.change("two", { closes: [7], puts: [["more", "1"]] }))).toEqual([]);
    expect(outcomes(state.change("three", { puts: [["more", "2"]] }))).toEqual([]);
    expect(outcomes(state.change("three", { puts: [["free", "1"]] }))).toEqual(["three 1 committed"]);
    state.restart();
    expect(outcomes(state.ask("two", { kind: "finish", operation: 1, ends: [[7, 5]] }))).toEqual([
      "one 1 committed",
      "two 0 conflict",
      "two 1 committed",
      "three 0 committed",
      "two 2 committed",
    ]);
    expect(state.machine.get("more")?.value).toBe("2");
    expect(state.machine.operations.size).toBe(0);
  });

  test("a log that one change opens and closes is closed and empty", () => {
    const state = machineOf();
    expect(outcomes(state.change("one", { opens: [3], closes: [3] }))).toEqual(["one 0 committed"]);
    expect(state.machine.log(3)).toMatchObject({ trimIndex: 1, endIndex: 1 });
  });

  test("the trim point only goes up, and not past the end", () => {
    const state = machineOf();
    state.change("one", { opens: [3] });
    state.change("one", { trims: [[3, 5]] });
    state.change("one", { trims: [[3, 2]] });
    expect(state.machine.log(3)?.trimIndex).toBe(5);
    state.change("one", { closes: [3] });
    state.ask("one", { kind: "finish", operation: 1, ends: [[3, 8]] });
    state.change("one", { trims: [[3, 100]] });
    expect(state.machine.log(3)?.trimIndex).toBe(8);
  });

  test("sixteen open logs share a group, one with room is filled first, and an empty one is not used again", () => {
    const state = machineOf();
    const logs = Array.from({ length: 40 }, (_, index) => index + 1);
    state.change("one", { opens: logs });
    const groupsOf = (some: readonly number[]) => some.map((logId) => state.machine.log(logId)?.group);
    expect(groupsOf(logs)).toEqual(logs.map((logId) => Math.ceil(logId / 16)));
    state.change("one", { drops: logs.slice(0, 12) });
    state.change("one", { drops: logs.slice(16, 32) });
    expect([...state.machine.groups.keys()].sort()).toEqual([1, 3]);
    const more = Array.from({ length: 20 }, (_, index) => index + 100);
    state.change("one", { opens: more });
    // The one that was being filled, then the one with room, then a new one.
    expect(groupsOf(more)).toEqual([...Array(8).fill(3), ...Array(12).fill(1)]);
    state.restart();
    state.change("one", { opens: [200] });
    expect(state.machine.log(200)?.group).toBe(4);
  });
});
