/** Quantiles of a distribution, in milliseconds. NaN while nothing was counted. */
export interface LatencyQuantiles {
  readonly count: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Sixteen steps for every doubling: a quantile is off by a sixteenth at most. */
const STEPS_BITS = 4;
const STEPS = 1 << STEPS_BITS;
const MICROSECONDS_MAX = 2 ** 31 - 1;

/** Counts latencies in a fixed piece of memory. */
export class Latencies {
  readonly #counts = new Float64Array(STEPS * 29);
  #count = 0;
  #maxMs = Number.NaN;

  add(latencyMs: number): void {
    const microseconds = Math.min(MICROSECONDS_MAX, Math.round(latencyMs * 1_000));
    this.#counts[stepOf(microseconds)]! += 1;
    this.#count += 1;
    if (!(latencyMs <= this.#maxMs)) this.#maxMs = latencyMs;
  }

  quantiles(): LatencyQuantiles {
    return {
      count: this.#count,
      p50Ms: this.#quantile(0.5),
      p90Ms: this.#quantile(0.9),
      p99Ms: this.#quantile(0.99),
      maxMs: this.#maxMs,
    };
  }

  #quantile(share: number): number {
    if (this.#count === 0) return Number.NaN;
    let left = Math.ceil(this.#count * share);
    let step = 0;
    for (; left > this.#counts[step]!; step += 1) left -= this.#counts[step]!;
    return Math.min(this.#maxMs, endOf(step) / 1_000);
  }
}

function stepOf(microseconds: number): number {
  if (microseconds < STEPS) return microseconds;
  const doubling = 31 - Math.clz32(microseconds) - STEPS_BITS;
  return (doubling + 1) * STEPS + ((microseconds >>> doubling) & (STEPS - 1));
}

/** The largest value that falls into the step. */
function endOf(step: number): number {
  if (step < STEPS) return step;
  const doubling = Math.floor(step / STEPS) - 1;
  return (STEPS + (step % STEPS) + 1) * 2 ** doubling - 1;
}
