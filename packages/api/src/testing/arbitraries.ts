/**
 * Generators of values from shapes, for property tests with fast-check: what a contract allows, and what it
 * just does not allow.
 */

import fc from "fast-check";
import type { Decoded, Members, Shape, StringShape, StructureShape } from "../shape.ts";

/** Lists, maps and blobs are generated no longer than this, however much the shape allows. */
const SIZE_MAX = 16;

/** Values longer than this are not generated to break an upper bound. */
const TOO_LONG_MAX = 10_000;

/** Valid values of the shape: `violations` finds nothing in them. */
export function arbitraryOf<S extends Shape>(shape: S): fc.Arbitrary<Decoded<S>> {
  return valid(shape) as fc.Arbitrary<Decoded<S>>;
}

/**
 * Valid values of the shape with one member, at any depth, that breaks one of its constraints; the types of
 * members stay right. `undefined` when the shape has no constraint that could be broken.
 */
export function nearlyValidOf(
  shape: StructureShape,
): fc.Arbitrary<Readonly<Record<string, unknown>>> | undefined {
  const broken = breakages(shape);
  return broken.length === 0
    ? undefined
    : (fc.oneof(...broken) as fc.Arbitrary<Readonly<Record<string, unknown>>>);
}

const known = new WeakMap<Shape, fc.Arbitrary<unknown>>();

function valid(shape: Shape): fc.Arbitrary<unknown> {
  let arbitrary = known.get(shape);
  if (arbitrary === undefined) {
    arbitrary = validOfKind(shape);
    known.set(shape, arbitrary);
  }
  return arbitrary;
}

function validOfKind(shape: Shape): fc.Arbitrary<unknown> {
  switch (shape.kind) {
    case "string":
      return validString(shape);
    case "blob":
      return fc.uint8Array(lengths(shape));
    case "integer":
      return fc.integer({ min: shape.min ?? -(2 ** 31), max: shape.max ?? 2 ** 31 - 1 });
    case "long":
      return fc
        .maxSafeInteger()
        .filter((value) => value >= (shape.min ?? -Infinity) && value <= (shape.max ?? Infinity));
    case "double":
      return fc.double({ noNaN: true });
    case "boolean":
      return fc.boolean();
    case "timestamp":
      // Milliseconds to the end of the year 9999.
      return fc.integer({ min: 0, max: 253_402_300_799_999 });
    case "list":
      return fc.array(valid(shape.member), lengths(shape));
    case "map":
      return fc
        .uniqueArray(fc.tuple(validString(shape.key), valid(shape.value)), {
          ...lengths(shape),
          selector: ([key]) => key,
        })
        .map(plainMap);
    case "structure":
      return structureWith(shape.members, {});
    case "union":
      return fc.oneof(
        ...Object.entries(shape.members as Members).map(([key, member]) =>
          valid(member.shape).map((value) => ({ [key]: value })),
        ),
      );
  }
}

/** Values of which each breaks the shape in one place; one generator for each way to break it. */
function breakages(shape: Shape): fc.Arbitrary<unknown>[] {
  switch (shape.kind) {
    case "string":
      return brokenStrings(shape);
    case "blob":
      return wrongLengths(shape).map((length) => fc.constant(new Uint8Array(length)));
    case "integer":
    case "long": {
      const wrong: number[] = [];
      if (shape.min !== undefined) wrong.push(shape.min - 1);
      if (shape.max !== undefined) wrong.push(shape.max + 1);
      return wrong.map((value) => fc.constant(value));
    }
    case "list":
      return [
        ...wrongLengths(shape).map((length) =>
          valid(shape.member).map((item) => Array.from({ length }, () => item)),
        ),
        ...breakages(shape.member).map((item) =>
          fc.tuple(item, fc.array(valid(shape.member), SOME)).map(([one, others]) => [...others, one]),
        ),
      ];
    case "map":
      return [
        ...wrongLengths(shape).map((length) =>
          valid(shape.value).map((item) =>
            plainMap(Array.from({ length }, (_, index) => [`key${index}`, item])),
          ),
        ),
        ...breakages(shape.key).map((key) =>
          fc.tuple(key, valid(shape.value)).map((entry) => plainMap([entry as [string, unknown]])),
        ),
        ...breakages(shape.value).map((value) =>
          fc.tuple(validString(shape.key), value).map((entry) => plainMap([entry])),
        ),
      ];
    case "structure":
      return Object.entries(shape.members as Members).flatMap(([key, member]) => [
        ...(member.required ? [structureWith(shape.members, { [key]: fc.constant(undefined) })] : []),
        ...breakages(member.shape).map((broken) => structureWith(shape.members, { [key]: broken })),
      ]);
    case "double":
    case "boolean":
    case "timestamp":
    case "union":
      return [];
  }
}

const SOME = { maxLength: 3 };

/** Valid members but for the given ones, which are always generated; one that is `undefined` is left out. */
function structureWith(
  members: Members,
  given: Readonly<Record<string, fc.Arbitrary<unknown>>>,
): fc.Arbitrary<object> {
  const generators = Object.fromEntries(
    Object.entries(members).map(([key, member]) => [key, given[key] ?? valid(member.shape)]),
  );
  const requiredKeys = Object.keys(members).filter((key) => members[key]?.required || key in given);
  return fc
    .record(generators, { requiredKeys })
    .map((value) => Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)));
}

function validString(shape: StringShape): fc.Arbitrary<string> {
  if (shape.values !== undefined) return fc.constantFrom(...shape.values);
  const { minLength = 0, maxLength = Infinity } = shape;
  const ofLength = (value: string) => value.length >= minLength && value.length <= maxLength;
  if (shape.pattern === undefined) {
    return fc
      .string({ unit: "grapheme", minLength, maxLength: Math.min(maxLength, Math.max(minLength, SIZE_MAX)) })
      .filter(ofLength);
  }
  // `.` and `\S` are narrowed to letters: what they let through of Unicode differs between the engines of
  // regular expressions, and is tested by hand.
  const narrow = shape.pattern
    .replaceAll(/\.\*(?![^[]*\])/gu, "[a-z0-9:-]{0,9}")
    .replaceAll("\\S", "[a-z0-9_.-]");
  return fc.stringMatching(new RegExp(`^(?:${narrow})$`)).filter(ofLength);
}

function brokenStrings(shape: StringShape): fc.Arbitrary<string>[] {
  const broken = wrongLengths(shape).map((length) => fc.constant("a".repeat(length)));
  if (shape.values !== undefined) broken.push(fc.constantFrom("", "NO_SUCH_VALUE", `${shape.values[0]} `));
  if (shape.pattern !== undefined) {
    // No pattern of the contracts lets a colon stand beside a space.
    broken.push(validString(shape).map((value) => `${value.slice(0, (shape.maxLength ?? Infinity) - 3)} : `));
  }
  return broken;
}

function lengths(shape: { readonly minLength?: number; readonly maxLength?: number }) {
  const { minLength = 0, maxLength = Infinity } = shape;
  return { minLength, maxLength: Math.min(maxLength, Math.max(minLength, SIZE_MAX)) };
}

function wrongLengths({
  minLength = 0,
  maxLength = Infinity,
}: {
  readonly minLength?: number;
  readonly maxLength?: number;
}): number[] {
  const wrong: number[] = [];
  if (minLength > 0) wrong.push(minLength - 1);
  if (maxLength < TOO_LONG_MAX) wrong.push(maxLength + 1);
  return wrong;
}

function plainMap(entries: readonly (readonly [string, unknown])[]): object {
  return Object.assign(Object.create(null), Object.fromEntries(entries));
}
