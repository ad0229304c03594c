/**
 * What only some machines allow. A suite that needs such a thing is skipped where the kernel refuses it,
 * by name and with the reason that the probe met; nothing else is ever skipped.
 */
import { execFileSync } from "node:child_process";

export type ProbeName = "loop-mount" | "preload";

export interface ProbeResult {
  readonly name: ProbeName;
  /** Why it cannot be done here; undefined when it can. */
  readonly refusal: string | undefined;
}

/** Runs the probe once and says aloud what will be skipped because of it. */
export function probe(name: ProbeName, attempt: () => void): ProbeResult {
  try {
    attempt();
    return { name, refusal: undefined };
  } catch (error) {
    const refusal = (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
    console.warn(`SKIPPED ${name}: ${refusal}`);
    return { name, refusal };
  }
}

/** Runs a program of the system. Fails with what it said. */
export function run(command: string, ...args: readonly string[]): string {
  try {
    return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim();
    throw new Error(`${command} ${args.join(" ")}: ${said || String(error)}`);
  }
}
