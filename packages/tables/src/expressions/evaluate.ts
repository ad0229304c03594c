/** Whether a condition holds for an item. There is one evaluator for expressions and for legacy conditions. */
import type { AttributeValue } from "@millrace/api";
import { compareValues, elementTexts, equalValues, lengthOf, typeOf } from "../values/attribute-value.ts";
import type { Item } from "../values/attribute-value.ts";
import type { Comparator, Condition, Operand, Path } from "./syntax.ts";

/** An item that does not exist is one without attributes. */
export function holds(condition: Condition, item: Item): boolean {
  switch (condition.kind) {
    case "and":
      return condition.parts.every((part) => holds(part, item));
    case "or":
      return condition.parts.some((part) => holds(part, item));
    case "not":
      return !holds(condition.part, item);
    case "compare":
      return compares(condition.comparator, valueOf(condition.left, item), valueOf(condition.right, item));
    case "between": {
      const value = valueOf(condition.operand, item);
      return (
        compares(">=", value, valueOf(condition.low, item)) &&
        compares("<=", value, valueOf(condition.high, item))
      );
    }
    case "in": {
      const value = valueOf(condition.operand, item);
      return condition.list.some((one) => compares("=", value, valueOf(one, item)));
    }
    case "exists":
      return valueAt(item, condition.path) !== undefined;
    case "type": {
      const value = valueAt(item, condition.path);
      return value !== undefined && typeOf(value) === condition.type;
    }
    case "begins_with":
      return beginsWith(valueOf(condition.operand, item), valueOf(condition.part, item));
    case "contains":
      return contains(valueOf(condition.operand, item), valueOf(condition.part, item));
  }
}

/** What stands at a path; undefined when there is nothing. */
export function valueAt(item: Item, path: Path): AttributeValue | undefined {
  let value: AttributeValue | undefined = { M: item };
  for (const step of path) {
    if (typeof step === "number") value = value.L?.[step];
    else value = value.M !== undefined && Object.hasOwn(value.M, step) ? value.M[step] : undefined;
    if (value === undefined) return undefined;
  }
  return value;
}

function valueOf(operand: Operand, item: Item): AttributeValue | undefined {
  switch (operand.kind) {
    case "value":
      return operand.value;
    case "path":
      return valueAt(item, operand.path);
    case "size": {
      const value = valueAt(item, operand.path);
      const length = value === undefined ? undefined : lengthOf(value);
      return length === undefined ? undefined : { N: String(length) };
    }
  }
}

/** What is not there is different from everything, and before or after nothing. */
function compares(
  comparator: Comparator,
  left: AttributeValue | undefined,
  right: AttributeValue | undefined,
): boolean {
  if (left === undefined || right === undefined) return comparator === "<>";
  if (comparator === "=") return equalValues(left, right);
  if (comparator === "<>") return !equalValues(left, right);
  const order = compareValues(left, right);
  if (order === undefined) return false;
  switch (comparator) {
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
  }
}

function beginsWith(value: AttributeValue | undefined, prefix: AttributeValue | undefined): boolean {
  if (value === undefined || prefix === undefined) return false;
  if (value.S !== undefined && prefix.S !== undefined) return value.S.startsWith(prefix.S);
  if (value.B === undefined || prefix.B === undefined) return false;
  return Buffer.compare(value.B.subarray(0, prefix.B.length), prefix.B) === 0;
}

/** A part of a text or of bytes, a member of a set, or an element of a list. */
function contains(value: AttributeValue | undefined, part: AttributeValue | undefined): boolean {
  if (value === undefined || part === undefined) return false;
  if (value.S !== undefined) return part.S !== undefined && value.S.includes(part.S);
  if (value.B !== undefined)
    return part.B !== undefined && Buffer.from(value.B).includes(Buffer.from(part.B));
  if (value.L !== undefined) return value.L.some((element) => equalValues(element, part));
  const asSet: AttributeValue | undefined =
    part.S !== undefined && value.SS !== undefined
      ? { SS: [part.S] }
      : part.N !== undefined && value.NS !== undefined
        ? { NS: [part.N] }
        : part.B !== undefined && value.BS !== undefined
          ? { BS: [part.B] }
          : undefined;
  return asSet !== undefined && elementTexts(value).includes(elementTexts(asSet)[0]!);
}
