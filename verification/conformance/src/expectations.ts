/** What cases say about answers, in one word each. */
import { expect } from "vitest";
import type { Account } from "./account.ts";
import { CallError, unknownToSdk, type Input, type OperationName } from "./client.ts";
import { record } from "./coverage.ts";

/** Expects that the service refuses with this code, and with this text when one is given. */
export async function refused(
  operation: OperationName,
  code: string,
  attempt: Promise<unknown>,
  message?: string | RegExp,
): Promise<CallError> {
  const outcome = await attempt.then(
    (answer) => ({ answer }),
    (error: unknown) => ({ error }),
  );
  if (!("error" in outcome)) {
    expect.fail(`${operation} answered ${brief(outcome.answer)} where ${code} was expected`);
  }
  const { error } = outcome;
  if (!(error instanceof CallError) || error.code === unknownToSdk) throw error;
  expect(`${error.code}: ${error.message}`).toMatch(new RegExp(`^${code}: `));
  expect(error.status).toBe(code === "InternalFailureException" ? 500 : 400);
  if (typeof message === "string") expect(error.message).toBe(message);
  else if (message !== undefined) expect(error.message).toMatch(message);
  record({ kind: "refused", operation, code });
  return error;
}

/** Expects a refusal as invalid, where AWS has published neither which of its two codes it is nor the text. */
export async function refusedAsInvalid(
  operation: OperationName,
  attempt: Promise<unknown>,
): Promise<CallError> {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  const code =
    error instanceof CallError && error.code === "ValidationException"
      ? "ValidationException"
      : "InvalidArgumentException";
  return refused(operation, code, attempt);
}

/**
 * Expects a ValidationException that lists exactly these violations, e.g. `"Value null at 'data' failed
 * to satisfy constraint: Member must not be null"`. Their order is not published, so it is left open.
 */
export async function violates(
  operation: OperationName,
  attempt: Promise<unknown>,
  violations: readonly string[],
): Promise<void> {
  const { message } = await refused(operation, "ValidationException", attempt);
  const heading = `${violations.length} validation error${violations.length === 1 ? "" : "s"} detected: `;
  expect(message.slice(0, heading.length)).toBe(heading);
  expect(message.slice(heading.length).split("; ").toSorted()).toEqual([...violations].toSorted());
}

export const violation = (path: string, value: string, constraint: string): string =>
  `Value ${value === "null" ? value : `'${value}'`} at '${path}' failed to satisfy constraint: ${constraint}`;

export const mustNotBeNull = (path: string): string => violation(path, "null", "Member must not be null");
export const tooLong = (path: string, value: string, max: number): string =>
  violation(path, value, `Member must have length less than or equal to ${max}`);
export const tooShort = (path: string, value: string, min: number): string =>
  violation(path, value, `Member must have length greater than or equal to ${min}`);
export const tooLarge = (path: string, value: number, max: number): string =>
  violation(path, String(value), `Member must have value less than or equal to ${max}`);
export const tooSmall = (path: string, value: number, min: number): string =>
  violation(path, String(value), `Member must have value greater than or equal to ${min}`);
export const offPattern = (path: string, value: string, pattern: string): string =>
  violation(path, value, `Member must satisfy regular expression pattern: ${pattern}`);

/** Expects the enumeration violation of this member; the order in which values are listed is open. */
export async function violatesValues(
  operation: OperationName,
  attempt: Promise<unknown>,
  path: string,
  value: string,
  values: readonly string[],
): Promise<void> {
  const { message } = await refused(operation, "ValidationException", attempt);
  const heading = `1 validation error detected: Value '${value}' at '${path}' failed to satisfy constraint: Member must satisfy enum value set: [`;
  expect(message.slice(0, heading.length)).toBe(heading);
  expect(message.slice(heading.length, -1).split(", ").toSorted()).toEqual([...values].toSorted());
}

/** Expects that a burst of calls meets a limit: at least one of them is refused with this code and text. */
export async function meetsLimit(
  operation: OperationName,
  code: "LimitExceededException" | "ProvisionedThroughputExceededException",
  calls: readonly Promise<unknown>[],
  message: string | RegExp,
): Promise<{ accepted: number }> {
  const outcomes = await Promise.allSettled(calls);
  const throttled = outcomes.filter(
    (outcome) => outcome.status === "rejected" && (outcome.reason as CallError).code === code,
  );
  const accepted = outcomes.filter(({ status }) => status === "fulfilled").length;
  if (throttled.length === 0) {
    const codes = outcomes.map((outcome) =>
      outcome.status === "rejected" ? (outcome.reason as CallError).code : "accepted",
    );
    expect.fail(
      `none of ${calls.length} calls of ${operation} met ${code}: ${[...new Set(codes)].join(", ")}`,
    );
  }
  await refused(
    operation,
    code,
    Promise.reject((throttled[0] as PromiseRejectedResult).reason as Error),
    message,
  );
  return { accepted };
}

export const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

/** A burst of one call, repeated. */
export const burst = (
  account: Account,
  operation: OperationName,
  count: number,
  input: (index: number) => Input,
): Promise<unknown>[] => times(count, (index) => account.call(operation, input(index)));

function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? "undefined";
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
