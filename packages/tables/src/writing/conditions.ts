/** The condition of a write or the filter of a read, in either of the two ways to write it. */
import type { AttributeValue } from "@millrace/api";
import { expectedCondition } from "../expressions/legacy.ts";
import type { Placeholders } from "../expressions/placeholders.ts";
import { readCondition } from "../expressions/read-condition.ts";
import type { Condition } from "../expressions/syntax.ts";
import { invalid } from "../refusals.ts";

interface Given {
  readonly ConditionExpression?: string;
  readonly Expected?: Readonly<
    Record<
      string,
      {
        readonly Value?: AttributeValue;
        readonly Exists?: boolean;
        readonly ComparisonOperator?: string;
        readonly AttributeValueList?: readonly AttributeValue[];
      }
    >
  >;
  readonly ConditionalOperator?: "AND" | "OR";
}

/** @throws {ServiceError} `ValidationException`. */
export function conditionOf(given: Given, placeholders: Placeholders): Condition | undefined {
  const { ConditionExpression, ConditionalOperator, Expected } = given;
  if (ConditionExpression !== undefined) {
    return readCondition("ConditionExpression", ConditionExpression, placeholders);
  }
  refuseLoneOperator(ConditionalOperator, Expected, "Expected");
  return Expected === undefined ? undefined : expectedCondition(Expected, ConditionalOperator);
}

/** @throws {ServiceError} `ValidationException` when there is nothing for the operator to join. */
export function refuseLoneOperator(
  operator: string | undefined,
  joined: object | undefined,
  member: string,
): void {
  if (operator === undefined) return;
  const count = Object.keys(joined ?? {}).length;
  if (count === 0) throw invalid("ConditionalOperator cannot be used without Filter or Expected");
  if (count === 1) {
    throw invalid(`ConditionalOperator can only be used when ${member} has two or more elements`);
  }
}

/** @throws {ServiceError} `ValidationException` when a request is written in both ways at once. */
export function refuseMixture(
  input: object,
  legacyMembers: readonly string[],
  expressionMembers: readonly string[],
): void {
  const given = (members: readonly string[]) =>
    members.filter((member) => (input as Readonly<Record<string, unknown>>)[member] !== undefined);
  const legacy = given(legacyMembers);
  const expressions = given(expressionMembers);
  if (legacy.length > 0 && expressions.length > 0) {
    throw invalid(
      "Can not use both expression and non-expression parameters in the same request: " +
        `Non-expression parameters: {${legacy.join(", ")}} Expression parameters: {${expressions.join(", ")}}`,
    );
  }
}
