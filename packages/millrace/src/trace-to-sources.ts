import { readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { fileURLToPath } from "node:url";

/**
 * Makes stack traces name the sources instead of what was built from them. Node can do that (`--enable-source-maps`), but
 * reads every map at the start; here a map is read when the first trace is looked at that needs it.
 */
export function traceToSources(): void {
  const maps = new Map<string, SourceMap | undefined>();
  const mapOf = (file: string): SourceMap | undefined => {
    if (!maps.has(file)) maps.set(file, readMap(file));
    return maps.get(file);
  };
  Error.prepareStackTrace = (error, frames) =>
    [headOf(error), ...frames.map((frame) => `    at ${placed(frame, mapOf)}`)].join("\n");
}

/** As V8 begins a trace, also where an error was given members that cannot be made a text. */
function headOf(error: Error): string {
  try {
    return Error.prototype.toString.call(error);
  } catch {
    return "Error";
  }
}

function placed(frame: NodeJS.CallSite, mapOf: (file: string) => SourceMap | undefined): string {
  const built = String(frame);
  const file = frame.getFileName();
  const [line, column] = [frame.getLineNumber(), frame.getColumnNumber()];
  if (!file?.startsWith("file:") || line === null || column === null) return built;
  // Maps count from 0.
  const origin = mapOf(file)?.findEntry(line - 1, column - 1);
  if (origin === undefined || !("originalSource" in origin)) return built;
  const source = new URL(origin.originalSource, file).href;
  return built.replace(
    `${file}:${line}:${column}`,
    () => `${source}:${origin.originalLine + 1}:${origin.originalColumn + 1}`,
  );
}

/** Undefined when there is none, or none that can be read: a trace is never the place for a second error. */
function readMap(file: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(`${fileURLToPath(file)}.map`, "utf8")));
  } catch {
    return undefined;
  }
}
