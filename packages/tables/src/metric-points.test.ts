import { serviceClock, simulatedClock } from "@millrace/runtime";
import { expect, test } from "vitest";
import { MetricPoints } from "./metric-points.ts";
import type { MetricPoint } from "./metric-points.ts";

const clock = serviceClock(simulatedClock());
const point = (metricName: string, more: Partial<MetricPoint> = {}): MetricPoint => ({
  accountId: "123456789012",
  region: "us-east-1",
  namespace: "KCL",
  metricName,
  dimensions: { Operation: "RenewLease", WorkerIdentifier: "w" },
  timestampMs: clock.nowMs(),
  unit: "Count",
  values: [1],
  ...more,
});

test("the oldest go first when there are too many", () => {
  const points = new MetricPoints(clock, 100);
  for (let index = 0; index < 50_000; index += 1) points.add([point(`m${index}`)]);
  const found = points.find({}, 1_000);
  expect(points.count).toBe(100);
  expect(found).toHaveLength(100);
  expect(found.at(0)?.metricName).toBe("m49900");
  expect(found.at(-1)?.metricName).toBe("m49999");
});

test("points are found by everything that they are about", () => {
  const points = new MetricPoints(clock);
  const nowMs = clock.nowMs();
  points.add([
    point("a"),
    point("b", { dimensions: { Operation: "Other" } }),
    point("c", { timestampMs: nowMs - 60_000, namespace: "Agent" }),
  ]);
  const names = (filter: Parameters<MetricPoints["find"]>[0]) =>
    points.find(filter, 10).map(({ metricName }) => metricName);
  expect(names({ namespace: "KCL" })).toEqual(["a", "b"]);
  expect(names({ dimensions: { Operation: "RenewLease" } })).toEqual(["a", "c"]);
  expect(names({ metricName: "b" })).toEqual(["b"]);
  expect(names({ fromMs: nowMs })).toEqual(["a", "b"]);
  expect(names({ toMs: nowMs - 1 })).toEqual(["c"]);
  expect(names({ accountId: "0" })).toEqual([]);
  expect(points.find({}, 2).map(({ metricName }) => metricName)).toEqual(["b", "c"]);
});
