import type { ClientTransport, TlsTrust } from "@millrace/client";
import type { Clock, NodeRuntimeOptions, Random, Runtime } from "@millrace/runtime";

/** Where text goes. */
export interface Output {
  write(text: string): void;
  /** Resolves when what was written has been taken, so that a slow reader slows us down. */
  drained(): Promise<void>;
  readonly isTerminal: boolean;
  readonly columnCount: number;
}

/** The reason of {@link World.interrupted} when whoever read our output went away: `millrace tail | head`. */
export const NOBODY_READS = new Error("nobody reads the output");

/** What surrounds the program: everything that a command may touch, so that a test can hand in its own. */
export interface World {
  /** How an endpoint is reached. */
  readonly transportTo: (endpoint: URL, options: ReachOptions) => ClientTransport;
  readonly readFile: (path: string) => Promise<string>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly input: AsyncIterable<Uint8Array>;
  readonly output: Output;
  readonly errors: Output;
  /** The outside for a server, or for looking at a data directory. */
  readonly runtime: (options?: NodeRuntimeOptions) => Runtime;
  readonly clock: Clock;
  readonly random: Random;
  /** Aborted when the person or the system asks the program to end, or nobody reads what it prints. */
  readonly interrupted: AbortSignal;
}

export interface ReachOptions extends TlsTrust {
  readonly httpVersion: "1.1" | "2";
}
