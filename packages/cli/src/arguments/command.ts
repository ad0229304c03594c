/** One option of a command, as data: parsing, help and environment variables all come from it. */
export interface OptionSpec {
  /** Long name without dashes. */
  readonly name: string;
  /** What stands for the value in help; absent for a switch. */
  readonly value?: string;
  readonly description: string;
  /** May be given several times. */
  readonly repeatable?: boolean;
  readonly choices?: readonly string[];
  /** Shown in help; the command applies it. */
  readonly default?: string;
  /** Environment variable that says the same. */
  readonly variable?: string;
  /** Heading under which help lists it. */
  readonly group?: string;
}

export interface ArgumentSpec {
  /** As help shows it, e.g. `STREAM`. */
  readonly name: string;
  readonly description: string;
  readonly optional?: boolean;
}

export interface CommandSpec {
  /** One or two words, e.g. `put`, `stream create`. */
  readonly name: string;
  readonly summary: string;
  /** A paragraph or two more. */
  readonly description?: string;
  readonly arguments: readonly ArgumentSpec[];
  readonly options: readonly OptionSpec[];
  readonly examples: readonly (readonly [command: string, meaning: string])[];
}

/** What was said on the command line. */
export interface Invocation {
  readonly command: CommandSpec;
  /** By argument name. */
  readonly arguments: Readonly<Record<string, string | undefined>>;
  /** By option name; only those that were given. */
  readonly options: Readonly<Record<string, readonly string[] | true>>;
}
