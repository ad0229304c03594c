import { readFileSync, statSync } from "node:fs";

/**
 * The program joined into a few files, which load several times as fast as its modules; undefined when there is none, or
 * when a package was built after it was made, so that nobody runs yesterday's code.
 *
 * @param directory what `scripts/build/bundle.mjs` wrote, with a slash at the end.
 */
export function bundledProgram(directory: URL): URL | undefined {
  const builtFrom = readIfThere(new URL("built-from.json", directory));
  if (builtFrom === undefined) return undefined;
  for (const [path, stamp] of Object.entries(JSON.parse(builtFrom) as Record<string, string>)) {
    const found = stampOf(new URL(path, directory));
    // A published package comes without the compiler's notes; nothing in it is ever built again.
    if (found !== undefined && found !== stamp) return undefined;
  }
  return new URL("program.js", directory);
}

/**
 * By what a built package is known again: its compiler's notes. The time in whole seconds, because archives and images
 * keep no more. Undefined when there is no such file.
 */
export function stampOf(path: URL): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? undefined : `${stats.size} bytes of ${Math.floor(stats.mtimeMs / 1000)}`;
}

function readIfThere(path: URL): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
