/** Results for later: one line of JSON for each bench that was run in full. */
import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Row, type Sizes, verdictOf } from "./bench.ts";
import { type Machine, thisCommit, thisMachine } from "./machine.ts";

export const resultsDirectory = fileURLToPath(new URL("../../results/", import.meta.url));

export interface ResultLine {
  readonly date: string;
  readonly commit: string;
  readonly node: string;
  readonly cpu: string;
  readonly cores: number;
  /** Of the minute before the first bench. */
  readonly loadAverage: number;
  readonly bench: string;
  readonly size: Sizes;
  readonly rounds: number;
  readonly threads: number;
  readonly figures: Readonly<Record<string, { value: number; unit: string; verdict?: string }>>;
  readonly digest: string;
}

export function resultLine(run: {
  readonly bench: string;
  readonly size: Sizes;
  readonly rounds: number;
  readonly threads: number;
  readonly loadAverage: number;
  readonly rows: readonly Row[];
  readonly digest: string;
}): ResultLine {
  const { cpu, cores, node }: Machine = thisMachine();
  const { bench, size, rounds, threads, loadAverage, rows, digest } = run;
  const figures = Object.fromEntries(
    rows.map((row) => {
      const verdict = verdictOf(row);
      // Six digits are more than any of this is exact to.
      const value = Number(row.value.toPrecision(6));
      return [row.what, { value, unit: row.unit, ...(verdict === undefined ? {} : { verdict }) }];
    }),
  );
  return {
    date: new Date().toISOString(),
    commit: thisCommit(),
    node,
    cpu,
    cores,
    loadAverage,
    bench,
    size,
    rounds,
    threads,
    figures,
    digest,
  };
}

/** Appends a line to `bench/results/YYYY-MM-DD.jsonl` and returns the path of that file. */
export function recordResult(line: { readonly date: string }): string {
  mkdirSync(resultsDirectory, { recursive: true });
  const path = join(resultsDirectory, `${line.date.slice(0, 10)}.jsonl`);
  appendFileSync(path, `${JSON.stringify(line)}\n`);
  return path;
}
