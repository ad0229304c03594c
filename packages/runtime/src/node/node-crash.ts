import { inspect } from "node:util";
import type { LogFormat } from "./node-logger.ts";
import { logLine } from "./node-logger.ts";

export interface NodeCrashOptions {
  readonly format: LogFormat;
  readonly nowMs: () => number;
  /** Writes text before it returns: nothing that is left for later will happen. */
  readonly writeNow: (text: string) => void;
  /** Ends the process without running what it had planned for its end. */
  readonly exitNow: (code: number) => never;
}

/** `EX_SOFTWARE` of sysexits.h: an internal fault, told apart from a refused start (1) and from signals. */
const CRASH_EXIT_CODE = 70;

/** Says why, and ends the process at once. */
export function nodeCrash({ format, nowMs, writeNow, exitNow }: NodeCrashOptions) {
  return (reason: string, cause?: unknown): never => {
    const fields = cause === undefined ? {} : { cause: inspect(cause) };
    try {
      writeNow(logLine(format, nowMs(), "error", `the process ends: ${reason}`, fields));
    } catch {
      // Nobody can be told. The process must end all the same.
    }
    return exitNow(CRASH_EXIT_CODE);
  };
}
