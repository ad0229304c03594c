import { expect, test } from "vitest";
import { groupKey, ownerAmong } from "./rendezvous.ts";

const SESSIONS = ["0f3a", "91c2", "77de", "b004"];
const GROUPS = Array.from({ length: 400 }, (_, group) => groupKey(group + 1));

function shares(sessions: readonly string[]): Map<string | undefined, number> {
  const counts = new Map<string | undefined, number>();
  for (const key of GROUPS) {
    const owner = ownerAmong(sessions, key);
    counts.set(owner, (counts.get(owner) ?? 0) + 1);
  }
  return counts;
}

test("each gateway owns about as much as every other", () => {
  for (const [, count] of shares(SESSIONS)) expect(Math.abs(count - 100)).toBeLessThan(35);
});

test("everyone comes to the same owner, in whatever order the gateways are known", () => {
  const reversed = [...SESSIONS].reverse();
  for (const key of GROUPS) expect(ownerAmong(reversed, key)).toBe(ownerAmong(SESSIONS, key));
});

test("when a gateway goes, only what was its changes hands", () => {
  const [gone, ...left] = SESSIONS;
  for (const key of GROUPS) {
    const before = ownerAmong(SESSIONS, key);
    if (before !== gone) expect(ownerAmong(left, key)).toBe(before);
  }
});

test("where there is no gateway there is no owner", () => {
  expect(ownerAmong([], "group 1")).toBeUndefined();
});
