/**
 * The language in which contracts are written: shapes are frozen plain objects, and the TypeScript type of
 * a decoded value rides along as a phantom member, so there is no code generation.
 *
 * Decoded values: string → string, blob → Uint8Array, integer, long and double → number, boolean → boolean,
 * timestamp → number of **milliseconds** since the epoch (may have a fraction), list → array,
 * map → plain object without prototype, structure → object with AWS's PascalCase members,
 * union (event streams) → object with exactly one member.
 */

declare const decoded: unique symbol;

interface Typed<T> {
  /** Never present at run time. */
  readonly [decoded]?: T;
}

export interface StringShape<T extends string = string> extends Typed<T> {
  readonly kind: "string";
  /** Length in UTF-16 units (the service is written in Java), both ends included. */
  readonly minLength?: number;
  readonly maxLength?: number;
  /** The pattern as the service prints it; anchored when checked. */
  readonly pattern?: string;
  readonly values?: readonly T[];
}

export interface BlobShape extends Typed<Uint8Array> {
  readonly kind: "blob";
  readonly minLength?: number;
  readonly maxLength?: number;
}

export interface IntegerShape extends Typed<number> {
  readonly kind: "integer" | "long";
  readonly min?: number;
  readonly max?: number;
}

/** A number with a fraction. In JSON the texts `NaN`, `Infinity` and `-Infinity` are numbers too. */
export interface DoubleShape extends Typed<number> {
  readonly kind: "double";
}

export interface BooleanShape extends Typed<boolean> {
  readonly kind: "boolean";
}

export interface TimestampShape extends Typed<number> {
  readonly kind: "timestamp";
}

export interface ListShape<Member extends Shape = Shape> extends Typed<readonly Decoded<Member>[]> {
  readonly kind: "list";
  readonly member: Member;
  readonly minLength?: number;
  readonly maxLength?: number;
}

export interface MapShape<Key extends StringShape = StringShape, Value extends Shape = Shape> extends Typed<
  Readonly<Record<string, Decoded<Value>>>
> {
  readonly kind: "map";
  readonly key: Key;
  readonly value: Value;
  readonly minLength?: number;
  readonly maxLength?: number;
}

export interface Member<S extends Shape = Shape, Required extends boolean = boolean> {
  readonly shape: S;
  readonly required: Required;
}

export type Members = Readonly<Record<string, Member>>;

export interface StructureShape<M extends Members = Members> extends Typed<DecodedMembers<M>> {
  readonly kind: "structure";
  /** Members in the order of the service's own model. */
  readonly members: M;
  /**
   * All members in the order in which the service was seen to report their violations; only where that
   * is not the order of `violation-order.ts`.
   */
  readonly reported?: readonly string[];
  /** The class that the service prints when such a structure stands in a list that breaks a constraint. */
  readonly javaName?: string;
}

/** A structure that contains itself: its decoded type cannot be inferred, so it is written down. */
export interface NestingShape<T> extends Typed<T> {
  readonly kind: "structure";
  readonly members: Members;
  readonly reported?: readonly string[];
  readonly javaName?: string;
}

export interface UnionShape<M extends Members = Members> extends Typed<DecodedUnion<M>> {
  readonly kind: "union";
  readonly members: M;
}

export type Shape =
  | StringShape
  | BlobShape
  | IntegerShape
  | DoubleShape
  | BooleanShape
  | TimestampShape
  // The parameters must stay loose here or the types would be infinite.
  // oxlint-disable-next-line no-explicit-any
  | ListShape<any>
  // oxlint-disable-next-line no-explicit-any
  | MapShape<any, any>
  // oxlint-disable-next-line no-explicit-any
  | StructureShape<any>
  // oxlint-disable-next-line no-explicit-any
  | UnionShape<any>;

/** The value that a shape describes, once decoded. */
export type Decoded<S> = S extends Typed<infer T> ? T : never;

type RequiredKeys<M extends Members> = {
  [K in keyof M]: M[K] extends { readonly required: true } ? K : never;
}[keyof M];

type DecodedMembers<M extends Members> = {
  readonly [K in RequiredKeys<M>]: Decoded<M[K]["shape"]>;
} & {
  readonly [K in Exclude<keyof M, RequiredKeys<M>>]?: Decoded<M[K]["shape"]>;
};

