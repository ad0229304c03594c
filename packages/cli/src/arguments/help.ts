import type { CommandSpec, OptionSpec } from "./command.ts";

/** The front page: what there is, one line each. */
export function programHelp(commands: readonly CommandSpec[], group?: string): string {
  const listed = group === undefined ? commands : commands.filter(({ name }) => name.startsWith(`${group} `));
  const width = Math.max(...listed.map(({ name }) => name.length));
  const lines = listed.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  const usage = group === undefined ? "millrace COMMAND" : `millrace ${group} COMMAND`;
  return [
    ...(group === undefined ? ["Millrace: Amazon Kinesis that anyone can run.", ""] : []),
    `Usage: ${usage} [options]`,
    "",
    "Commands:",
    ...lines,
    "",
    `\`${usage} --help\` tells more about each.`,
    ...(group === undefined
      ? [
          "",
          "A first minute:",
          "  millrace serve --stream clicks:2",
          "  echo hello | millrace put clicks",
          "  millrace get clicks",
        ]
      : []),
    "",
  ].join("\n");
}

/** Everything about one command: usage, options by group with their defaults and variables, examples. */
export function commandHelp(command: CommandSpec, widthMax = 100): string {
  const usage = [
    "millrace",
    command.name,
    ...command.arguments.map(({ name, optional }) => (optional === true ? `[${name}]` : name)),
    ...(command.options.length > 0 ? ["[options]"] : []),
  ].join(" ");
  const lines = [`${command.summary}`, "", `Usage: ${usage}`];
  if (command.description !== undefined) lines.push("", ...wrap(command.description, "", widthMax));
  if (command.arguments.length > 0) {
    const width = Math.max(...command.arguments.map(({ name }) => name.length));
    lines.push("");
    for (const { name, description } of command.arguments) {
      lines.push(...entry(`  ${name.padEnd(width)}  `, description, widthMax));
    }
  }
  const groups = new Map<string, OptionSpec[]>();
  for (const option of command.options) {
    const group = option.group ?? "Options";
    groups.set(group, [...(groups.get(group) ?? []), option]);
  }
  const width = Math.min(30, Math.max(0, ...command.options.map((option) => spelling(option).length)));
  for (const [group, options] of groups) {
    lines.push("", `${group}:`);
    for (const option of options) {
      const spelled = `  ${spelling(option)}`;
      const indent = " ".repeat(width + 4);
      const text = `${option.description}${notes(option)}`;
      if (spelled.length > width + 2) lines.push(spelled, ...entry(indent, text, widthMax));
      else lines.push(...entry(spelled.padEnd(width + 4), text, widthMax));
    }
  }
  if (command.examples.length > 0) {
    lines.push("", "Examples:");
    for (const [example, meaning] of command.examples) lines.push(`  # ${meaning}`, `  ${example}`);
  }
  return `${lines.join("\n")}\n`;
}

function spelling(option: OptionSpec): string {
  if (option.value === undefined) return `--${option.name}`;
  return `--${option.name} ${option.choices === undefined ? option.value : option.choices.join("|")}`;
}

function notes(option: OptionSpec): string {
  const parts = [
    ...(option.repeatable === true ? ["may be repeated"] : []),
    ...(option.default === undefined ? [] : [`default: ${option.default}`]),
    ...(option.variable === undefined ? [] : [`or ${option.variable}`]),
  ];
  return parts.length === 0 ? "" : ` (${parts.join("; ")})`;
}

/** A text that begins after `head` and goes on under its own beginning. */
function entry(head: string, text: string, widthMax: number): string[] {
  const [first = "", ...rest] = wrap(text, " ".repeat(head.length), widthMax);
  return [`${head}${first.trimStart()}`.trimEnd(), ...rest];
}

function wrap(text: string, indent: string, widthMax: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    let line = indent;
    for (const word of paragraph.split(" ")) {
      if (line.length > indent.length && line.length + 1 + word.length > widthMax) {
        lines.push(line.trimEnd());
        line = indent;
      }
      line += line.length > indent.length ? ` ${word}` : word;
    }
    lines.push(line.trimEnd());
  }
  return lines;
}
