/** Conditions, filters and updates as they were written before there were expressions; older KCLs send them. */
import type { AttributeValue } from "@millrace/api";
import { invalid, invalidValue } from "../refusals.ts";
import { checkedValue, typeOf } from "../values/attribute-value.ts";
import type { Comparator, Condition, Operand, UpdateAction } from "./syntax.ts";

interface Comparison {
  readonly ComparisonOperator?: string;
  readonly AttributeValueList?: readonly AttributeValue[];
}

interface Expectation extends Comparison {
  readonly Value?: AttributeValue;
  readonly Exists?: boolean;
}

interface AttributeUpdate {
  readonly Value?: AttributeValue;
  readonly Action?: "ADD" | "PUT" | "DELETE";
}

type Conjunction = "AND" | "OR" | undefined;

/** The condition of `Expected`. @throws {ServiceError} `ValidationException`. */
export function expectedCondition(
  expected: Readonly<Record<string, Expectation>>,
  operator: Conjunction,
): Condition | undefined {
  return joined(
    Object.entries(expected).map(([name, expectation]) => expectationOf(name, expectation)),
    operator,
  );
}

/** The condition of `ScanFilter`, `QueryFilter` and `KeyConditions`. @throws {ServiceError} `ValidationException`. */
export function filterCondition(
  filter: Readonly<Record<string, Comparison>>,
  operator: Conjunction,
): Condition | undefined {
  return joined(
    Object.entries(filter).map(([name, comparison]) => comparisonOf(name, comparison)),
    operator,
  );
}

/** The actions of `AttributeUpdates`. @throws {ServiceError} `ValidationException`. */
export function legacyUpdate(updates: Readonly<Record<string, AttributeUpdate>>): UpdateAction[] {
  return Object.entries(updates).map(([name, { Value, Action = "PUT" }]): UpdateAction => {
    const path = [name];
    const value = Value === undefined ? undefined : checkedValue(Value);
    if (value === undefined) {
      if (Action === "DELETE") return { kind: "remove", path };
      throw invalidValue(`Only DELETE action is allowed when no attribute value is specified`);
    }
    const type = typeOf(value);
    if (Action === "PUT") return { kind: "set", path, value: { kind: "value", value } };
    if (Action === "DELETE") {
      if (["SS", "NS", "BS"].includes(type)) return { kind: "delete", path, value };
      throw invalidValue(`DELETE action with value is not supported for the type ${type}`);
    }
    if (["N", "SS", "NS", "BS"].includes(type)) return { kind: "add", path, value };
    throw invalidValue(`ADD action is not supported for the type ${type}`);
  });
}

function joined(parts: readonly Condition[], operator: Conjunction): Condition | undefined {
  if (parts.length === 0) return undefined;
  return parts.length === 1 ? parts[0] : { kind: operator === "OR" ? "or" : "and", parts };
}

function expectationOf(name: string, expectation: Expectation): Condition {
  const { Value, Exists, ComparisonOperator, AttributeValueList } = expectation;
  if (ComparisonOperator !== undefined) {
    if (Exists !== undefined) {
      throw invalidValue(`Exists and ComparisonOperator cannot be used together for Attribute: ${name}`);
    }
    if (Value !== undefined && AttributeValueList !== undefined) {
      throw invalidValue(`Value and AttributeValueList cannot be used together for Attribute: ${name}`);
    }
    const list = AttributeValueList ?? (Value === undefined ? undefined : [Value]);
    return comparisonOf(name, {
      ComparisonOperator,
      ...(list === undefined ? {} : { AttributeValueList: list }),
    });
  }
  if (AttributeValueList !== undefined) {
    throw invalidValue(
      `AttributeValueList can only be used with a ComparisonOperator for Attribute: ${name}`,
    );
  }
  if (Exists === false) {
    if (Value !== undefined) {
      throw invalidValue(`Value cannot be used when Exists is set to false for Attribute: ${name}`);
    }
    return absent(name);
  }
  if (Value === undefined) {
    throw invalidValue(
      Exists === undefined
        ? `Value must be provided when Exists is null for Attribute: ${name}`
        : `Value must be provided when Exists is true for Attribute: ${name}`,
    );
  }
  return compare("=", name, checkedValue(Value));
}

const comparators: Readonly<Record<string, Comparator>> = {
  EQ: "=",
  NE: "<>",
  LE: "<=",
  LT: "<",
  GE: ">=",
  GT: ">",
};

function comparisonOf(
  name: string,
  { ComparisonOperator: operator = "", AttributeValueList = [] }: Comparison,
): Condition {
  const values = AttributeValueList.map((value) => checkedValue(value));
  const wanted = operator === "BETWEEN" ? 2 : operator === "NULL" || operator === "NOT_NULL" ? 0 : 1;
  if (operator === "IN" ? values.length === 0 : values.length !== wanted) {
    throw invalidValue(`Invalid number of argument(s) for the ${operator} ComparisonOperator`);
  }
  const operand: Operand = { kind: "path", path: [name] };
  const [first, second] = values as [AttributeValue, AttributeValue];
  const comparator = comparators[operator];
  if (comparator !== undefined) return compare(comparator, name, first);
  switch (operator) {
    case "NULL":
      return absent(name);
    case "NOT_NULL":
      return { kind: "exists", path: [name] };
    case "IN":
      return { kind: "in", operand, list: values.map((value) => ({ kind: "value", value })) };
    case "BETWEEN":
      return {
        kind: "between",
        operand,
        low: { kind: "value", value: first },
        high: { kind: "value", value: second },
      };
    case "CONTAINS":
      return { kind: "contains", operand, part: { kind: "value", value: first } };
    case "NOT_CONTAINS":
      return { kind: "not", part: { kind: "contains", operand, part: { kind: "value", value: first } } };
    case "BEGINS_WITH":
      return { kind: "begins_with", operand, part: { kind: "value", value: first } };
    default:
      throw invalid(`Unsupported operator on ComparisonOperator: ${operator}`);
  }
}

function absent(name: string): Condition {
  return { kind: "not", part: { kind: "exists", path: [name] } };
}

function compare(comparator: Comparator, name: string, value: AttributeValue): Condition {
  return {
    kind: "compare",
    comparator,
    left: { kind: "path", path: [name] },
    right: { kind: "value", value },
  };
}