type DecodedUnion<M extends Members> = {
  [K in keyof M]: { readonly [P in K]: Decoded<M[P]["shape"]> };
}[keyof M];

type Options<S> = Partial<Omit<S, "kind" | typeof decoded>>;

export function string<const T extends string = string>(
  options: {
    length?: readonly [min: number, max?: number];
    pattern?: string;
    values?: readonly T[];
  } = {},
): StringShape<T> {
  const { length, ...rest } = options;
  return Object.freeze({ kind: "string", ...lengths(length), ...rest }) as StringShape<T>;
}

export function blob(options: { length?: readonly [number, number?] } = {}): BlobShape {
  return Object.freeze({ kind: "blob", ...lengths(options.length) });
}

export function integer(options: Options<IntegerShape> = {}): IntegerShape {
  return Object.freeze({ kind: "integer", ...options });
}

export function long(options: Options<IntegerShape> = {}): IntegerShape {
  return Object.freeze({ kind: "long", ...options });
}

export function double(): DoubleShape {
  return Object.freeze({ kind: "double" });
}

export function boolean(): BooleanShape {
  return Object.freeze({ kind: "boolean" });
}

export function timestamp(): TimestampShape {
  return Object.freeze({ kind: "timestamp" });
}

export function list<S extends Shape>(
  member: S,
  options: { length?: readonly [number, number?] } = {},
): ListShape<S> {
  return Object.freeze({ kind: "list", member, ...lengths(options.length) });
}

export function map<K extends StringShape, V extends Shape>(
  key: K,
  value: V,
  options: { length?: readonly [number, number?] } = {},
): MapShape<K, V> {
  return Object.freeze({ kind: "map", key, value, ...lengths(options.length) });
}

export function structure<const M extends Members>(
  members: M,
  options: { reported?: readonly (keyof M & string)[]; javaName?: string } = {},
): StructureShape<M> {
  const names = new Set<string>(options.reported);
  if (
    options.reported !== undefined &&
    (names.size !== options.reported.length || names.size !== Object.keys(members).length)
  ) {
    throw new RangeError("An order of report names all members once");
  }
  return Object.freeze({ kind: "structure", members: Object.freeze(members), ...options });
}

/** A structure whose members may be made of the structure itself, so that they are looked at when first needed. */
export function nesting<T>(declare: () => Members): NestingShape<T> {
  let members: Members | undefined;
  return Object.freeze({
    kind: "structure" as const,
    get members() {
      members ??= Object.freeze(declare());
      return members;
    },
  });
}

export function union<const M extends Members>(members: M): UnionShape<M> {
  return Object.freeze({ kind: "union", members: Object.freeze(members) });
}

export function required<S extends Shape>(shape: S): Member<S, true> {
  return Object.freeze({ shape, required: true });
}

export function optional<S extends Shape>(shape: S): Member<S, false> {
  return Object.freeze({ shape, required: false });
}

function lengths(length: readonly [number, number?] | undefined) {
  if (length === undefined) return {};
  const [minLength, maxLength] = length;
  return maxLength === undefined ? { minLength } : { minLength, maxLength };
}

/** One operation of a service: everything that is known about it before any behaviour. */
export interface Operation<
  Name extends string = string,
  Input extends StructureShape = StructureShape,
  Output extends StructureShape = StructureShape,
  Code extends string = string,
> {
  readonly name: Name;
  /** Data-plane operations move records; control-plane operations are rarer and have call-rate limits. */
  readonly plane: "control" | "data";
  readonly documentation: string;
  readonly input: Input;
  readonly output: Output;
  /** Error codes that the operation can answer, beyond the faults common to every request. */
  readonly errors: readonly Code[];
  /** The name of the output member that is an event stream, when there is one. */
  readonly eventStream?: string;
}

export function operation<
  const Name extends string,
  Input extends StructureShape,
  Output extends StructureShape,
  const Code extends string,
>(declaration: Operation<Name, Input, Output, Code>): Operation<Name, Input, Output, Code> {
  return Object.freeze(declaration);
}

export type InputOf<O> = O extends Operation<string, infer I, StructureShape, string> ? Decoded<I> : never;
export type OutputOf<O> = O extends Operation<string, StructureShape, infer R, string> ? Decoded<R> : never;
export type ErrorCodeOf<O> = O extends Operation<string, StructureShape, StructureShape, infer C> ? C : never;
