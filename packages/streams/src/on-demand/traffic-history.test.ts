import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Rate } from "./traffic-history.ts";
import { NO_TRAFFIC, TrafficHistory } from "./traffic-history.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 0, 1);

function rate(bytesPerSecond: number, recordsPerSecond = 0): Rate {
  return { bytesPerSecond, recordsPerSecond };
}

describe("traffic history", () => {
  test("a peak counts for the hour and for thirty days", () => {
    const history = new TrafficHistory();
    history.note(START_MS, rate(100, 7));
    history.note(START_MS + 5 * MINUTE_MS, rate(90, 9));
    history.note(START_MS + 40 * MINUTE_MS, rate(10, 1));
    const at = (minutes: number) => START_MS + minutes * MINUTE_MS;
    expect(history.peakOfHour(at(44))).toEqual(rate(100, 9));
    expect(history.peakOfHour(at(60))).toEqual(rate(10, 1));
    expect(history.peakOfHour(at(120))).toEqual(NO_TRAFFIC);
    expect(history.peakOfThirtyDays(START_MS + 29 * DAY_MS)).toEqual(rate(100, 9));
    expect(history.peakOfThirtyDays(START_MS + 30 * DAY_MS)).toEqual(NO_TRAFFIC);
  });

  test("it stays small however long it goes on, and is what it was after it was stored", () => {
    const history = new TrafficHistory();
    for (let minute = 0; minute < 60 * 1_440; minute += 7)
      history.note(START_MS + minute * MINUTE_MS, rate(minute));
    const text = JSON.stringify(history.toStored());
    expect(text.length).toBeLessThan(1_000);
    const restored = new TrafficHistory(JSON.parse(text));
    const endMs = START_MS + 60 * DAY_MS;
    expect(restored.peakOfThirtyDays(endMs)).toEqual(history.peakOfThirtyDays(endMs));
    expect(restored.toStored()).toEqual(history.toStored());
  });

  test("the peak is that of the minutes in the window, to the bucket", () => {
    const minutes = fc.array(fc.tuple(fc.nat(500), fc.nat(1_000)), { maxLength: 100 });
    fc.assert(
      fc.property(minutes, (steps) => {
        const history = new TrafficHistory();
        let nowMs = START_MS;
        const noted: [number, number][] = [];
        for (const [wait, bytes] of steps) {
          nowMs += wait * MINUTE_MS;
          history.note(nowMs, rate(bytes));
          noted.push([nowMs, bytes]);
        }
        const peakSince = (sinceMs: number) =>
          Math.max(0, ...noted.filter(([atMs]) => atMs >= sinceMs).map(([, bytes]) => bytes));
        const hour = history.peakOfHour(nowMs).bytesPerSecond;
        expect(hour).toBeGreaterThanOrEqual(peakSince(nowMs - 45 * MINUTE_MS));
        expect(hour).toBeLessThanOrEqual(peakSince(nowMs - 60 * MINUTE_MS));
        const days = history.peakOfThirtyDays(nowMs).bytesPerSecond;
        expect(days).toBeGreaterThanOrEqual(peakSince(nowMs - 29 * DAY_MS));
        expect(days).toBeLessThanOrEqual(peakSince(nowMs - 30 * DAY_MS));
      }),
    );
  });

  test("forgetting keeps the last hour", () => {
    const history = new TrafficHistory();
    history.note(START_MS, rate(100));
    history.note(START_MS + 3 * DAY_MS, rate(5));
    history.forgetBeforeHour(START_MS + 3 * DAY_MS);
    expect(history.peakOfThirtyDays(START_MS + 3 * DAY_MS)).toEqual(rate(5));
  });

  test("a share of another is added bucket by bucket", () => {
    const parent = new TrafficHistory();
    parent.note(START_MS, rate(100, 10));
    parent.note(START_MS + DAY_MS, rate(60, 6));
    const child = new TrafficHistory();
    child.note(START_MS, rate(1));
    child.add(parent, 0.5);
    expect(child.peakOfThirtyDays(START_MS + DAY_MS)).toEqual(rate(51, 5));
    expect(child.peakOfThirtyDays(START_MS + 30 * DAY_MS)).toEqual(rate(30, 3));
  });
});
