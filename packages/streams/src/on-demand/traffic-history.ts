/**
 * How much was written, as far back as on-demand capacity looks: peaks of minutes, folded into quarters of an
 * hour for the last hour and into days for the last thirty. A few hundred bytes when stored.
 */

/** A rate of writing, averaged over a minute. */
export interface Rate {
  readonly bytesPerSecond: number;
  readonly recordsPerSecond: number;
}

export const NO_TRAFFIC: Rate = Object.freeze({ bytesPerSecond: 0, recordsPerSecond: 0 });

/** The peak in one bucket of time, which is counted from 1970. */
type Bucket = readonly [bucket: number, bytesPerSecond: number, recordsPerSecond: number];

/** What is stored of a history; oldest bucket first. */
export interface StoredHistory {
  readonly quarters: readonly Bucket[];
  readonly days: readonly Bucket[];
}

const QUARTER_MS = 900_000;
const QUARTERS_KEPT = 4;
const DAY_MS = 86_400_000;
const DAYS_KEPT = 30;

export class TrafficHistory {
  #quarters: readonly Bucket[];
  #days: readonly Bucket[];

  constructor({ quarters, days }: StoredHistory = { quarters: [], days: [] }) {
    this.#quarters = quarters;
    this.#days = days;
  }

  /** Takes up the rate of a minute that has ended. */
  note(nowMs: number, rate: Rate): void {
    this.#quarters = withRate(this.#quarters, Math.floor(nowMs / QUARTER_MS), rate, QUARTERS_KEPT);
    this.#days = withRate(this.#days, Math.floor(nowMs / DAY_MS), rate, DAYS_KEPT);
  }

  /** The highest rates of the last hour, to the quarter. Bytes and records may peak in different minutes. */
  peakOfHour(nowMs: number): Rate {
    return peakSince(this.#quarters, Math.floor(nowMs / QUARTER_MS) - QUARTERS_KEPT);
  }

  /** The highest rates of the last thirty days, to the day. */
  peakOfThirtyDays(nowMs: number): Rate {
    return peakSince(this.#days, Math.floor(nowMs / DAY_MS) - DAYS_KEPT);
  }

  /** Forgets what was before the last hour. */
  forgetBeforeHour(nowMs: number): void {
    const peak = this.peakOfHour(nowMs);
    this.#days = [];
    this.note(nowMs, peak);
  }

  /** Adds another history, or a share of it: what a shard takes over from one that it follows. */
  add(other: TrafficHistory, share: number): void {
    this.#quarters = sum(this.#quarters, other.#quarters, share);
    this.#days = sum(this.#days, other.#days, share);
  }

  toStored(): StoredHistory {
    return { quarters: this.#quarters, days: this.#days };
  }
}

function maxRate(one: Rate, other: Rate): Rate {
  return {
    bytesPerSecond: Math.max(one.bytesPerSecond, other.bytesPerSecond),
    recordsPerSecond: Math.max(one.recordsPerSecond, other.recordsPerSecond),
  };
}

export function addRates(one: Rate, other: Rate): Rate {
  return {
    bytesPerSecond: one.bytesPerSecond + other.bytesPerSecond,
    recordsPerSecond: one.recordsPerSecond + other.recordsPerSecond,
  };
}

function withRate(buckets: readonly Bucket[], bucket: number, rate: Rate, kept: number): readonly Bucket[] {
  const known = buckets.at(-1);
  const bytes = Math.round(rate.bytesPerSecond);
  const records = Math.round(rate.recordsPerSecond);
  if (known?.[0] === bucket) {
    if (bytes <= known[1] && records <= known[2]) return buckets;
    return [...buckets.slice(0, -1), [bucket, Math.max(bytes, known[1]), Math.max(records, known[2])]];
  }
  const recent = buckets.filter(([at]) => at > bucket - kept);
  return bytes === 0 && records === 0 ? recent : [...recent, [bucket, bytes, records]];
}

function peakSince(buckets: readonly Bucket[], afterBucket: number): Rate {
  let peak = NO_TRAFFIC;
  for (const [at, bytesPerSecond, recordsPerSecond] of buckets) {
    if (at > afterBucket) peak = maxRate(peak, { bytesPerSecond, recordsPerSecond });
  }
  return peak;
}

function sum(own: readonly Bucket[], others: readonly Bucket[], share: number): readonly Bucket[] {
  const sums = new Map(own.map(([at, bytes, records]) => [at, [bytes, records] as const]));
  for (const [at, bytes, records] of others) {
    const [ownBytes, ownRecords] = sums.get(at) ?? [0, 0];
    sums.set(at, [ownBytes + Math.round(bytes * share), ownRecords + Math.round(records * share)]);
  }
  return [...sums]
    .map(([at, [bytes, records]]): Bucket => [at, bytes, records])
    .sort(([one], [other]) => one - other);
}
