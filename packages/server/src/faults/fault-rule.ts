import { kinesis } from "@millrace/api";
import { SIDE_OPERATIONS } from "../side-operations.ts";
import { parseDurationMs } from "../options/values.ts";
import { nearest } from "../options/nearest.ts";

/**
 * A fault that some calls meet. Which calls: all that `operation`, `stream` and `shardId` name (each left out
 * means any of Kinesis; operations of other services are named as in `dynamodb:PutItem`), of these the share `share`, and of these the first `count`.
 */
export interface FaultRule {
  readonly operation: string | undefined;
  readonly stream: string | undefined;
  readonly shardId: string | undefined;
  readonly kind: FaultKind;
  /** For `fail` and `partial`: the error code to answer. */
  readonly code: string;
  /** For `delay`, in machine time. */
  readonly delayMs: number;
  /** For `drop`: whether the operation is carried out before its answer is lost. */
  readonly stage: "before" | "after";
  /** In `[0, 1]`: of the matching calls; for `partial` of their entries. */
  readonly share: number;
  readonly count: number | undefined;
  /** The same seed decides the same way for the same calls in the same order. */
  readonly seed: number;
}

export const FAULT_KINDS = ["throttle", "fail", "delay", "drop", "partial"] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

const DEFAULT_CODES: Readonly<Record<FaultKind, string>> = {
  throttle: "ProvisionedThroughputExceededException",
  fail: "InternalFailureException",
  delay: "",
  drop: "",
  partial: "ProvisionedThroughputExceededException",
};

/** What AWS puts into a failed entry of PutRecords. */
const ENTRY_CODES = ["ProvisionedThroughputExceededException", "InternalFailure"];

const MEMBERS = [
  "operation",
  "stream",
  "shardId",
  "kind",
  "code",
  "delay",
  "delayMs",
  "stage",
  "share",
  "count",
  "seed",
];

/** A rule that cannot be used; the message says which member, why, and what would be right. */
export class FaultRuleError extends Error {
  override readonly name = "FaultRuleError";
}

/** Reads a rule as people write it in JSON. @throws {FaultRuleError} */
export function readFaultRule(given: unknown): FaultRule {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new FaultRuleError(
      'a fault is an object such as {"kind": "throttle", "operation": "PutRecord", "share": 0.1}',
    );
  }
  const members = given as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(members)) {
    if (!MEMBERS.includes(name))
      throw new FaultRuleError(`a fault has no member ${name}${didYouMean(name, MEMBERS)}`);
  }
  const kind = choice("kind", members["kind"], FAULT_KINDS);
  const operations = [...Object.keys(kinesis.operations), ...SIDE_OPERATIONS];
  const operation =
    members["operation"] === undefined ? undefined : choice("operation", members["operation"], operations);
  if (kind === "partial" && operation !== undefined && operation !== "PutRecords") {
    throw new FaultRuleError(`partial faults are for PutRecords, not for ${operation}; use fail or throttle`);
  }
  const shardId = text(
    "shardId",
    members["shardId"],
    /^shardId-\d{12}$/,
    "is not of the form shardId-000000000000",
  );
  return {
    kind,
    operation: kind === "partial" ? "PutRecords" : operation,
    stream: text("stream", members["stream"], /^[a-zA-Z0-9_.-]{1,128}$/, "is not the name of a stream"),
    shardId,
    code: codeOf(kind, members["code"]),
    delayMs: delayOf(kind, members),
    stage: stageOf(kind, members["stage"]),
    share: number("share", members["share"] ?? 1, 0, 1),
    count: members["count"] === undefined ? undefined : integer("count", members["count"], 1),
    seed: members["seed"] === undefined ? 1 : integer("seed", members["seed"], 0),
  };
}

function codeOf(kind: FaultKind, given: unknown): string {
  if (given === undefined) return DEFAULT_CODES[kind];
  if (kind === "partial") return choice("code", given, ENTRY_CODES);
  if (kind !== "fail") throw new FaultRuleError(`code is for fail and partial, not for ${kind}`);
  return text(
    "code",
    given,
    /^[A-Z][A-Za-z0-9]{2,63}$/,
    "is not an error code such as InternalFailureException",
  )!;
}

function delayOf(kind: FaultKind, members: Readonly<Record<string, unknown>>): number {
  const { delay, delayMs } = members;
  if (kind !== "delay") {
    if (delay !== undefined || delayMs !== undefined)
      throw new FaultRuleError(`a delay is for delay, not for ${kind}`);
    return 0;
  }
  if (delayMs !== undefined) return integer("delayMs", delayMs, 0);
  const parsed = typeof delay === "string" ? parseDurationMs(delay) : undefined;
  if (parsed === undefined)
    throw new FaultRuleError('delay needs a duration: {"kind": "delay", "delay": "250ms"}');
  return parsed;
}

function stageOf(kind: FaultKind, given: unknown): "before" | "after" {
  if (given === undefined) return "before";
  if (kind !== "drop") throw new FaultRuleError(`stage is for drop, not for ${kind}`);
  return choice("stage", given, ["before", "after"] as const);
}

function choice<const T extends string>(name: string, given: unknown, values: readonly T[]): T {
  const found = values.find((value) => value === given);
  if (found !== undefined) return found;
  if (given === undefined) throw new FaultRuleError(`${name} is missing; it is one of ${values.join(", ")}`);
  const shown = values.length > 8 ? "" : `; it is one of ${values.join(", ")}`;
  throw new FaultRuleError(
    `${name} cannot be ${JSON.stringify(given)}${didYouMean(String(given), values)}${shown}`,
  );
}

function didYouMean(given: string, values: readonly string[]): string {
  const guess = nearest(given, values);
  return guess === undefined ? "" : `; did you mean ${guess}?`;
}

function text(name: string, given: unknown, pattern: RegExp, reason: string): string | undefined {
  if (given === undefined) return undefined;
  if (typeof given !== "string" || !pattern.test(given))
    throw new FaultRuleError(`${name} ${JSON.stringify(given)} ${reason}`);
  return given;
}

function number(name: string, given: unknown, min: number, max: number): number {
  if (typeof given === "number" && given >= min && given <= max) return given;
  throw new FaultRuleError(`${name} must be a number from ${min} to ${max}, not ${JSON.stringify(given)}`);
}

function integer(name: string, given: unknown, min: number): number {
  if (typeof given === "number" && Number.isSafeInteger(given) && given >= min) return given;
  throw new FaultRuleError(`${name} must be a whole number of at least ${min}, not ${JSON.stringify(given)}`);
}
