/**
 * The interpreter of constraints: what a decoded value breaks, worded as the service words it.
 *
 *     Value '' at 'records.1.member.partitionKey' failed to satisfy constraint: Member must have length
 *     greater than or equal to 1
 *
 * A path names members with a small first letter, items of lists as `.1.member`, items of maps as
 * `.key.member`. One member can break several constraints; they come in the order enumeration or pattern,
 * then the lower bound, then the upper one, then what is inside. What the items of a list of strings, or the
 * keys or values of a map, break is told once, of the whole list or map. Texts and orders come from answers
 * recorded from AWS.
 */

import { isNull, quotedText } from "./java-text.ts";
import type {
  IntegerShape,
  ListShape,
  MapShape,
  Shape,
  StringShape,
  StructureShape,
  UnionShape,
} from "./shape.ts";
import { memberName, memberOrder, valueSetOrder } from "./violation-order.ts";

/** The service stops looking when it has found this many. */
export const VIOLATION_COUNT_MAX = 10;

/**
 * What the value breaks, in the service's order, at most ten; an empty list when it breaks nothing.
 * The value has the types that its shape says; members that are `undefined` or null are absent.
 */
export function violations(shape: StructureShape, value: object): readonly string[] {
  const check = knownMembersCheck(shape);
  const found: string[] = [];
  check(value, { path: [], found });
  return found.length === 0 ? NONE : found.slice(0, VIOLATION_COUNT_MAX);
}

/** The one message of a `ValidationException` for violations, of which there is at least one. */
export function validationMessage(found: readonly string[]): string {
  return `${found.length} validation error${found.length === 1 ? "" : "s"} detected: ${found.join("; ")}`;
}

const NONE: readonly string[] = Object.freeze([]);

/** Where the check stands, and what it has found. The path is joined only when there is a violation. */
interface Progress {
  readonly path: (string | number)[];
  readonly found: string[];
}

/** Checks a value that is there. */
type Check = (value: unknown, progress: Progress) => void;

const checks = new WeakMap<StructureShape | UnionShape, Check>();

/** The check of a structure's members, made once. A structure inside of itself gets what looks the check up later. */
function knownMembersCheck(shape: StructureShape | UnionShape): Check {
  const known = checks.get(shape);
  if (known !== undefined) return known;
  checks.set(shape, (value, progress) => made(value, progress));
  const made = membersCheck(shape);
  checks.set(shape, made);
  return made;
}

/** The check of a value called `name`; `undefined` when there is nothing that it could break. */
function checkOf(shape: Shape, name: string): Check | undefined {
  switch (shape.kind) {
    case "string":
      return constraintsCheck(shape, name, stringConstraints(shape));
    case "blob":
      return constraintsCheck(shape, name, lengthConstraints(shape, blobLength));
    case "integer":
    case "long":
      return constraintsCheck(shape, name, rangeConstraints(shape));
    case "list":
      return inTurn(
        constraintsCheck(shape, name, lengthConstraints(shape, listLength)),
        itemsCheck(shape, name),
      );
    case "map":
      return inTurn(
        constraintsCheck(shape, name, lengthConstraints(shape, mapLength)),
        entriesCheck(shape, name),
      );
    case "structure":
    case "union":
      return within(name, knownMembersCheck(shape));
    case "double":
    case "boolean":
    case "timestamp":
      return undefined;
  }
}

// One constraint of one value.

interface Constraint {
  readonly sentence: string;
  readonly broken: (value: never) => boolean;
}

function stringConstraints(shape: StringShape): readonly Constraint[] {
  const { values, pattern } = shape;
  const found: Constraint[] = [];
  if (values !== undefined) {
    const allowed = new Set<string>(values);
    found.push({
      sentence: `Member must satisfy enum value set: [${valueSetOrder(values).join(", ")}]`,
      broken: (value: string) => !allowed.has(value),
    });
  }
  if (pattern !== undefined) {
    const expression = anchored(pattern);
    // A pattern with `.*` can take quadratic time, which a hostile value of a megabyte would exploit. Past
    // the allowed length only the length is told of such a value.
    const lengthMax = pattern.includes(".*") ? (shape.maxLength ?? Infinity) : Infinity;
    found.push({
      sentence: `Member must satisfy regular expression pattern: ${pattern}`,
      broken: (value: string) => value.length <= lengthMax && !expression.test(value),
    });
  }
  return [...found, ...lengthConstraints(shape, stringLength)];
}

function rangeConstraints({ min, max }: IntegerShape): readonly Constraint[] {
  const found: Constraint[] = [];
  if (min !== undefined) {
    found.push({
      sentence: `Member must have value greater than or equal to ${min}`,
      broken: (value: number) => value < min,
    });
  }
  if (max !== undefined) {
    found.push({
      sentence: `Member must have value less than or equal to ${max}`,
      broken: (value: number) => value > max,
    });
  }
  return found;
}

function lengthConstraints(
  { minLength, maxLength }: { readonly minLength?: number; readonly maxLength?: number },
  lengthOf: (value: never) => number,
): readonly Constraint[] {
  const found: Constraint[] = [];
  if (minLength !== undefined) {
    found.push({
      sentence: `Member must have length greater than or equal to ${minLength}`,
      broken: (value) => lengthOf(value) < minLength,
    });
  }
  if (maxLength !== undefined) {
    found.push({
      sentence: `Member must have length less than or equal to ${maxLength}`,
      broken: (value) => lengthOf(value) > maxLength,
    });
  }
  return found;
}

