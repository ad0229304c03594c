/** Functions in this process, timed. */
import { performance } from "node:perf_hooks";
import type { BenchContext, BenchRun } from "./bench.ts";
import { digestOf } from "./digest.ts";
import { inTurns, median } from "./rounds.ts";

export interface MicroCase {
  readonly what: string;
  /** What is counted: `keys`, `records`. */
  readonly unit: string;
  readonly rate: (round: number) => Promise<number>;
  /** Does the work once, untimed, and digests what came of it. */
  readonly digest: () => Promise<string>;
}

/**
 * Declares a case. `run` does the work on `unitCount` units, again and again while time is taken; `digest` looks at
 * what it returned, outside of that time, and must come to the same each time.
 */
export function microCase<Result>(declaration: {
  readonly what: string;
  readonly unit: string;
  readonly unitCount: number;
  /** How long a round lasts at least. */
  readonly minMs: number;
  run(): Result | Promise<Result>;
  digest(result: Result): string | Promise<string>;
}): MicroCase {
  const { what, unit, unitCount, minMs, run, digest } = declaration;
  let expected: string | undefined;
  const check = async (result: Result): Promise<string> => {
    const found = await digest(result);
    expected ??= found;
    if (found !== expected)
      throw new Error(`${what} came to ${found} although it came to ${expected} before`);
    return found;
  };
  return {
    what,
    unit,
    digest: async () => check(await run()),
    rate: async () => {
      const startedMs = performance.now();
      for (let calls = 1; ; calls += 1) {
        const running = run();
        const result = running instanceof Promise ? await running : running;
        const elapsedMs = performance.now() - startedMs;
        if (elapsedMs < minMs) continue;
        await check(result);
        return (calls * unitCount * 1_000) / elapsedMs;
      }
    },
  };
}

/** The rate of each case, the median of rounds in which they take turns. */
export async function measureCases(
  cases: readonly MicroCase[],
  { rounds, progress }: BenchContext,
): Promise<BenchRun> {
  const digests: string[] = [];
  for (const { what, digest } of cases) {
    progress(`${what}: warming up`);
    digests.push(await digest());
  }
  const contestants = Object.fromEntries(
    cases.map(({ what, rate }) => [
      what,
      (round: number) => {
        progress(`${what}: round ${round + 1} of ${rounds}`);
        return rate(round);
      },
    ]),
  );
  const rates = await inTurns(rounds, contestants);
  return {
    rows: cases.map(({ what, unit }) => ({ what, value: median(rates[what]!), unit: `${unit}/s` })),
    digest: digestOf(...digests),
  };
}
