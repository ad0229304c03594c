import type { CommandSpec, Invocation } from "./arguments/command.ts";
import { NOBODY_READS, type World } from "./world.ts";

/** A command: what it says about itself, and what it does. */
export interface Command extends CommandSpec {
  /** @returns the exit code. */
  readonly run: (world: World, invocation: Invocation) => Promise<number>;
}

/** The exit code of a command that was told to end: 130 for a signal; 0 when nobody reads its output any more. */
export function interruptedCode({ interrupted }: World): number {
  return interrupted.reason === NOBODY_READS ? 0 : 130;
}

/** The result of asking for something that is not there, or failing to do it: told in one line, exit code 1. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";
}
