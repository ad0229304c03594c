/** What the commands about data directories have in common. */
import {
  BackupError,
  DamagedJournalError,
  DirectoryInUseError,
  inspectDirectory,
  type Inspection,
  UnknownFormatError,
} from "@millrace/log";
import type { Invocation, OptionSpec } from "../arguments/command.ts";
import { textOf } from "../arguments/values.ts";
import { UsageError } from "../arguments/usage-error.ts";
import { CommandFailure } from "../command.ts";
import { type Progress, progressOn } from "../output/progress.ts";
import { formatBytes } from "../output/units.ts";
import type { World } from "../world.ts";

export const DIRECTORY_OPTION: OptionSpec = {
  name: "data-dir",
  value: "DIRECTORY",
  description: "The data directory",
  default: ".millrace",
  variable: "MILLRACE_DATA_DIR",
};

export function directoryOf(world: World, invocation: Invocation): string {
  const named = textOf(invocation, "data-dir") ?? world.environment["MILLRACE_DATA_DIR"];
  return named === undefined || named === "" ? ".millrace" : named;
}

export function required(invocation: Invocation, option: string, reason: string): string {
  const value = textOf(invocation, option);
  if (value === undefined) throw new UsageError(reason, invocation.command.name);
  return value;
}

/** Does work that tells how many bytes are done, and shows it. */
export async function withProgress<T>(
  world: World,
  work: (onBytes: (done: number, total: number) => void, progress: Progress) => Promise<T>,
): Promise<T> {
  const progress = progressOn(world.errors);
  try {
    return await work(
      (done, total) =>
        progress.show(`${formatBytes(done)} of ${formatBytes(total)}`, total === 0 ? 1 : done / total),
      progress,
    );
  } finally {
    progress.clear();
  }
}

export async function inspect(world: World, directory: string, everyByte: boolean): Promise<Inspection> {
  await mustExist(world, directory);
  return withProgress(world, (onProgress) =>
    explained(inspectDirectory(world.runtime(), { directory, everyByte, onProgress })),
  );
}

/** A mistyped path must not become a new, empty data directory. */
export async function mustExist(
  world: World,
  directory: string,
  hint = "; --data-dir names one",
): Promise<void> {
  const names = await world
    .runtime()
    .files.list(directory)
    .catch((): string[] => []);
  if (!names.includes("journal")) throw new CommandFailure(`${directory} is no data directory${hint}`);
}

/** What a data directory can be refused for is an answer, not a bug. */
export async function explained<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (failure) {
    if (failure instanceof DirectoryInUseError) {
      throw new CommandFailure(
        `${failure.message} Of a running server, millrace data backup makes a copy to look at.`,
      );
    }
    const isAnswer =
      failure instanceof BackupError ||
      failure instanceof DamagedJournalError ||
      failure instanceof UnknownFormatError;
    throw isAnswer ? new CommandFailure(failure.message) : failure;
  }
}

export function sum(amounts: readonly number[]): number {
  return amounts.reduce((total, amount) => total + amount, 0);
}
