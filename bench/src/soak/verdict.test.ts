import { expect, test } from "vitest";
import type { Sample } from "./plan.ts";
import { findingsOf, formatFindings } from "./verdict.ts";

const figures: Sample = {
  atMs: 0,
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
};

test("memory that grows and latency that does not are a miss and a pass", () => {
  const samples = Array.from({ length: 9 }, (_, index) => ({
    ...figures,
    atMs: (index + 1) * 60_000,
    rssBytes: 200e6 + index * 20e6,
  }));
  const findings = findingsOf(samples);
  expect(findings.filter(({ counts }) => counts)).toMatchObject([
    { what: "resident memory", middle: 280, end: 340, isFlat: false },
    { what: "latency p99", middle: 10, end: 10, isFlat: true },
  ]);
  expect(findings[0]!.risePerMinute).toBeCloseTo(20);
  const [memory, latency, ...others] = formatFindings(findings).split("\n");
  expect(memory).toMatch(/resident memory +280 → 340 MB .*\+20 MB a minute +miss/);
  expect(latency).toMatch(/latency p99 +10 → 10 ms .*pass/);
  expect(others.join()).not.toMatch(/pass|miss/);
});
