/**
 * The map from numbers at a source to those of its copy: a file for each shard, a line for each record, so that a person finds
 * a number with grep. It is asked from the target, which knows it from the records themselves, so a file that was lost or broken off in
 * the middle is written anew.
 */
import { join } from "node:path";
import type { Files } from "@millrace/runtime";
import { progressOn } from "../output/progress.ts";
import { formatCount } from "../output/units.ts";
import type { World } from "../world.ts";
import type { Target } from "./target.ts";

export interface MapToWrite {
  readonly streamName: string;
  readonly shardIds: readonly string[];
  readonly target: Target;
  /** Is made when it is not there. */
  readonly directory: string;
  /** Files that are there stay as they are: a stream that is open may have forgotten records since they were written. */
  readonly keepFiles: boolean;
}

const HEAD = "source,copy\n";

/** Durable when it resolves. @returns how many numbers were written, and how many files were there already. */
export async function writeMapFiles(
  world: World,
  { streamName, shardIds, target, directory, keepFiles }: MapToWrite,
): Promise<{ readonly numberCount: number; readonly keptFileCount: number }> {
  const { files } = world.runtime();
  const progress = progressOn(world.errors);
  let numberCount = 0;
  let keptFileCount = 0;
  await files.makeDirectory(directory);
  try {
    for (const shardId of shardIds) {
      const path = join(directory, `${shardId}.csv`);
      if (keepFiles && (await isThere(files, path))) {
        keptFileCount += 1;
        continue;
      }
      await writeFile(
        files,
        path,
        linesOf(target, shardId, (count) => {
          numberCount += count;
          progress.show(`${streamName}, writing the map: ${formatCount(numberCount)} numbers`);
        }),
      );
    }
  } finally {
    progress.clear();
  }
  await files.syncDirectory(directory);
  return { numberCount, keptFileCount };
}

async function* linesOf(
  target: Target,
  shardId: string,
  onLines: (count: number) => void,
): AsyncGenerator<string> {
  yield HEAD;
  let after: string | undefined;
  for (;;) {
    const { pairs, isEnd } = await target.pairs(shardId, after);
    if (pairs.length > 0) yield pairs.map((pair) => `${pair.join()}\n`).join("");
    onLines(pairs.length);
    if (isEnd) return;
    after = pairs.at(-1)?.[0] ?? after;
  }
}

/** Under another name until it is whole, so that a file with the name of a shard is never a part of one. */
async function writeFile(files: Files, path: string, texts: AsyncIterable<string>): Promise<void> {
  const file = await files.open(`${path}.part`, { create: true });
  try {
    await file.truncate(0);
    let at = 0;
    for await (const text of texts) {
      let rest = Buffer.from(text);
      while (rest.length > 0) {
        const written = await file.write(rest, at);
        at += written;
        rest = rest.subarray(written);
      }
    }
    await file.sync();
  } finally {
    await file.close();
  }
  await files.rename(`${path}.part`, path);
}

async function isThere(files: Files, path: string): Promise<boolean> {
  try {
    await files.status(path);
    return true;
  } catch (failure) {
    if (failure instanceof Error && "code" in failure && failure.code === "ENOENT") return false;
    throw failure;
  }
}
