/** The machine and the tree that figures belong to. */
import { execFileSync } from "node:child_process";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { fileURLToPath } from "node:url";

export interface Machine {
  /** Model, as the system names it. */
  readonly cpu: string;
  /** Cores that this process may use. */
  readonly cores: number;
  readonly memoryBytes: number;
  readonly node: string;
  readonly platform: string;
}

export function thisMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
  };
}

/** One line for people. */
export function describeMachine({ cpu, cores, memoryBytes, node, platform }: Machine): string {
  const gib = Math.round(memoryBytes / (1 << 30));
  return `${cores} × ${cpu}, ${gib} GiB, ${platform}, Node ${node.replace(/^v/, "")}`;
}

/** How many processes wanted a core during the last minute, on average: what others do to the figures. */
export function loadOfMachine(): number {
  return Number((loadavg()[0] ?? 0).toFixed(2));
}

/** The commit of this tree, with `-changed` when files differ from it; `unknown` outside of a repository. */
export function thisCommit(): string {
  try {
    const commit = git("rev-parse", "--short=12", "HEAD");
    return git("status", "--porcelain", "--untracked-files=no") === "" ? commit : `${commit}-changed`;
  } catch {
    return "unknown";
  }
}

function git(...args: readonly string[]): string {
  const cwd = fileURLToPath(new URL("../../", import.meta.url));
  return execFileSync("git", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
}
