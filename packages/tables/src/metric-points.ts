/**
 * Data of metrics that clients put, in memory: fifteen days of service time and a million of them, of which the
 * oldest go first. They are gone with the process.
 */
import type { ServiceClock } from "@millrace/runtime";

const AGE_MAX_MS = 15 * 24 * 3_600_000;
const POINT_COUNT_MAX = 1_000_000;
/** How many there may be too many before they are cut off, so that cutting costs little for each. */
const SLACK = 16_384;

export interface MetricPoint {
  readonly accountId: string;
  readonly region: string;
  readonly namespace: string;
  readonly metricName: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly timestampMs: number;
  readonly unit: string;
  /** Single values, each once, or as often as `counts` says. */
  readonly values?: readonly number[];
  readonly counts?: readonly number[];
  readonly statistics?: {
    readonly sampleCount: number;
    readonly sum: number;
    readonly minimum: number;
    readonly maximum: number;
  };
}

/** Which points are wanted: all that fit every member that is there. */
export interface PointFilter {
  readonly accountId?: string;
  readonly region?: string;
  readonly namespace?: string;
  readonly metricName?: string;
  /** The point has these dimensions, and may have others. */
  readonly dimensions?: Readonly<Record<string, string>>;
  /** The first and the last time, both included, in service milliseconds. */
  readonly fromMs?: number;
  readonly toMs?: number;
}

/** What the points of one metric have in common; held once, as there are few metrics and many points. */
type Metric = Pick<MetricPoint, "accountId" | "region" | "namespace" | "metricName" | "dimensions" | "unit">;

/** A point as it is held: a million of them are, so each has the same few members. */
interface HeldPoint {
  readonly metric: Metric;
  readonly timestampMs: number;
  /** A number when it is one value without a count, as most points are. */
  readonly values: readonly number[] | number | undefined;
  readonly counts: MetricPoint["counts"] | undefined;
  readonly statistics: MetricPoint["statistics"] | undefined;
}

export class MetricPoints {
  readonly #clock: ServiceClock;
  readonly #countMax: number;
  /** In the order in which they were put. */
  #points: HeldPoint[] = [];
  /** By everything that they say. */
  readonly #metrics = new Map<string, Metric>();

  constructor(clock: ServiceClock, countMax = POINT_COUNT_MAX) {
    this.#clock = clock;
    this.#countMax = countMax;
  }

  get count(): number {
    return Math.min(this.#points.length, this.#countMax);
  }

  add(points: readonly MetricPoint[]): void {
    for (const { accountId, region, namespace, metricName, dimensions, unit, ...point } of points) {
      const { counts, statistics, timestampMs, values } = point;
      this.#points.push({
        metric: this.#held({ accountId, region, namespace, metricName, dimensions, unit }),
        timestampMs,
        values: values?.length === 1 ? values[0] : values,
        counts,
        statistics,
      });
    }
    if (this.#points.length > this.#countMax + SLACK) this.#letGo();
  }

  /** The newest `limit` of the points that fit, oldest first. */
  find(filter: PointFilter, limit: number): MetricPoint[] {
    this.#letGo();
    return this.#points
      .filter((point) => fits(point, filter))
      .slice(-limit)
      .map(shown);
  }

  #held(metric: Metric): Metric {
    const key = JSON.stringify(metric);
    const known = this.#metrics.get(key);
    if (known !== undefined) return known;
    this.#metrics.set(key, metric);
    return metric;
  }

  /** Of points that are too old or too many, and of metrics that have none any more. */
  #letGo(): void {
    const oldestMs = this.#clock.nowMs() - AGE_MAX_MS;
    this.#points = this.#points.slice(-this.#countMax).filter(({ timestampMs }) => timestampMs >= oldestMs);
    const alive = new Set(this.#points.map(({ metric }) => metric));
    for (const [key, metric] of this.#metrics) if (!alive.has(metric)) this.#metrics.delete(key);
  }
}

function shown({ counts, metric, statistics, timestampMs, values }: HeldPoint): MetricPoint {
  return {
    ...metric,
    timestampMs,
    ...(values === undefined ? {} : { values: typeof values === "number" ? [values] : values }),
    ...(counts === undefined ? {} : { counts }),
    ...(statistics === undefined ? {} : { statistics }),
  };
}

function fits({ metric, timestampMs }: HeldPoint, filter: PointFilter): boolean {
  for (const member of ["accountId", "region", "namespace", "metricName"] as const) {
    if (filter[member] !== undefined && filter[member] !== metric[member]) return false;
  }
  if (filter.fromMs !== undefined && timestampMs < filter.fromMs) return false;
  if (filter.toMs !== undefined && timestampMs > filter.toMs) return false;
  return Object.entries(filter.dimensions ?? {}).every(([name, value]) => metric.dimensions[name] === value);
}
