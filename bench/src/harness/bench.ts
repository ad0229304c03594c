/** What a bench is: a question, two sizes, and a run that answers it in rows. */
import type { MillraceServerOptions } from "../servers/millrace-server.ts";
import type { ServerProcess } from "../servers/server-process.ts";

/** Numbers that say how large a run is; a name that ends in `Ms` is a duration. */
export type Sizes = Readonly<Record<string, number>>;

export interface Budget {
  /** A value at this bound or above it passes. */
  readonly atLeast?: number;
  /** A value at this bound or below it passes. */
  readonly atMost?: number;
}

export interface Row {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly budget?: Budget;
}

export interface BenchRun {
  readonly rows: readonly Row[];
  /** Of what was computed, stored or read, so that a run that did nothing, or something else, is seen. */
  readonly digest: string;
}

export interface BenchContext {
  /** How often each figure is measured; what is printed is the median. */
  readonly rounds: number;
  /** Tells the person who waits what is being done. */
  progress(text: string): void;
  /** An empty directory for as long as the run and its servers last. */
  scratch(): string;
  /** Starts a server that the bench measures. It is stopped at the end of the run unless the bench did. */
  millrace(options?: MillraceServerOptions): Promise<ServerProcess>;
}

export interface Bench {
  readonly name: string;
  /** `micro`: a function in this process. `macro`: a server as a process of its own. */
  readonly kind: "micro" | "macro";
  readonly question: string;
  /** `smoke` runs with the tests and takes well under a second or two; `full` is what is reported. */
  readonly sizes: { readonly smoke: Sizes; readonly full: Sizes };
  /** What {@link BenchRun.digest} is at smoke size. */
  readonly smokeDigest: string;
  run(size: Sizes, context: BenchContext): Promise<BenchRun>;
}

/** Declares a bench; `run` gets exactly the sizes that are declared. */
export function bench<Size extends Sizes>(declaration: {
  readonly name: string;
  readonly kind: Bench["kind"];
  readonly question: string;
  readonly sizes: { readonly smoke: Size; readonly full: Readonly<Record<keyof Size, number>> };
  readonly smokeDigest: string;
  run(size: Readonly<Record<keyof Size, number>>, context: BenchContext): Promise<BenchRun>;
}): Bench {
  return declaration as unknown as Bench;
}

export type Verdict = "pass" | "miss";

/** Undefined for a row without a budget. */
export function verdictOf({ value, budget }: Row): Verdict | undefined {
  if (budget === undefined) return undefined;
  const { atLeast = -Infinity, atMost = Infinity } = budget;
  return value >= atLeast && value <= atMost ? "pass" : "miss";
}
