/** What is compared: one piece of work, everybody who does it, and how their figures should stand to each other. */
import type { Sizes } from "../harness/bench.ts";

export interface Scenario {
  readonly name: string;
  readonly question: string;
  /** Of {@link Figures.value}. */
  readonly unit: string;
  readonly better: "more" | "less";
  readonly sizes: { readonly smoke: Sizes; readonly full: Sizes };
  /**
   * `each turn` (default): everybody starts afresh for each turn, with nothing stored and nobody beside. `once`: what
   * is read was stored once; whoever's turn it is not stands still.
   */
  readonly opens?: "each turn" | "once";
  participants(size: Sizes): readonly Participant[];
  readonly budgets: readonly CompareBudget[];
}

export type Role = "Millrace" | "peer" | "ceiling";

export interface Participant {
  readonly name: string;
  readonly role: Role;
  /** Of a peer. */
  readonly version?: string;
  /** Why it cannot take part, with what helps; undefined when it can. */
  readonly missing?: string | undefined;
  /** Options that differ from its defaults, and why. */
  readonly notes?: readonly string[];
  /** Draws no bar: beside it all others would be too short to be seen. */
  readonly isOffScale?: boolean;
  open(): Promise<Session>;
  /** What `open` made once for all turns is removed. */
  dispose?(): void;
}

export interface Session {
  /** Processes that stand still between turns where {@link Scenario.opens} is `once`. */
  readonly pids: readonly number[];
  /** A small piece of the work, which is not counted. Resolves with how long a turn has to be, in milliseconds. */
  trial(): Promise<number>;
  turn(durationMs: number): Promise<Figures>;
  close(): Promise<void>;
}

/** What one turn came to. */
export interface Figures {
  readonly value: number;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  /** Processor time over wall time; 1 is one core. */
  readonly serverCores?: number;
  /** The same of whoever brought the load. */
  readonly generatorCores?: number;
}

/** How the medians of one participant should stand to those of another, or to a fixed bound. */
export interface CompareBudget {
  readonly text: string;
  readonly of: string;
  readonly figure: "value" | "p50Ms" | "p99Ms";
  /** Divided by the same figure of this participant. */
  readonly against?: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}
