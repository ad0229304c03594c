/**
 * Compares our contracts of Kinesis with the schemas inside the AWS SDK that the root pins: operations,
 * members and their order, what is required, kinds, enumerations, errors, and planes. Lengths, ranges and
 * patterns are not in the SDK. It runs as a test; to look at a newer SDK, raise the version and run it.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import * as sdk from "@aws-sdk/client-kinesis";
import { kinesis, type Members, type Operation, type Shape } from "@millrace/api";

/** A difference that stays, as this check words it, and why. */
export interface AcceptedDifference {
  readonly difference: string;
  readonly reason: string;
}

export const ACCEPTED_DIFFERENCES: readonly AcceptedDifference[] = [];

/** Everything in which our contracts differ from the SDK, one sentence each; empty when nothing does. */
export function differencesFromSdk(
  operations: Readonly<Record<string, Operation>> = kinesis.operations,
): string[] {
  const ours = Object.keys(operations);
  const theirs = schemas().flatMap((schema) => (schema[0] === OPERATION ? [schema[2]] : []));
  return [
    ...differenceOfSets("operations", ours, theirs),
    ...differenceOfSets("enumerations", enumerationsIn(operations), enumerationsInSdk()),
    ...Object.values(operations).flatMap((operation) =>
      theirs.includes(operation.name) ? operationDifferences(operation) : [],
    ),
  ];
}

// The SDK's schemas: [kind, namespace, name, traits, …], with simple kinds as numbers.

const LIST = 1;
const STRUCTURE = 3;
const UNION = 4;
const OPERATION = 9;
const ERROR = -3;
/** Lists and maps of simple values are these bits and the value's number. */
const LIST_OF = 64;
const MAP_OF = 128;

type Reference = Schema | (() => Schema) | readonly [Reference, unknown];
type Schema = number | string | Declared;
type Declared =
  | readonly [typeof LIST, string, string, unknown, Reference]
  | readonly [
      typeof STRUCTURE | typeof UNION | typeof ERROR,
      string,
      string,
      unknown,
      readonly string[],
      readonly Reference[],
      number?,
    ]
  | readonly [typeof OPERATION, string, string, unknown, Reference, Reference];

function schemas(): readonly Declared[] {
  return Object.entries(sdk).flatMap(([name, value]) =>
    name.endsWith("$") && Array.isArray(value) ? [value as unknown as Declared] : [],
  );
}

function resolve(reference: Reference): Schema {
  if (typeof reference === "function") return resolve(reference());
  // A schema with traits of its own is a pair; a declared schema has a namespace.
  if (Array.isArray(reference) && reference.length === 2) return resolve(reference[0] as Reference);
  return reference as Schema;
}

function operationDifferences(operation: Operation): string[] {
  const { name } = operation;
  const schema = schemas().find((one) => one[0] === OPERATION && one[2] === name);
  if (schema?.[0] !== OPERATION) return [`${name}: the SDK has no schema`];
  const plane = planeInSdk(name);
  return [
    ...shapeDifferences(`${name} input`, operation.input, resolve(schema[4])),
    ...shapeDifferences(`${name} output`, operation.output, resolve(schema[5])),
    ...differenceOfSets(`${name} errors`, operation.errors, errorsInSdk(name)),
    ...(plane === operation.plane ? [] : [`${name}: plane ${operation.plane}, SDK ${String(plane)}`]),
  ];
}

function shapeDifferences(path: string, shape: Shape, schema: Schema): string[] {
  const [ours, theirs] = [kindOf(shape), kindIn(schema)];
  if (ours !== theirs) return [`${path}: ${ours}, SDK ${theirs}`];
  if (shape.kind === "list" && typeof schema !== "number" && schema[0] === LIST) {
    return shapeDifferences(`${path}[]`, shape.member, resolve(schema[4]));
  }
  if (shape.kind !== "structure" && shape.kind !== "union") return [];
  const members: Members = shape.members;
  if (typeof schema === "number" || schema === "unit") {
    return Object.keys(members).length === 0 ? [] : [`${path}: has members, SDK none`];
  }
  if (typeof schema === "string" || schema[0] === LIST || schema[0] === OPERATION) return [];
  const [, , , , names, references, requiredCount = 0] = schema;
  const order = [
    ...Object.keys(members).filter((key) => members[key]?.required),
    ...Object.keys(members).filter((key) => !members[key]?.required),
  ];
  if (order.join() !== names.join()) {
    return [`${path}: members ${order.join(", ")}, SDK ${names.join(", ")}`];
  }
  return names.flatMap((key, index) => {
    const member = members[key];
    const reference = references[index];
    if (member === undefined || reference === undefined) return [`${path}.${key}: has no schema`];
    const isRequired = index < requiredCount;
    return [
      ...(member.required === isRequired
        ? []
        : [`${path}.${key}: ${word(member.required)}, SDK ${word(isRequired)}`]),
      ...shapeDifferences(`${path}.${key}`, member.shape, resolve(reference)),
    ];
  });
}

