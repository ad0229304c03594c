import { parseDurationMs } from "@millrace/server";
import type { Invocation } from "./command.ts";
import { UsageError } from "./usage-error.ts";

/** The value of an option that was given, the last one when it was repeated. */
export function textOf(invocation: Invocation, name: string): string | undefined {
  const value = invocation.options[name];
  return value === undefined || value === true ? undefined : value.at(-1);
}

export function textsOf(invocation: Invocation, name: string): readonly string[] {
  const value = invocation.options[name];
  return value === undefined || value === true ? [] : value;
}

export function isSet(invocation: Invocation, name: string): boolean {
  return invocation.options[name] !== undefined;
}

export function argumentOf(invocation: Invocation, name: string): string {
  const value = invocation.arguments[name];
  if (value === undefined)
    throw new UsageError(`${invocation.command.name} needs ${name}`, invocation.command.name);
  return value;
}

/** A whole number in `[min, max]`. */
export function integerFrom(text: string, name: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    const near = Number.isFinite(value)
      ? ` The nearest is ${Math.min(max, Math.max(min, Math.round(value)))}.`
      : "";
    throw new UsageError(`${name} ${text}: expected a whole number from ${min} to ${max}.${near}`);
  }
  return value;
}

export function integerOf(
  invocation: Invocation,
  name: string,
  min: number,
  max: number,
): number | undefined {
  const text = textOf(invocation, name);
  return text === undefined ? undefined : integerFrom(text, `--${name}`, min, max);
}

export function durationFrom(text: string, name: string): number {
  const durationMs = parseDurationMs(text);
  if (durationMs === undefined) {
    throw new UsageError(
      `${name} ${text}: expected a duration with its unit, such as 250ms, 90s, 5m, 25h or 7d`,
    );
  }
  return durationMs;
}