/** The service counts UTF-16 units, as Java's `String.length` does. */
const stringLength = (value: string) => value.length;
const blobLength = (value: Uint8Array) => value.length;
const listLength = (value: readonly unknown[]) => value.length;
const mapLength = (value: object) => Object.keys(value).length;

/**
 * The whole value must match. Java's `\S` leaves out ASCII space only, JavaScript's any space. What stands
 * between two `.*` has a fixed length, so its first occurrence is as good as any later one: it is matched
 * once and never tried again, or three `.*` would take cubic time on a hostile ARN.
 */
function anchored(pattern: string): RegExp {
  const [head = "", ...pieces] = pattern.replaceAll("\\S", "[^ \\t\\n\\v\\f\\r]").split(ANY_TEXT);
  const tail = pieces.pop();
  const middle = pieces.map((piece, index) => `(?=(?<first${index}>.*?${piece}))\\k<first${index}>`);
  return new RegExp(`^(?:${head}${middle.join("")}${tail === undefined ? "" : `.*${tail}`})$`);
}

/** A `.*` that is not inside of brackets. */
const ANY_TEXT = /\.\*(?![^[]*\])/u;

// Checks that report.

function constraintsCheck(shape: Shape, name: string, constraints: readonly Constraint[]): Check | undefined {
  const checked = constraints.map(({ sentence, broken }): Check => (value, progress) => {
    if (broken(value as never)) report(progress, shape, name, value, sentence);
  });
  return checked.reduce<Check | undefined>(inTurn, undefined);
}

function membersCheck(shape: StructureShape | UnionShape): Check {
  const order = shape.kind === "structure" ? memberOrder(shape) : Object.keys(shape.members);
  const members = order.map((key) => {
    const member = shape.members[key];
    if (member === undefined) throw new Error(`A structure has no member ${key} to report`);
    const name = memberName(key);
    return { key, name, ...member, check: checkOf(member.shape, name) };
  });
  return (value, progress) => {
    for (const member of members) {
      const child = (value as Readonly<Record<string, unknown>>)[member.key];
      if (!isNull(child)) member.check?.(child, progress);
      else if (member.required) report(progress, member.shape, member.name, undefined, NOT_NULL);
    }
  };
}

function itemsCheck(shape: ListShape, name: string): Check | undefined {
  if (!isContainer(shape.member)) {
    const broken = brokenTogether(shape.member);
    return (value, progress) => {
      const items = value as readonly unknown[];
      if (items.some(broken.test)) {
        report(progress, shape, name, value, `Member must satisfy constraint: ${broken.sentences}`);
      }
    };
  }
  const check = checkOf(shape.member, "member");
  return within(name, (value, progress) => {
    const items = value as readonly unknown[];
    for (let index = 0; index < items.length; index += 1) {
      if (progress.found.length >= VIOLATION_COUNT_MAX) return;
      progress.path.push(index + 1);
      if (isNull(items[index])) report(progress, shape.member, "member", undefined, NOT_NULL);
      else check?.(items[index], progress);
      progress.path.pop();
    }
  });
}

function entriesCheck(shape: MapShape, name: string): Check | undefined {
  const keys = brokenTogether(shape.key);
  const keysCheck: Check = (value, progress) => {
    if (Object.keys(value as object).some(keys.test)) {
      report(progress, shape, name, value, `Map keys must satisfy constraint: ${keys.sentences}`);
    }
  };
  if (!isContainer(shape.value)) {
    const values = brokenTogether(shape.value);
    return inTurn(keysCheck, (value, progress) => {
      if (Object.values(value as object).some(values.test)) {
        report(progress, shape, name, value, `Map value must satisfy constraint: ${values.sentences}`);
      }
    });
  }
  const check = checkOf(shape.value, "member");
  const entries = within(name, (value, progress) => {
    for (const [key, item] of Object.entries(value as object)) {
      progress.path.push(key);
      if (isNull(item)) report(progress, shape.value, "member", undefined, NOT_NULL);
      else check?.(item, progress);
      progress.path.pop();
    }
  });
  return inTurn(keysCheck, entries);
}

/** The constraints of simple items, which are told together, the upper bound first. Items are never null. */
function brokenTogether(shape: Shape) {
  const constraints =
    shape.kind === "string"
      ? stringConstraints(shape)
      : shape.kind === "blob"
        ? lengthConstraints(shape, blobLength)
        : shape.kind === "integer" || shape.kind === "long"
          ? rangeConstraints(shape)
          : [];
  return {
    sentences: `[${constraints
      .map(({ sentence }) => sentence)
      .toReversed()
      .join(", ")}]`,
    test: (item: unknown) => isNull(item) || constraints.some(({ broken }) => broken(item as never)),
  };
}

function isContainer(shape: Shape): boolean {
  return ["list", "map", "structure", "union"].includes(shape.kind);
}

function within(name: string, check: Check): Check {
  return (value, progress) => {
    progress.path.push(name);
    check(value, progress);
    progress.path.pop();
  };
}

function inTurn(first: Check | undefined, second: Check | undefined): Check | undefined {
  if (first === undefined) return second;
  if (second === undefined) return first;
  return (value, progress) => {
    first(value, progress);
    second(value, progress);
  };
}

const NOT_NULL = "Member must not be null";

function report(progress: Progress, shape: Shape, name: string, value: unknown, sentence: string) {
  const path = [...progress.path, name].join(".");
  const text = quotedText(shape, value);
  progress.found.push(`Value ${text} at '${path}' failed to satisfy constraint: ${sentence}`);
}
