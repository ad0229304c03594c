/** Whether figures stay what they are. */
import { median } from "../harness/rounds.ts";

/** What the last third may differ from the middle one. */
const CHANGE_MAX = 0.1;

export interface Steadiness {
  /** Medians of the second and the last third; the first one is for warming up. */
  readonly middle: number;
  readonly end: number;
  /** End to middle; 1 where both are nothing. */
  readonly ratio: number;
  /** The straight line through the second and the last third, by least squares: its rise in a minute. */
  readonly risePerMinute: number;
  /** The medians differ by no more than a tenth. */
  readonly isFlat: boolean;
}

export interface Point {
  readonly atMs: number;
  readonly value: number;
}

/** @throws {RangeError} for fewer than three points: no third may be empty. */
export function steadinessOf(points: readonly Point[]): Steadiness {
  if (points.length < 3) throw new RangeError("three points at least have thirds");
  const firstEnd = Math.floor(points.length / 3);
  const middleEnd = Math.floor((2 * points.length) / 3);
  const counted = points.slice(firstEnd);
  const middle = median(points.slice(firstEnd, middleEnd).map(({ value }) => value));
  const end = median(points.slice(middleEnd).map(({ value }) => value));
  const ratio = end === middle ? 1 : end / middle;
  return {
    middle,
    end,
    ratio,
    risePerMinute: slopeOf(counted) * 60_000,
    isFlat: Math.abs(end - middle) <= CHANGE_MAX * Math.abs(middle),
  };
}

function slopeOf(points: readonly Point[]): number {
  const mean = (of: (point: Point) => number) =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const meanAt = mean(({ atMs }) => atMs);
  const meanValue = mean(({ value }) => value);
  let covariance = 0;
  let variance = 0;
  for (const { atMs, value } of points) {
    covariance += (atMs - meanAt) * (value - meanValue);
    variance += (atMs - meanAt) ** 2;
  }
  return variance === 0 ? 0 : covariance / variance;
}
