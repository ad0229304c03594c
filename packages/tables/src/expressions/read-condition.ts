/**
 * The grammar of conditions, as documented:
 *
 *     condition  = conjunction {OR conjunction}
 *     conjunction = negation {AND negation}
 *     negation   = NOT negation | "(" condition ")" | function | comparison
 *     comparison = operand (comparator operand | BETWEEN operand AND operand | IN "(" operand {"," operand} ")")
 *     function   = attribute_exists(path) | attribute_not_exists(path) | attribute_type(path, :value)
 *                | begins_with(operand, operand) | contains(operand, operand)
 *     operand    = path | :value | size(path)
 */
import type { AttributeType } from "../values/attribute-value.ts";
import { typeOf } from "../values/attribute-value.ts";
import type { Placeholders } from "./placeholders.ts";
import type { Comparator, Condition, Operand } from "./syntax.ts";
import { TokenReader } from "./tokens.ts";
import type { ExpressionName } from "./tokens.ts";

const COMPARATORS: readonly string[] = ["=", "<>", "<", "<=", ">", ">="] satisfies Comparator[];
const TYPES: readonly string[] = ["S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL"];
const WORDS = new Set(["AND", "OR", "NOT", "BETWEEN", "IN"]);
const IN_LIST_MAX = 100;

/** @throws {ServiceError} `ValidationException` with the fault in the service's words. */
export function readCondition(what: ExpressionName, text: string, placeholders: Placeholders): Condition {
  const reader = new TokenReader(what, text, placeholders);
  const condition = alternatives(reader);
  reader.finish();
  return condition;
}

function alternatives(reader: TokenReader): Condition {
  return reader.nested(() => {
    const parts = [conjunction(reader)];
    while (reader.take("OR")) parts.push(conjunction(reader));
    return parts.length === 1 ? parts[0]! : { kind: "or", parts };
  });
}

function conjunction(reader: TokenReader): Condition {
  const parts = [negation(reader)];
  while (reader.take("AND")) parts.push(negation(reader));
  return parts.length === 1 ? parts[0]! : { kind: "and", parts };
}

function negation(reader: TokenReader): Condition {
  if (reader.take("NOT")) return reader.nested(() => ({ kind: "not", part: negation(reader) }));
  if (reader.take("(")) {
    const inner = alternatives(reader);
    reader.expect(")");
    return inner;
  }
  const name = reader.peekFunction();
  if (name !== undefined && name !== "size" && !WORDS.has(name.toUpperCase())) return callOf(reader, name);
  return comparison(reader);
}

function callOf(reader: TokenReader, name: string): Condition {
  if (
    !["attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains"].includes(name)
  ) {
    throw reader.fault(
      name === "if_not_exists" || name === "list_append"
        ? `The function is not allowed in a condition expression; function: ${name}`
        : `Invalid function name; function: ${name}`,
    );
  }
  reader.next();
  reader.expect("(");
  const condition = argumentsOf(reader, name);
  reader.expect(")");
  return condition;
}

function argumentsOf(reader: TokenReader, name: string): Condition {
  switch (name) {
    case "attribute_exists":
      return { kind: "exists", path: reader.path() };
    case "attribute_not_exists":
      return { kind: "not", part: { kind: "exists", path: reader.path() } };
    case "attribute_type": {
      const path = reader.path();
      reader.expect(",");
      const type = reader.value().S;
      if (type === undefined || !TYPES.includes(type)) {
        throw reader.fault(
          `Invalid attribute type name found; type: ${type ?? "none"}, valid types: {${TYPES.join(",")}}`,
        );
      }
      return { kind: "type", path, type: type as AttributeType };
    }
    default: {
      const left = operand(reader);
      reader.expect(",");
      const part = operand(reader);
      if (name === "begins_with") refusePrefix(reader, part);
      return { kind: name === "contains" ? "contains" : "begins_with", operand: left, part };
    }
  }
}

function refusePrefix(reader: TokenReader, prefix: Operand): void {
  if (prefix.kind !== "value") return;
  const type = typeOf(prefix.value);
  if (type !== "S" && type !== "B") {
    throw reader.fault(
      `Incorrect operand type for operator or function; operator or function: begins_with, operand type: ${type}`,
    );
  }
}

function comparison(reader: TokenReader): Condition {
  const left = operand(reader);
  if (reader.take("BETWEEN")) {
    const low = operand(reader);
    reader.expect("AND");
    const high = operand(reader);
    return { kind: "between", operand: left, low, high };
  }
  if (reader.take("IN")) {
    reader.expect("(");
    const list = [operand(reader)];
    while (reader.take(",")) list.push(operand(reader));
    reader.expect(")");
    if (list.length > IN_LIST_MAX) {
      throw reader.fault(
        `The IN operator is provided with too many operands; number of operands: ${list.length}`,
      );
    }
    return { kind: "in", operand: left, list };
  }
  if (!COMPARATORS.includes(reader.peek())) throw reader.syntaxError();
  const comparator = reader.next() as Comparator;
  return { kind: "compare", comparator, left, right: operand(reader) };
}

function operand(reader: TokenReader): Operand {
  if (reader.isValue()) return { kind: "value", value: reader.value() };
  const name = reader.peekFunction();
  if (name === undefined) {
    if (WORDS.has(reader.peek().toUpperCase())) throw reader.syntaxError();
    return { kind: "path", path: reader.path() };
  }
  if (name !== "size") throw reader.fault(`Invalid function name; function: ${name}`);
  reader.next();
  reader.expect("(");
  const path = reader.path();
  reader.expect(")");
  return { kind: "size", path };
}
