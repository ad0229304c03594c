import {
  type AllOptions,
  checkOptions,
  flagOf,
  type OptionDeclaration,
  optionDeclarations,
  OptionError,
  type OptionName,
  optionNamed,
  optionNames,
  readOption,
  variableOf,
} from "@millrace/server";
import type { Invocation, OptionSpec } from "../arguments/command.ts";
import { UsageError } from "../arguments/usage-error.ts";

/** The options of `serve`, made from the server's table: flags, variables and help say the same things. */
export const SERVE_OPTIONS: readonly OptionSpec[] = optionNames.map((name) => {
  const declaration = optionDeclarations[name] as OptionDeclaration;
  const isSwitch = declaration.kind === "boolean";
  const shown = declaration.defaultText ?? ((declaration.default ?? "none") as string | number).toString();
  // That an option is off unless it is given goes without saying.
  const defaultText = isSwitch || shown === "none" ? undefined : shown;
  return {
    name: flagOf(name).slice(2),
    ...(isSwitch ? {} : { value: declaration.values?.join("|") ?? declaration.placeholder ?? "VALUE" }),
    // The repetition is told by `repeatable`, for all commands in the same words.
    description: declaration.description.replace(/(?:; may be given several times)?\.$/, ""),
    group: groupOf(name),
    ...(declaration.repeatable === true ? { repeatable: true } : {}),
    ...(defaultText === undefined ? {} : { default: defaultText }),
    variable: variableOf(name),
  };
});

function groupOf(name: OptionName): string {
  const groups: Readonly<Record<string, readonly OptionName[]>> = {
    "Where it listens": ["host", "port", "allowAnyone", "tls", "tlsCert", "tlsKey"],
    "What it keeps": ["dataDir", "durability", "engine", "memory", "acceptClock"],
    "On a cluster": [
      "nats",
      "natsUser",
      "natsPassword",
      "natsSystemUser",
      "natsSystemPassword",
      "natsPrefix",
    ],
    "How it behaves": ["limits", "limit", "dev", "stream", "transitionDelay", "threads", "allowImport"],
  };
  for (const [group, names] of Object.entries(groups)) if (names.includes(name)) return group;
  return "How it runs";
}

/** Every option with its value. */
export type Settings = AllOptions;

export interface SettingSources {
  readonly invocation: Invocation;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Reads the config file that one of the other sources names. */
  readonly readFile: (path: string) => Promise<string>;
}

/**
 * Joins what flags, variables and the config file say, in this order of strength, with the defaults.
 *
 * @throws {UsageError} with the place where the wrong value stands, the reason, and the nearest right one.
 */
export async function gatherSettings(sources: SettingSources): Promise<Settings> {
  try {
    const spoken = { ...fromVariables(sources.environment), ...fromFlags(sources.invocation) };
    const file = spoken.config === undefined ? {} : await fromFile(spoken.config, sources.readFile);
    return checkOptions({ ...file, ...spoken }) as AllOptions;
  } catch (failure) {
    if (failure instanceof OptionError) throw new UsageError(failure.message, "serve");
    throw failure;
  }
}

type Given = { -readonly [Name in OptionName]?: AllOptions[Name] };

function fromFlags({ options }: Invocation): Given {
  const given: Given = {};
  for (const name of optionNames) {
    const flag = flagOf(name);
    const values = options[flag.slice(2)];
    if (values === undefined) continue;
    give(given, name, values === true ? true : values.map((value) => readOption(name, value, flag)));
  }
  return given;
}

function fromVariables(environment: SettingSources["environment"]): Given {
  const given: Given = {};
  for (const name of optionNames) {
    const variable = variableOf(name);
    const text = environment[variable];
    // An empty variable is how scripts and container files leave one out.
    if (text !== undefined && text !== "") give(given, name, [readOption(name, text, variable)]);
  }
  return given;
}

async function fromFile(path: string, readFile: SettingSources["readFile"]): Promise<Given> {
  let content: unknown;
  try {
    content = JSON.parse(await readFile(path));
  } catch (failure) {
    throw new UsageError(
      `--config ${path}: ${failure instanceof Error ? failure.message : "unreadable"}`,
      "serve",
    );
  }
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    throw new UsageError(`--config ${path}: expected one JSON object with options by name`, "serve");
  }
  const given: Given = {};
  for (const [key, value] of Object.entries(content)) {
    const place = `${key} in ${path}`;
    const name = optionNamed(key, place);
    if (name === "config") throw new UsageError(`${place}: one config file cannot name another`, "serve");
    const values = listOf(name, value);
    give(
      given,
      name,
      values.map((one) => {
        if (typeof one === "object") {
          throw new UsageError(`${place}: expected a text, a number, or true or false`, "serve");
        }
        return readOption(name, String(one), place);
      }),
    );
  }
  return given;
}

/** Limits may be written as an object too, which reads better than texts with an equals sign. */
function listOf(name: OptionName, value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value as readonly unknown[];
  if (name === "limit" && typeof value === "object" && value !== null) {
    return Object.entries(value).map(([limit, amount]) => `${limit}=${String(amount)}`);
  }
  return [value];
}

/** The last value counts; those of a repeatable option, each a list already, are gathered. */
function give(given: Given, name: OptionName, value: true | readonly unknown[]): void {
  const declaration = optionDeclarations[name] as OptionDeclaration;
  const joined = value === true ? true : declaration.repeatable === true ? value.flat() : value.at(-1);
  Object.assign(given, { [name]: joined });
}
