/** JSON that was read back, looked at before anybody trusts its type. Members that nobody knows are let pass. */

export type Check = (value: unknown) => boolean;

/** Undefined, which JSON itself cannot say, when the text is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export const isText: Check = (value) => typeof value === "string";

/** An index, an id, a count, a number of bytes. */
export const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;

/** Milliseconds, which may have a fraction. */
export const isTime: Check = (value) => Number.isFinite(value);

export function listOf(check: Check): Check {
  return (value) => Array.isArray(value) && value.every(check);
}

export function tupleOf(...checks: readonly Check[]): Check {
  return (value) =>
    Array.isArray(value) &&
    value.length === checks.length &&
    checks.every((check, i) => check((value as unknown[])[i]));
}

export function optional(check: Check): Check {
  return (value) => value === undefined || check(value);
}

export function objectOf(members: Readonly<Record<string, Check>>): Check {
  const checks = Object.entries(members);
  return (value) =>
    typeof value === "object" &&
    value !== null &&
    checks.every(([name, check]) => check((value as Record<string, unknown>)[name]));
}
