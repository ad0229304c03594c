/**
 * Data of metrics that clients put, in memory: fifteen days of service time and a million of them, of which the
 * oldest go first. They are gone with the process.
 */
import type { ServiceClock } from "@millrace/runtime";

const AGE_MAX_MS = 15 * 24 * 3_600_000;
const POINT_COUNT_MAX = 1_000_000;
/** How many there may be too many before they are cut off, so that cutting costs little for each. */
const SLACK = 1_024;

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

export class MetricPoints {
  readonly #clock: ServiceClock;
  readonly #countMax: number;
  /** In the order in which they were put. */
  #points: MetricPoint[] = [];

  constructor(clock: ServiceClock, countMax = POINT_COUNT_MAX) {
    this.#clock = clock;
    this.#countMax = countMax;
  }

  get count(): number {
    return Math.min(this.#points.length, this.#countMax);
  }

  add(points: readonly MetricPoint[]): void {
    for (const point of points) this.#points.push(point);
    if (this.#points.length > this.#countMax + SLACK) this.#points = this.#kept();
  }

  /** The newest `limit` of the points that fit, oldest first. */
  find(filter: PointFilter, limit: number): MetricPoint[] {
    this.#points = this.#kept();
    return this.#points.filter((point) => fits(point, filter)).slice(-limit);
  }

  #kept(): MetricPoint[] {
    const oldestMs = this.#clock.nowMs() - AGE_MAX_MS;
    return this.#points.slice(-this.#countMax).filter(({ timestampMs }) => timestampMs >= oldestMs);
  }
}

function fits(point: MetricPoint, filter: PointFilter): boolean {
  for (const member of ["accountId", "region", "namespace", "metricName"] as const) {
    if (filter[member] !== undefined && filter[member] !== point[member]) return false;
  }
  if (filter.fromMs !== undefined && point.timestampMs < filter.fromMs) return false;
  if (filter.toMs !== undefined && point.timestampMs > filter.toMs) return false;
  return Object.entries(filter.dimensions ?? {}).every(([name, value]) => point.dimensions[name] === value);
}
