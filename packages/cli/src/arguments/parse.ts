import { parseArgs } from "node:util";
import type { CommandSpec, Invocation, OptionSpec } from "./command.ts";
import { didYouMean } from "./nearest.ts";
import { UsageError } from "./usage-error.ts";

export type Parsed =
  | { readonly kind: "invocation"; readonly invocation: Invocation }
  /** Help was asked for: of a command, of a group such as `stream`, or of the program. */
  | { readonly kind: "help"; readonly command: CommandSpec | undefined; readonly group: string | undefined };

/**
 * Reads a command line.
 *
 * @throws {UsageError} with the reason and the nearest right word.
 */
export function parseCommandLine(commands: readonly CommandSpec[], argv: readonly string[]): Parsed {
  const [first, second] = argv;
  if (first === undefined || first === "--help" || first === "-h") {
    return { kind: "help", command: undefined, group: undefined };
  }
  if (first === "help") {
    const [one, two] = argv.slice(1);
    if (one === undefined) return { kind: "help", command: undefined, group: undefined };
    return helpFor(commands, one, two);
  }
  const words = commands.some((command) => command.name === `${first} ${second}`) ? 2 : 1;
  const name = words === 2 ? `${first} ${second}` : first;
  const command = commands.find((candidate) => candidate.name === name);
  if (command === undefined) {
    const members = membersOf(commands, first);
    if (members.length === 0) throw unknownCommand(commands, first);
    if (second === undefined || second === "--help" || second === "-h") {
      return { kind: "help", command: undefined, group: first };
    }
    throw new UsageError(
      `there is no command ${first} ${second}; ${first} has ${members.join(", ")}.${didYouMean(second, members)}`,
      first,
    );
  }
  const rest = argv.slice(words);
  const end = rest.indexOf("--");
  const spoken = end === -1 ? rest : rest.slice(0, end);
  if (spoken.includes("--help") || spoken.includes("-h")) return { kind: "help", command, group: undefined };
  return { kind: "invocation", invocation: readInvocation(command, rest) };
}

function helpFor(commands: readonly CommandSpec[], one: string, two: string | undefined): Parsed {
  const name = two === undefined ? one : `${one} ${two}`;
  const command = commands.find((candidate) => candidate.name === name);
  if (command !== undefined) return { kind: "help", command, group: undefined };
  if (two === undefined && membersOf(commands, one).length > 0) {
    return { kind: "help", command: undefined, group: one };
  }
  throw unknownCommand(commands, name);
}

function unknownCommand(commands: readonly CommandSpec[], word: string): UsageError {
  const known = [...new Set(commands.flatMap(({ name }) => [name, name.split(" ", 1).join()]))];
  return new UsageError(`there is no command ${word}.${didYouMean(word, known)}`);
}

function membersOf(commands: readonly CommandSpec[], group: string): string[] {
  return commands
    .filter((command) => command.name.startsWith(`${group} `))
    .map((command) => command.name.slice(group.length + 1));
}

function readInvocation(command: CommandSpec, argv: readonly string[]): Invocation {
  const byName = new Map(command.options.map((option) => [option.name, option]));
  const { tokens } = parseArgs({
    args: [...argv],
    // Told apart by us, so that what is wrong is said in our words.
    strict: false,
    tokens: true,
    allowPositionals: true,
    options: Object.fromEntries(
      command.options.map((option) => [
        option.name,
        { type: option.value === undefined ? ("boolean" as const) : ("string" as const) },
      ]),
    ),
  });
  const options: Record<string, string[] | true> = {};
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const option = byName.get(token.name);
    if (option === undefined) throw unknownOption(command, token.rawName);
    if (option.value === undefined) {
      if (token.value !== undefined) {
        throw new UsageError(`--${option.name} is a switch and takes no value`, command.name);
      }
      options[option.name] = true;
      continue;
    }
    // `--key --json` is a forgotten value, not the key "--json"; `--key=--json` is one.
    if (token.value === undefined || (!token.inlineValue && token.value.startsWith("--"))) {
      throw new UsageError(`--${option.name} needs a value: --${option.name} ${option.value}`, command.name);
    }
    checkChoice(command, option, token.value);
    const before = options[option.name];
    if (Array.isArray(before)) {
      if (option.repeatable !== true) throw new UsageError(`--${option.name} is given twice`, command.name);
      before.push(token.value);
    } else {
      options[option.name] = [token.value];
    }
  }
  return { command, arguments: readArguments(command, positionals), options };
}

function readArguments(command: CommandSpec, positionals: readonly string[]): Record<string, string> {
  const read: Record<string, string> = {};
  for (const [at, argument] of command.arguments.entries()) {
    const value = positionals[at];
    if (value !== undefined) read[argument.name] = value;
    else if (argument.optional !== true) {
      throw new UsageError(`${command.name} needs ${argument.name}: ${argument.description}`, command.name);
    }
  }
  const extra = positionals[command.arguments.length];
  if (extra !== undefined) {
    throw new UsageError(
      `${command.name} does not know what to do with ${JSON.stringify(extra)}`,
      command.name,
    );
  }
  return read;
}

function checkChoice(command: CommandSpec, option: OptionSpec, value: string): void {
  if (option.choices === undefined || option.choices.includes(value)) return;
  throw new UsageError(
    `--${option.name} ${value}: expected ${option.choices.join(" or ")}.${didYouMean(value, option.choices)}`,
    command.name,
  );
}

function unknownOption(command: CommandSpec, rawName: string): UsageError {
  const known = [...command.options.map((option) => `--${option.name}`), "--help"];
  const word = rawName.startsWith("--") ? rawName : `-${rawName}`;
  return new UsageError(`${command.name} has no option ${rawName}.${didYouMean(word, known)}`, command.name);
}
