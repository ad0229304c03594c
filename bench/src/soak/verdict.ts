/** What a soak shows: whether memory and latency stayed what they were. */
import { formatNumber } from "../harness/table.ts";
import type { Sample } from "./plan.ts";
import { type Steadiness, steadinessOf } from "./steadiness.ts";

export interface Finding extends Steadiness {
  readonly what: string;
  readonly unit: string;
  /** What the soak is for; the other figures are told beside it. */
  readonly counts: boolean;
}

const FIGURES: readonly (Pick<Finding, "what" | "unit" | "counts"> & { of(sample: Sample): number })[] = [
  { what: "resident memory", unit: "MB", counts: true, of: ({ rssBytes }) => rssBytes / 1e6 },
  { what: "latency p99", unit: "ms", counts: true, of: ({ p99Ms }) => p99Ms },
  { what: "latency p50", unit: "ms", counts: false, of: ({ p50Ms }) => p50Ms },
  { what: "rate", unit: "records/s", counts: false, of: ({ recordsPerSecond }) => recordsPerSecond },
  { what: "event loop lag", unit: "ms", counts: false, of: ({ eventLoopLagMs }) => eventLoopLagMs },
  { what: "reserved memory", unit: "MB", counts: false, of: ({ reservedBytes }) => reservedBytes / 1e6 },
  { what: "on disk", unit: "GB", counts: false, of: ({ diskBytes }) => diskBytes / 1e9 },
];

export function findingsOf(samples: readonly Sample[]): Finding[] {
  return FIGURES.map(({ what, unit, counts, of }) => ({
    what,
    unit,
    counts,
    ...steadinessOf(samples.map((sample) => ({ atMs: sample.atMs, value: of(sample) }))),
  }));
}

/** One line for each figure, with pass or miss for those that count. */
export function formatFindings(findings: readonly Finding[]): string {
  const cells = findings.map(({ what, unit, counts, middle, end, ratio, risePerMinute, isFlat }) => [
    what,
    `${formatNumber(middle)} → ${formatNumber(end)} ${unit}`,
    `× ${ratio.toFixed(3)}`,
    `${risePerMinute < 0 ? "−" : "+"}${formatNumber(Math.abs(risePerMinute))} ${unit} a minute`,
    counts ? `${isFlat ? "pass" : "miss"} (wanted within 10 %)` : "",
  ]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(...cells.map((cell) => cell[column]!.length)));
  return cells
    .map((cell) => cell.map((text, column) => text.padEnd(widths[column] ?? 0)).join("  "))
    .map((line) => `  ${line}`.trimEnd())
    .join("\n");
}
