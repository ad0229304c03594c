import type { Random } from "@millrace/runtime";
import { UsageError } from "../arguments/usage-error.ts";

/** How the partition key of a line is found. */
export interface KeyRule {
  /** A field of the line, which is JSON: `user.id`. */
  readonly field?: string | undefined;
  /** The first group, or the whole match. */
  readonly pattern?: RegExp | undefined;
  /** The key of every line, or of those in which the rule above finds none. */
  readonly fixed?: string | undefined;
}

const KEY_LENGTH_MAX = 256;

/**
 * The partition key of a line. Without any rule it is random, which spreads records evenly over the shards.
 *
 * @throws {UsageError} when the rule finds no key in this line, and there is no key for that case.
 */
export function keyOfLine(line: Uint8Array, lineNumber: number, rule: KeyRule, random: Random): string {
  const key = foundIn(line, rule) ?? rule.fixed;
  if (key === undefined) {
    if (rule.field === undefined && rule.pattern === undefined) {
      return Buffer.from(random.bytes(8)).toString("hex");
    }
    const what = rule.field === undefined ? `no match of ${rule.pattern}` : `no field ${rule.field}`;
    throw new UsageError(`line ${lineNumber} has ${what}; --key K names the key of such lines`, "put");
  }
  if (key.length === 0 || Array.from(key).length > KEY_LENGTH_MAX) {
    throw new UsageError(`line ${lineNumber}: a partition key has 1 to ${KEY_LENGTH_MAX} characters`, "put");
  }
  return key;
}

function foundIn(line: Uint8Array, rule: KeyRule): string | undefined {
  if (rule.field === undefined && rule.pattern === undefined) return undefined;
  const text = Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString("utf8");
  if (rule.pattern !== undefined) {
    const match = rule.pattern.exec(text);
    return match === null ? undefined : (match[1] ?? match[0]);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  for (const name of rule.field?.split(".") ?? []) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}
