/** One operation as a page of the reference, in Markdown: what it does, takes, gives and refuses. */

import type { Members, Operation, Shape, StructureShape, UnionShape } from "./shape.ts";

export function referencePage(operation: Operation): string {
  const { name, plane, documentation, input, output, errors, eventStream } = operation;
  return [
    `# ${name}`,
    documentation,
    `A ${plane}-plane operation.`,
    "## Request",
    membersTable(input, "This operation takes no parameters."),
    "## Answer",
    ...(eventStream === undefined ? [] : [`\`${eventStream}\` is a stream of events.`]),
    membersTable(output, "The answer is empty."),
    "## Errors",
    errors.length === 0
      ? "None of its own."
      : [...errors]
          .toSorted()
          .map((code) => `- \`${code}\``)
          .join("\n"),
    "",
  ]
    .join("\n\n")
    .replace(/\n+$/u, "\n");
}

/** A row for each member, and below it rows for the members inside of it. */
function membersTable(shape: StructureShape, whenEmpty: string): string {
  const rows = memberRows(shape, "");
  if (rows.length === 0) return whenEmpty;
  return ["| Member | Type | Required | Constraints |", "|---|---|---|---|", ...rows].join("\n");
}

/** `above` are the structures that the members stand in: one that contains itself is told once. */
function memberRows(
  shape: StructureShape | UnionShape,
  prefix: string,
  above: readonly Shape[] = [],
): string[] {
  if (above.includes(shape)) return [];
  const within = [...above, shape];
  return Object.entries(shape.members as Members).flatMap(([key, member]) => {
    const path = `${prefix}${key}`;
    const cells = [
      `\`${path}\``,
      typeText(member.shape),
      member.required ? "yes" : "no",
      constraintsText(member.shape).map(escaped).join("; "),
    ];
    return [`| ${cells.join(" | ")} |`, ...innerRows(member.shape, path, within)];
  });
}

function innerRows(shape: Shape, path: string, above: readonly Shape[]): string[] {
  switch (shape.kind) {
    case "structure":
    case "union":
      return memberRows(shape, `${path}.`, above);
    case "list":
      return innerRows(shape.member, `${path}[]`, above);
    case "map":
      return innerRows(shape.value, `${path}{}`, above);
    case "string":
    case "blob":
    case "integer":
    case "long":
    case "double":
    case "boolean":
    case "timestamp":
      return [];
  }
}

function typeText(shape: Shape): string {
  switch (shape.kind) {
    case "list":
      return `list of ${typeText(shape.member)}`;
    case "map":
      return `map of ${typeText(shape.value)}`;
    case "union":
      return "one of";
    case "string":
      return shape.values === undefined ? "string" : "enumeration";
    case "structure":
    case "blob":
    case "integer":
    case "long":
    case "double":
    case "boolean":
    case "timestamp":
      return shape.kind;
  }
}

function constraintsText(shape: Shape): string[] {
  switch (shape.kind) {
    case "string":
      return [
        ...(shape.values === undefined ? [] : [shape.values.map((value) => `\`${value}\``).join(", ")]),
        ...rangeText("length", shape.minLength, shape.maxLength),
        ...(shape.pattern === undefined ? [] : [`pattern \`${shape.pattern}\``]),
      ];
    case "blob":
      return rangeText("bytes", shape.minLength, shape.maxLength);
    case "integer":
    case "long":
      return rangeText("value", shape.min, shape.max);
    case "list":
      return [
        ...rangeText("items", shape.minLength, shape.maxLength),
        ...constraintsText(shape.member).map((text) => `each ${text}`),
      ];
    case "map":
      return [
        ...rangeText("entries", shape.minLength, shape.maxLength),
        ...constraintsText(shape.key).map((text) => `each key ${text}`),
        ...constraintsText(shape.value).map((text) => `each value ${text}`),
      ];
    case "double":
    case "boolean":
    case "timestamp":
    case "structure":
    case "union":
      return [];
  }
}

function rangeText(what: string, min: number | undefined, max: number | undefined): string[] {
  if (min === undefined && max === undefined) return [];
  if (max === undefined) return [`${what} from ${min}`];
  if (min === undefined) return [`${what} to ${max}`];
  return [min === max ? `${what} ${min}` : `${what} ${min} to ${max}`];
}

/** A bar would end the cell, also between back quotes. */
function escaped(text: string): string {
  return text.replaceAll("|", "\\|");
}
