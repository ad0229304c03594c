/** What clients have put into CloudWatch, for people and tests to look at. */
import type { MetricPoints, PointFilter } from "@millrace/tables";
import type { WireRequest, WireResponse } from "@millrace/wire";
import { errorAnswer, jsonAnswer } from "./json-answer.ts";

const LIMIT_DEFAULT = 1_000;
const LIMIT_MAX = 100_000;
const DIMENSION = "dimension.";
const NAMES = ["account", "region", "namespace", "metric", "from", "to", "limit"];

/**
 * `GET /_millrace/metrics/points?namespace=…&metric=…&dimension.NAME=…&from=…&to=…&limit=…`: the newest points that
 * fit, oldest first. Times are ISO 8601 or milliseconds since the epoch, both ends included.
 */
export function metricPoints({ path }: WireRequest, points: MetricPoints): WireResponse {
  const { searchParams } = new URL(path, "http://localhost");
  const dimensions: Record<string, string> = {};
  for (const [name, value] of searchParams) {
    if (name.startsWith(DIMENSION)) dimensions[name.slice(DIMENSION.length)] = value;
    else if (!NAMES.includes(name)) {
      return refused(`There is no parameter ${name}; there are ${NAMES.join(", ")} and ${DIMENSION}NAME.`);
    }
  }
  const text = (name: string) => searchParams.get(name) ?? undefined;
  const limit = text("limit") === undefined ? LIMIT_DEFAULT : Number(text("limit"));
  if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX) {
    return refused(`limit is a number from 1 to ${LIMIT_MAX}.`);
  }
  const [fromMs, toMs] = [timeOf(text("from")), timeOf(text("to"))];
  if (Number.isNaN(fromMs) || Number.isNaN(toMs)) {
    return refused("from and to are times such as 2026-01-31T12:00:00Z, or milliseconds since the epoch.");
  }
  const wanted = {
    accountId: text("account"),
    region: text("region"),
    namespace: text("namespace"),
    metricName: text("metric"),
    fromMs,
    toMs,
    dimensions,
  };
  const filter = Object.fromEntries(
    Object.entries(wanted).filter(([, value]) => value !== undefined),
  ) as PointFilter;
  const found = points.find(filter, limit);
  return jsonAnswer(200, {
    count: points.count,
    points: found.map(({ timestampMs, ...point }) => ({
      ...point,
      timestamp: new Date(timestampMs).toISOString(),
    })),
  });
}

function timeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return /^\d+$/.test(text) ? Number(text) : Date.parse(text);
}

function refused(message: string): WireResponse {
  return errorAnswer(400, "ValidationException", message);
}
