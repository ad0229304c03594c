import { expect, test } from "vitest";
import { drawSoak } from "./picture.ts";
import type { Sample } from "./plan.ts";

const sample = (atMs: number, changes: Partial<Sample> = {}): Sample => ({
  atMs,
  recordsPerSecond: 1_000,
  p50Ms: 2,
  p99Ms: 10,
  maxMs: 20,
  refusedRequests: 0,
  waitingRequests: 0,
  readP99Ms: 3,
  unreadRecords: 0,
  behindMs: 0,
  rssBytes: 200e6,
  reservedBytes: 100e6,
  cacheBytes: 50e6,
  eventLoopLagMs: 5,
  diskBytes: 1e9,
  serverCores: 0.5,
  clockMoves: 0,
  ...changes,
});

const caption = { machine: "2 × <CPU>", commit: "abc", date: "2026-11-21", load: "a & b" };

/** The points of each line, in the order in which they are drawn. */
function linesOf(svg: string): string[] {
  return [...svg.matchAll(/<polyline class="line \w+" points="([^"]*)"/g)].map(([, points = ""]) => points);
}

test("every figure is a line with a point for each sample, from left to right", () => {
  const svg = drawSoak([sample(30_000), sample(60_000)], caption);
  const lines = linesOf(svg);
  expect(lines).toHaveLength(7);
  for (const points of lines) expect(points).toMatch(/^497\.0,[\d.]+ 892\.0,[\d.]+$/);
});

test("twice as much is twice as high above the axis", () => {
  const svg = drawSoak([sample(30_000, { diskBytes: 1e9 }), sample(60_000, { diskBytes: 2e9 })], caption);
  const [low, high] = linesOf(svg)
    .at(-1)!
    .split(" ")
    .map((point) => Number(point.split(",")[1]));
  const axis = Number([...svg.matchAll(/class="axis" x1="\d+" y1="(\d+)"/g)].at(-2)![1]);
  expect(axis - high!).toBeCloseTo(2 * (axis - low!));
  expect(axis - high!).toBeGreaterThan(10);
});

test("scales end at a number that can be read, above everything", () => {
  const svg = drawSoak([sample(1_000, { recordsPerSecond: 61_234, rssBytes: 210e6 })], caption);
  expect(svg).toContain(">100,000<");
  expect(svg).toContain(">250<");
});

test("moves of service time are shown where they happened", () => {
  const samples = [sample(10_000), sample(20_000), sample(40_000, { clockMoves: 1 })];
  const svg = drawSoak(samples, caption);
  // Halfway, in each of the five panels.
  expect(svg.match(/class="move" x1="497\.0"/g)).toHaveLength(5);
});

test("texts are escaped, and figures that are all nothing can be drawn", () => {
  const nothing = Object.fromEntries(Object.keys(sample(1)).map((name) => [name, 0])) as unknown as Sample;
  const svg = drawSoak([nothing], caption);
  expect(svg).toContain("2 × &lt;CPU&gt;");
  expect(svg).toContain("a &amp; b");
  expect(svg).not.toContain("NaN");
});
