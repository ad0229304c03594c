import { posix } from "node:path";
import type { Files, FileStatus } from "@millrace/runtime";
import { isMissing } from "./checkpoint-store.ts";

/** What stands in the directory under a name. */
export interface Seen extends FileStatus {
  readonly name: string;
  readonly path: string;
}

/** Files whose name is meant, with what the file system knows of them. */
export async function lookAt(
  files: Files,
  directory: string,
  isMeant: (name: string) => boolean,
): Promise<Seen[]> {
  let names: string[];
  try {
    names = await files.list(directory);
  } catch (failure) {
    if (isMissing(failure)) return [];
    throw failure;
  }
  const seen: Seen[] = [];
  for (const name of names) {
    if (!isMeant(name)) continue;
    const path = posix.join(directory, name);
    try {
      const status = await files.status(path);
      if (!status.isDirectory) seen.push({ ...status, name, path });
    } catch (failure) {
      // It went away since the directory was read.
      if (!isMissing(failure)) throw failure;
    }
  }
  return seen;
}

/**
 * Whether nothing was moved, made, removed or cut from one look to the next. A look takes many calls, and a rotation
 * halfway through would show a log in which a file is missing; two that agree show one that was there in between.
 */
export function isSameLook(one: readonly Seen[], other: readonly Seen[]): boolean {
  return (
    one.length === other.length &&
    one.every(({ name, fileId, sizeBytes }, index) => {
      const there = other[index]!;
      return there.name === name && there.fileId === fileId && there.sizeBytes >= sizeBytes;
    })
  );
}

/** While this stays, the content is what it was. */
export function stateOf({ fileId, sizeBytes, modifiedMs }: Seen): string {
  return `${fileId} ${sizeBytes} ${modifiedMs}`;
}

/** The oldest first; of equal age, the rotated one, whose name is longer, before the log itself. */
export function byAge(one: Seen, other: Seen): number {
  return one.modifiedMs - other.modifiedMs || other.name.length - one.name.length;
}
