import { posix } from "node:path";
import type { Files, FileStatus } from "@millrace/runtime";
import { isMissing } from "./checkpoint-store.ts";
import { rotationOf } from "./file-pattern.ts";

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

export type AgeOrder = (one: Seen, other: Seen) => number;

/** A number from here on is a date: later ones are larger. */
const DATES_MIN = 10_000_000;

/**
 * The oldest first. File systems tell times by the tick of the kernel, some milliseconds, in which a log can be put aside twice: of equal age
 * are rotations in the order that the numbers of the others have (`seen`, of the same log), and the log itself comes last.
 */
export function agesIn(seen: readonly Seen[]): AgeOrder {
  const growing = new Map<string, boolean | undefined>();
  const doNumbersGrow = (base: string, numbers: readonly number[]): boolean => {
    if (!growing.has(base)) growing.set(base, doGrow(seen, base));
    // Where nothing tells: a date grows, and the newest of a few has the lowest number, as with logrotate.
    return growing.get(base) ?? numbers[0]! >= DATES_MIN;
  };
  return (one, other) => {
    if (one.modifiedMs !== other.modifiedMs) return one.modifiedMs - other.modifiedMs;
    const [rotation, otherRotation] = [rotationOf(one.name), rotationOf(other.name)];
    if (rotation !== undefined && rotation.base === otherRotation?.base) {
      const { base, numbers } = rotation;
      const difference = byNumbers(numbers, otherRotation.numbers);
      if (difference !== 0) return doNumbersGrow(base, numbers) ? difference : -difference;
    }
    // What was rotated has the longer name.
    return other.name.length - one.name.length;
  };
}

/** Whether the later rotations of a log have the larger numbers; undefined when its files do not tell. */
function doGrow(seen: readonly Seen[], base: string): boolean | undefined {
  const rotations = seen
    .flatMap(({ name, modifiedMs }) => {
      const rotation = rotationOf(name);
      return rotation?.base === base ? [{ modifiedMs, numbers: rotation.numbers }] : [];
    })
    .toSorted((one, other) => one.modifiedMs - other.modifiedMs);
  let balance = 0;
  for (const [at, later] of rotations.entries()) {
    const earlier = rotations[at - 1];
    if (earlier === undefined || earlier.modifiedMs === later.modifiedMs) continue;
    balance += Math.sign(byNumbers(later.numbers, earlier.numbers));
  }
  return balance === 0 ? undefined : balance > 0;
}

function byNumbers(one: readonly number[], other: readonly number[]): number {
  for (let at = 0; at < Math.max(one.length, other.length); at += 1) {
    const difference = (one[at] ?? -1) - (other[at] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}
