import { nearest } from "./nearest.ts";
import { optionDeclarations, optionNames } from "./declarations.ts";
import type { AllOptions, InitialStream, OptionDeclaration, OptionName } from "./declarations.ts";
import { readLimit } from "./limit-override.ts";
import { OptionError } from "./option-error.ts";
import { parseDurationMs, parseSizeBytes } from "./values.ts";

/**
 * Reads an option from text, as a flag or a variable gives it. Several values of a repeatable option are
 * separated by commas or spaces.
 *
 * @param as how the option was written, for messages: `--port`, `MILLRACE_PORT`, `port in millrace.json`.
 * @throws {OptionError} with the reason and, where there is one, the nearest right value.
 */
export function readOption<Name extends OptionName>(name: Name, text: string, as: string): AllOptions[Name] {
  const declaration = optionDeclarations[name] as OptionDeclaration;
  if (declaration.repeatable === true) {
    const parts = text.split(/[\s,]+/).filter((part) => part !== "");
    return parts.map((part) => readOne(name, declaration, part, as)) as unknown as AllOptions[Name];
  }
  return readOne(name, declaration, text, as) as AllOptions[Name];
}

/** The option that a key names: `dataDir`, `data-dir` and `data_dir` are the same. */
export function optionNamed(key: string, as: string): OptionName {
  const plain = (text: string) => text.replaceAll(/[-_]/g, "").toLowerCase();
  const found = optionNames.find((name) => plain(name) === plain(key));
  if (found !== undefined) return found;
  const guess = nearest(key, optionNames);
  throw new OptionError(
    key,
    `${as} is not an option${guess === undefined ? "" : `; did you mean ${guess}?`}`,
  );
}

function readOne(name: OptionName, declaration: OptionDeclaration, text: string, as: string): unknown {
  const refuse = (reason: string) => new OptionError(name, `${as}: ${JSON.stringify(text)} ${reason}`);
  switch (declaration.kind) {
    case "text":
    case "path":
      if (text.trim() === "") throw refuse("is empty");
      return text;
    case "integer": {
      if (!/^-?\d+$/.test(text.trim())) throw refuse("is not a whole number");
      return Number(text);
    }
    case "boolean": {
      const value = {
        true: true,
        "1": true,
        yes: true,
        on: true,
        false: false,
        "0": false,
        no: false,
        off: false,
      }[text.trim().toLowerCase()];
      if (value === undefined) throw refuse("is neither true nor false");
      return value;
    }
    case "choice": {
      const values = declaration.values ?? [];
      if (values.includes(text)) return text;
      const guess = nearest(text, values);
      throw refuse(
        `is not one of ${values.join(", ")}${guess === undefined ? "" : `; did you mean ${guess}?`}`,
      );
    }
    case "size": {
      const bytes = parseSizeBytes(text);
      if (bytes === undefined) throw refuse("is not a size; write for example 512MiB");
      return bytes;
    }
    case "duration": {
      const durationMs = parseDurationMs(text);
      if (durationMs === undefined) throw refuse("is not a duration; write for example 50ms or 2s");
      return durationMs;
    }
    case "stream":
      return readStream(text, refuse);
    case "limit":
      return readLimit(text, refuse);
  }
}

function readStream(text: string, refuse: (reason: string) => OptionError): InitialStream {
  const [name = "", shards, ...rest] = text.split(":");
  if (!/^[a-zA-Z0-9_.-]{1,128}$/.test(name)) {
    throw refuse("has no stream name of 1 to 128 letters, digits, '_', '.' or '-'; write NAME:SHARDS");
  }
  if (rest.length > 0 || (shards !== undefined && !/^[1-9]\d*$/.test(shards))) {
    throw refuse("has no shard count of 1 or more; write NAME:SHARDS");
  }
  return { name, shardCount: shards === undefined ? 1 : Number(shards) };
}
