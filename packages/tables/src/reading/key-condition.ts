/** Which items a query is about: one partition key, and maybe a range of sort keys. */
import type { AttributeValue } from "@millrace/api";
import { filterCondition } from "../expressions/legacy.ts";
import type { Placeholders } from "../expressions/placeholders.ts";
import { readCondition } from "../expressions/read-condition.ts";
import type { Condition, Operand } from "../expressions/syntax.ts";
import { invalid, invalidValue } from "../refusals.ts";
import type { KeySchemaRow, TableRow } from "../tables/table-row.ts";
import { typeOf } from "../values/attribute-value.ts";
import { refuseMixture } from "../writing/conditions.ts";

export interface KeyCondition {
  readonly partition: AttributeValue;
  /** On the sort key; undefined when any will do. */
  readonly sort: Condition | undefined;
}

interface Given {
  readonly KeyConditionExpression?: string;
  readonly KeyConditions?: Parameters<typeof filterCondition>[0];
}

/** The condition on keys as it was written. @throws {ServiceError} `ValidationException`. */
export function givenKeyCondition(input: Given, placeholders: Placeholders): Condition {
  refuseMixture(
    input,
    ["KeyConditions", "QueryFilter", "ConditionalOperator", "AttributesToGet"],
    ["KeyConditionExpression", "FilterExpression", "ProjectionExpression"],
  );
  const { KeyConditionExpression, KeyConditions } = input;
  if (KeyConditionExpression !== undefined) {
    return readCondition("KeyConditionExpression", KeyConditionExpression, placeholders);
  }
  const condition = KeyConditions === undefined ? undefined : filterCondition(KeyConditions, "AND");
  if (condition === undefined) {
    throw invalid(
      "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
    );
  }
  return condition;
}

/** The condition, once it is known whose keys it is about. @throws {ServiceError} `ValidationException`. */
export function keyConditionOn(
  schema: KeySchemaRow,
  { types }: TableRow,
  condition: Condition,
): KeyCondition {
  const parts = condition.kind === "and" ? condition.parts : [condition];
  const partOf = (name: string): Condition | undefined => parts.find((part) => nameIn(part) === name);
  const own = partOf(schema.partition);
  if (own === undefined) throw invalid(`Query condition missed key schema element: ${schema.partition}`);
  if (own.kind !== "compare" || own.comparator !== "=" || own.right.kind !== "value") throw notSupported();
  if (typeOf(own.right.value) !== types[schema.partition]) throw wrongType();
  const sort = schema.sort === undefined ? undefined : partOf(schema.sort);
  if (parts.length !== (sort === undefined ? 1 : 2)) {
    if (parts.length === 2 && schema.sort !== undefined) {
      throw invalid(`Query condition missed key schema element: ${schema.sort}`);
    }
    throw notSupported();
  }
  if (sort !== undefined) {
    for (const operand of comparedIn(sort)) {
      if (operand.kind !== "value") throw notSupported();
      if (typeOf(operand.value) !== types[schema.sort!]) throw wrongType();
    }
  }
  return { partition: own.right.value, sort };
}

/** The attribute that a part of a key condition is about. */
function nameIn(part: Condition): string | undefined {
  const operand = part.kind === "compare" ? part.left : "operand" in part ? part.operand : undefined;
  if (operand?.kind !== "path" || operand.path.length !== 1) throw notSupported();
  return String(operand.path[0]);
}

/** What the sort key is compared with. */
function comparedIn(part: Condition): readonly Operand[] {
  switch (part.kind) {
    case "compare":
      if (part.comparator === "<>") throw notSupported();
      return [part.right];
    case "between":
      return [part.low, part.high];
    case "begins_with":
      return [part.part];
    default:
      throw notSupported();
  }
}

function notSupported(): Error {
  return invalid("Query key condition not supported");
}

function wrongType(): Error {
  return invalidValue("Condition parameter type does not match schema type");
}
