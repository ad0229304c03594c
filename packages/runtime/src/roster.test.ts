import fc from "fast-check";
import { expect, test } from "vitest";
import { Roster } from "./index.ts";

test("holds what came and has not left, each once", () => {
  const moves = fc.array(fc.record({ isComing: fc.boolean(), pick: fc.nat(30) }), { maxLength: 200 });
  fc.assert(
    fc.property(moves, (given) => {
      const items = Array.from({ length: 31 }, (_, number) => ({ place: -1, number }));
      const present = new Set<(typeof items)[number]>();
      const roster = new Roster<(typeof items)[number]>();
      for (const { isComing, pick } of given) {
        const item = items[pick]!;
        if (!isComing) expect(roster.delete(item)).toBe(present.delete(item));
        else if (!present.has(item)) {
          roster.add(item);
          present.add(item);
        }
        expect(roster.size).toBe(present.size);
        expect(new Set(roster.all())).toEqual(present);
      }
    }),
  );
});

test("those that are looked through may leave meanwhile, and what was cleared is in none", () => {
  const roster = new Roster<{ place: number; isEven: boolean }>();
  const items = Array.from({ length: 10 }, (_, number) => ({ place: -1, isEven: number % 2 === 0 }));
  for (const item of items) roster.add(item);
  for (const item of roster.filter(({ isEven }) => isEven)) expect(roster.delete(item)).toBe(true);
  expect(roster.all().map(({ isEven }) => isEven)).toEqual([false, false, false, false, false]);
  roster.clear();
  expect(roster.size).toBe(0);
  expect(items.map((item) => roster.delete(item))).not.toContain(true);
});
