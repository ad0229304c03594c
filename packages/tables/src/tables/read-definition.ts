/** What CreateTable and UpdateTable say about keys and indexes, checked. Texts are those of dynalite's recordings. */
import { invalid, invalidValue, notServed } from "../refusals.ts";
import type { IndexRow, KeySchemaRow, KeyType, ThroughputRow } from "./table-row.ts";

interface SchemaElement {
  readonly AttributeName: string;
  readonly KeyType: "HASH" | "RANGE";
}

interface GivenThroughput {
  readonly ReadCapacityUnits: number;
  readonly WriteCapacityUnits: number;
}

export interface GivenIndex {
  readonly IndexName: string;
  readonly KeySchema: readonly SchemaElement[];
  readonly Projection: {
    readonly ProjectionType?: "ALL" | "KEYS_ONLY" | "INCLUDE";
    readonly NonKeyAttributes?: readonly string[];
  };
  readonly ProvisionedThroughput?: GivenThroughput;
  readonly OnDemandThroughput?: object;
  readonly WarmThroughput?: object;
}

const INDEX_COUNT_MAX = 20;

export function readTypes(
  definitions: readonly { readonly AttributeName: string; readonly AttributeType: KeyType }[],
): Record<string, KeyType> {
  const types = Object.create(null) as Record<string, KeyType>;
  for (const { AttributeName, AttributeType } of definitions) {
    if (AttributeName in types) {
      throw invalidValue(`Cannot have two attributes with the same name: ${AttributeName}`);
    }
    types[AttributeName] = AttributeType;
  }
  return types;
}

export function readKey(
  schema: readonly SchemaElement[],
  types: Readonly<Record<string, KeyType>>,
): KeySchemaRow {
  const [first, second] = schema;
  if (schema.length > 2) throw invalidValue("KeySchema must have at most 2 elements");
  if (first?.KeyType !== "HASH") {
    throw invalidValue("Invalid KeySchema: The first KeySchemaElement is not a HASH key type");
  }
  if (second !== undefined && second.KeyType !== "RANGE") {
    throw invalidValue("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type");
  }
  if (second?.AttributeName === first.AttributeName) {
    throw invalidValue("Both the Hash Key and the Range Key element in the KeySchema have the same name");
  }
  const missing = schema.filter(({ AttributeName }) => types[AttributeName] === undefined);
  if (missing.length > 0) {
    throw invalidValue(
      "Some index key attributes are not defined in AttributeDefinitions. " +
        `Keys: [${schema.map(({ AttributeName }) => AttributeName).join(", ")}], ` +
        `AttributeDefinitions: [${Object.keys(types).join(", ")}]`,
    );
  }
  return { partition: first.AttributeName, ...(second === undefined ? {} : { sort: second.AttributeName }) };
}

export function readIndex(
  given: GivenIndex,
  types: Readonly<Record<string, KeyType>>,
  billingMode: "PROVISIONED" | "PAY_PER_REQUEST",
  activeMs: number,
): IndexRow {
  const { IndexName, KeySchema, Projection, ProvisionedThroughput } = given;
  if (given.OnDemandThroughput !== undefined) throw notServed("OnDemandThroughput");
  if (given.WarmThroughput !== undefined) throw notServed("WarmThroughput");
  const { ProjectionType, NonKeyAttributes } = Projection;
  if (ProjectionType === undefined) throw invalidValue("Unknown ProjectionType: null");
  if ((ProjectionType === "INCLUDE") !== (NonKeyAttributes !== undefined)) {
    throw invalidValue(
      ProjectionType === "INCLUDE"
        ? "ProjectionType is INCLUDE, but NonKeyAttributes is not specified"
        : `ProjectionType is ${ProjectionType}, but NonKeyAttributes is specified`,
    );
  }
  const throughput = readThroughput(billingMode, ProvisionedThroughput, `index: ${IndexName}`);
  return {
    name: IndexName,
    key: readKey(KeySchema, types),
    projection: ProjectionType,
    ...(NonKeyAttributes === undefined ? {} : { included: NonKeyAttributes }),
    ...(throughput === undefined ? {} : { throughput }),
    activeMs,
  };
}

/** Capacity is kept and shown; it is not enforced. */
export function readThroughput(
  billingMode: "PROVISIONED" | "PAY_PER_REQUEST",
  given: GivenThroughput | undefined,
  whose: string,
): ThroughputRow | undefined {
  if (billingMode === "PAY_PER_REQUEST") {
    if (given === undefined) return undefined;
    throw invalidValue(
      "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
    );
  }
  if (given === undefined) {
    throw invalidValue(`ProvisionedThroughput is not specified for ${whose}`);
  }
  return { read: given.ReadCapacityUnits, write: given.WriteCapacityUnits };
}

/** @throws {ServiceError} `ValidationException` for two indexes of one name, too many, or attributes without use. */
export function refuseUnfitIndexes(
  key: KeySchemaRow,
  indexes: readonly IndexRow[],
  types: Readonly<Record<string, KeyType>>,
): void {
  const names = indexes.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw invalidValue(`Duplicate index name: ${twice}`);
  if (indexes.length > INDEX_COUNT_MAX) {
    throw invalidValue(`GlobalSecondaryIndex count exceeds the per-table limit of ${INDEX_COUNT_MAX}`);
  }
  const used = new Set(
    [key, ...indexes.map((index) => index.key)].flatMap(({ partition, sort }) => [partition, sort]),
  );
  if (Object.keys(types).some((name) => !used.has(name))) {
    throw invalidValue(
      "Some AttributeDefinitions are not used. " +
        `AttributeDefinitions: [${Object.keys(types).join(", ")}], ` +
        `keys used: [${[...used].filter((name) => name !== undefined).join(", ")}]`,
    );
  }
}

/** @throws {ServiceError} `ValidationException` for what DynamoDB has and this server has not. */
export function refuseUnserved(input: object): void {
  const members = input as Readonly<Record<string, unknown>>;
  const unserved = [
    "LocalSecondaryIndexes",
    "ResourcePolicy",
    "GlobalTableSourceArn",
    "VectorIndexes",
    "VectorIndexUpdates",
    "ReplicaUpdates",
    "GlobalTableWitnessUpdates",
    "OnDemandThroughput",
    "WarmThroughput",
  ].find((member) => {
    const given = members[member];
    return given !== undefined && !(Array.isArray(given) && given.length === 0);
  });
  if (unserved !== undefined) throw notServed(unserved);
  const { StreamSpecification, SSESpecification } = members as {
    readonly StreamSpecification?: { readonly StreamEnabled: boolean };
    readonly SSESpecification?: { readonly Enabled?: boolean };
  };
  if (StreamSpecification?.StreamEnabled === true) throw notServed("StreamSpecification");
  if (SSESpecification?.Enabled === true) throw notServed("SSESpecification with a key");
}

/** @throws {ServiceError} `ValidationException`. */
export function readTags(
  given: readonly { readonly Key: string; readonly Value: string }[],
): Record<string, string> {
  const tags: Record<string, string> = {};
  for (const { Key, Value } of given) {
    if (Object.hasOwn(tags, Key))
      throw invalid(`One or more parameter values were invalid: Duplicate tag keys: ${Key}`);
    tags[Key] = Value;
  }
  return tags;
}
