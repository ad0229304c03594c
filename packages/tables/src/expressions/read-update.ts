/**
 * The grammar of updates, as documented: up to one section of each kind, in any order.
 *
 *     SET path = value {"," …}      value = operand [("+" | "-") operand]
 *     REMOVE path {"," …}           operand = path | :value | if_not_exists(path, operand) | list_append(operand, operand)
 *     ADD path :value {"," …}
 *     DELETE path :value {"," …}
 */
import type { AttributeValue } from "@millrace/api";
import { typeOf } from "../values/attribute-value.ts";
import type { Placeholders } from "./placeholders.ts";
import { pathText } from "./syntax.ts";
import type { Path, SetOperand, SetValue, UpdateAction } from "./syntax.ts";
import { TokenReader } from "./tokens.ts";

const SECTIONS = ["SET", "REMOVE", "ADD", "DELETE"] as const;
type Section = (typeof SECTIONS)[number];

/** @throws {ServiceError} `ValidationException` with the fault in the service's words. */
export function readUpdate(text: string, placeholders: Placeholders): readonly UpdateAction[] {
  const reader = new TokenReader("UpdateExpression", text, placeholders);
  const actions: UpdateAction[] = [];
  const seen = new Set<Section>();
  while (!reader.isAtEnd) {
    const section = SECTIONS.find((one) => reader.isWord(one));
    if (section === undefined) throw reader.syntaxError();
    if (seen.has(section)) {
      throw reader.fault(`The "${section}" section can only be used once in an update expression;`);
    }
    seen.add(section);
    reader.next();
    do actions.push(actionOf(reader, section));
    while (reader.take(","));
  }
  refuseOverlaps(reader, actions);
  return actions;
}

/** @throws {ServiceError} `ValidationException` when two actions are about one place or one inside of the other. */
function refuseOverlaps(reader: TokenReader, actions: readonly UpdateAction[]): void {
  const paths = actions.map(({ path }) => ({ path, key: path.map((step) => JSON.stringify(step)) }));
  const seen = new Map<string, Path>();
  const insides = new Map<string, Path>();
  for (const { path, key } of paths) {
    const prefixes = key.map((_, length) => key.slice(0, length + 1).join());
    const whole = prefixes.at(-1)!;
    const other =
      prefixes.map((prefix) => seen.get(prefix)).find((found) => found !== undefined) ?? insides.get(whole);
    if (other !== undefined) {
      throw reader.fault(
        "Two document paths overlap with each other; must remove or rewrite one of these paths; " +
          `path one: ${pathText(other)}, path two: ${pathText(path)}`,
      );
    }
    seen.set(whole, path);
    for (const prefix of prefixes) insides.set(prefix, path);
  }
}

function actionOf(reader: TokenReader, section: Section): UpdateAction {
  const path = reader.path();
  switch (section) {
    case "REMOVE":
      return { kind: "remove", path };
    case "SET":
      reader.expect("=");
      return { kind: "set", path, value: setValue(reader) };
    case "ADD":
      return { kind: "add", path, value: operandOf(reader, "ADD", ["N", "SS", "NS", "BS"]) };
    case "DELETE":
      return { kind: "delete", path, value: operandOf(reader, "DELETE", ["SS", "NS", "BS"]) };
  }
}

function operandOf(reader: TokenReader, section: Section, types: readonly string[]): AttributeValue {
  const value = reader.value();
  const type = typeOf(value);
  if (!types.includes(type)) {
    throw reader.fault(
      `Incorrect operand type for operator or function; operator: ${section}, operand type: ${typeNames[type]}`,
    );
  }
  return value;
}

const typeNames = {
  S: "STRING",
  N: "NUMBER",
  B: "BINARY",
  SS: "STRING_SET",
  NS: "NUMBER_SET",
  BS: "BINARY_SET",
  M: "MAP",
  L: "LIST",
  NULL: "NULL",
  BOOL: "BOOLEAN",
} as const;

function setValue(reader: TokenReader): SetValue {
  const left = setOperand(reader);
  if (reader.take("+")) return { kind: "plus", left, right: setOperand(reader) };
  if (reader.take("-")) return { kind: "minus", left, right: setOperand(reader) };
  return left;
}

function setOperand(reader: TokenReader): SetOperand {
  if (reader.isValue()) return { kind: "value", value: reader.value() };
  const name = reader.peekFunction();
  if (name === undefined) return { kind: "path", path: reader.path() };
  if (name !== "if_not_exists" && name !== "list_append") {
    throw reader.fault(
      [
        "attribute_exists",
        "attribute_not_exists",
        "attribute_type",
        "begins_with",
        "contains",
        "size",
      ].includes(name)
        ? `The function is not allowed in an update expression; function: ${name}`
        : `Invalid function name; function: ${name}`,
    );
  }
  reader.next();
  reader.expect("(");
  return reader.nested(() => {
    if (name === "if_not_exists") {
      const path = reader.path();
      reader.expect(",");
      const otherwise = setOperand(reader);
      reader.expect(")");
      return { kind: "if_not_exists", path, otherwise };
    }
    const first = setOperand(reader);
    reader.expect(",");
    const second = setOperand(reader);
    reader.expect(")");
    return { kind: "list_append", first, second };
  });
}