const word = (required: boolean) => (required ? "required" : "optional");

function kindOf(shape: Shape): string {
  switch (shape.kind) {
    case "integer":
    case "long":
    case "double":
      return "number";
    case "list":
    case "map": {
      const item = kindOf(shape.kind === "list" ? shape.member : shape.value);
      return `${shape.kind} of ${item}`;
    }
    case "string":
    case "blob":
    case "boolean":
    case "timestamp":
    case "structure":
    case "union":
      return shape.kind;
  }
}

function kindIn(schema: Schema): string {
  if (schema === "unit") return "structure";
  if (typeof schema === "number") {
    if (schema >= MAP_OF) return `map of ${kindIn(schema - MAP_OF)}`;
    if (schema >= LIST_OF) return `list of ${kindIn(schema - LIST_OF)}`;
    const simple: Readonly<Record<number, string>> = {
      0: "string",
      1: "number",
      2: "boolean",
      4: "timestamp",
      21: "blob",
    };
    return simple[schema] ?? `unknown schema ${schema}`;
  }
  if (typeof schema === "string") return `unknown schema ${schema}`;
  if (schema[0] === LIST) return `list of ${kindIn(resolve(schema[4]))}`;
  if (schema[0] === UNION) return "union";
  return schema[0] === OPERATION ? "operation" : "structure";
}

/** The schemas do not say which operation answers which error; the declarations of the commands do. */
function errorsInSdk(operation: string): string[] {
  const main = createRequire(import.meta.url).resolve("@aws-sdk/client-kinesis");
  const declarations = join(dirname(main), "..", "dist-types", "commands", `${operation}Command.d.ts`);
  const thrown = readFileSync(declarations, "utf8").matchAll(
    /@throws \{@link (\w+)\} \((?:client|server) fault\)/gu,
  );
  return [...thrown].map(([, code]) => code ?? "");
}

function planeInSdk(operation: string): unknown {
  const command = (sdk as unknown as Readonly<Record<string, EndpointRules>>)[`${operation}Command`];
  return command?.getEndpointParameterInstructions()["OperationType"]?.value;
}

interface EndpointRules {
  getEndpointParameterInstructions(): Readonly<Record<string, { readonly value?: unknown }>>;
}

function enumerationsInSdk(): string[] {
  return Object.entries(sdk).flatMap(([, value]) => {
    const values: unknown[] = typeof value === "object" ? Object.values(value) : [];
    const isEnumeration = values.length > 0 && values.every((one) => typeof one === "string");
    return isEnumeration ? [values.toSorted().join("|")] : [];
  });
}

function enumerationsIn(operations: Readonly<Record<string, Operation>>): string[] {
  const found = new Set<string>();
  const visit = (shape: Shape): void => {
    if (shape.kind === "string" && shape.values !== undefined) {
      found.add(shape.values.toSorted().join("|"));
    } else if (shape.kind === "list") {
      visit(shape.member);
    } else if (shape.kind === "structure" || shape.kind === "union") {
      for (const member of Object.values(shape.members as Members)) visit(member.shape);
    }
  };
  for (const { input, output } of Object.values(operations)) {
    visit(input);
    visit(output);
  }
  return [...found];
}

function differenceOfSets(what: string, ours: readonly string[], theirs: readonly string[]): string[] {
  const missing = theirs.filter((one) => !ours.includes(one));
  const more = ours.filter((one) => !theirs.includes(one));
  return [
    ...missing.map((one) => `${what}: SDK has ${one}, we do not`),
    ...more.map((one) => `${what}: we have ${one}, SDK does not`),
  ];
}
