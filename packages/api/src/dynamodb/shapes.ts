/** Shapes that several operations share, named as in the service's own model. */
import {
  blob,
  boolean,
  double,
  integer,
  list,
  long,
  map,
  nesting,
  optional,
  required,
  string,
  structure,
  timestamp,
} from "../shape.ts";
import type { NestingShape } from "../shape.ts";

/**
 * A value of an attribute. Exactly one member says what it is; the handlers see to that. A type and no interface,
 * as only types are open to what shapes say of members in general.
 */
export type AttributeValue = {
  readonly S?: string;
  /** Decimal text, of up to 38 digits. */
  readonly N?: string;
  readonly B?: Uint8Array;
  readonly SS?: readonly string[];
  readonly NS?: readonly string[];
  readonly BS?: readonly Uint8Array[];
  readonly M?: Readonly<Record<string, AttributeValue>>;
  readonly L?: readonly AttributeValue[];
  readonly NULL?: boolean;
  readonly BOOL?: boolean;
};

export const AttributeValueShape: NestingShape<AttributeValue> = nesting(() => ({
  S: optional(string()),
  N: optional(string()),
  B: optional(blob()),
  SS: optional(list(string())),
  NS: optional(list(string())),
  BS: optional(list(blob())),
  M: optional(map(string(), AttributeValueShape)),
  L: optional(list(AttributeValueShape)),
  NULL: optional(boolean()),
  BOOL: optional(boolean()),
}));

/** A table's name, or its ARN. The rules of names are the handlers', whose texts are others. */
export const TableArn = string({ length: [1, 1024] });
export const TableName = string({ length: [3, 255], pattern: "[a-zA-Z0-9_.-]+" });
export const IndexName = string({ length: [3, 255], pattern: "[a-zA-Z0-9_.-]+" });
export const ResourceArn = string({ length: [1, 1283] });
export const AttributeName = string({ length: [0, 65_535] });
const KeySchemaAttributeName = string({ length: [1, 255] });

export const AttributeMap = map(AttributeName, AttributeValueShape);
export const Key = map(AttributeName, AttributeValueShape);
export const AttributeNameList = list(AttributeName, { length: [1] });
export const ExpressionAttributeNames = map(string(), AttributeName);
export const ExpressionAttributeValues = map(string(), AttributeValueShape);

export const ConditionalOperator = string({ values: ["AND", "OR"] });
const ComparisonOperator = string({
  values: [
    "EQ",
    "NE",
    "IN",
    "LE",
    "LT",
    "GE",
    "GT",
    "BETWEEN",
    "NOT_NULL",
    "NULL",
    "CONTAINS",
    "NOT_CONTAINS",
    "BEGINS_WITH",
  ],
});
export const ExpectedAttributeMap = map(
  AttributeName,
  structure({
    Value: optional(AttributeValueShape),
    Exists: optional(boolean()),
    ComparisonOperator: optional(ComparisonOperator),
    AttributeValueList: optional(list(AttributeValueShape)),
  }),
);
export const FilterConditionMap = map(
  AttributeName,
  structure({
    AttributeValueList: optional(list(AttributeValueShape)),
    ComparisonOperator: required(ComparisonOperator),
  }),
);
export const AttributeUpdates = map(
  AttributeName,
  structure({
    Value: optional(AttributeValueShape),
    Action: optional(string({ values: ["ADD", "PUT", "DELETE"] })),
  }),
);

export const ReturnValue = string({ values: ["NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW"] });
export const ReturnValuesOnConditionCheckFailure = string({ values: ["ALL_OLD", "NONE"] });
export const ReturnConsumedCapacity = string({ values: ["INDEXES", "TOTAL", "NONE"] });
export const ReturnItemCollectionMetrics = string({ values: ["SIZE", "NONE"] });
export const Select = string({
  values: ["ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES", "SPECIFIC_ATTRIBUTES", "COUNT"],
});

const Capacity = structure({ CapacityUnits: optional(double()) });
export const ConsumedCapacity = structure({
  TableName: optional(TableArn),
  CapacityUnits: optional(double()),
  Table: optional(Capacity),
  GlobalSecondaryIndexes: optional(map(IndexName, Capacity)),
});

export const AttributeDefinitions = list(
  structure({
    AttributeName: required(KeySchemaAttributeName),
    AttributeType: required(string({ values: ["S", "N", "B"] })),
  }),
);
export const KeySchema = list(
  structure({
    AttributeName: required(KeySchemaAttributeName),
    KeyType: required(string({ values: ["HASH", "RANGE"] })),
  }),
  { length: [1] },
);
export const Projection = structure({
  ProjectionType: optional(string({ values: ["ALL", "KEYS_ONLY", "INCLUDE"] })),
  NonKeyAttributes: optional(list(string({ length: [1, 255] }), { length: [1, 20] })),
});
export const ProvisionedThroughput = structure({
  ReadCapacityUnits: required(long({ min: 1 })),
  WriteCapacityUnits: required(long({ min: 1 })),
});
export const BillingMode = string({ values: ["PROVISIONED", "PAY_PER_REQUEST"] });
export const TableClass = string({ values: ["STANDARD", "STANDARD_INFREQUENT_ACCESS"] });
export const StreamSpecification = structure({ StreamEnabled: required(boolean()) });
export const SSESpecification = structure({
  Enabled: optional(boolean()),
  SSEType: optional(string({ values: ["AES256", "KMS"] })),
});
/** What is only looked at to refuse it: this server has nothing of it. */
export const Unserved = structure({});

export const Tags = list(
  structure({ Key: required(string({ length: [1, 128] })), Value: required(string({ length: [0, 256] })) }),
);
export const TagKeys = list(string({ length: [1, 128] }));

export const GlobalSecondaryIndex = structure({
  IndexName: required(IndexName),
  KeySchema: required(KeySchema),
  Projection: required(Projection),
  ProvisionedThroughput: optional(ProvisionedThroughput),
  OnDemandThroughput: optional(Unserved),
  WarmThroughput: optional(Unserved),
});

const TableStatus = string({ values: ["CREATING", "UPDATING", "DELETING", "ACTIVE"] });
const ProvisionedThroughputDescription = structure({
  NumberOfDecreasesToday: optional(long()),
  ReadCapacityUnits: optional(long()),
  WriteCapacityUnits: optional(long()),
});
export const TableDescription = structure({
  AttributeDefinitions: optional(AttributeDefinitions),
  TableName: optional(TableName),
  KeySchema: optional(KeySchema),
  TableStatus: optional(TableStatus),
  CreationDateTime: optional(timestamp()),
  ProvisionedThroughput: optional(ProvisionedThroughputDescription),
  TableSizeBytes: optional(long()),
  ItemCount: optional(long()),
  TableArn: optional(string()),
  TableId: optional(string()),
  BillingModeSummary: optional(
    structure({
      BillingMode: optional(BillingMode),
      LastUpdateToPayPerRequestDateTime: optional(timestamp()),
    }),
  ),
  GlobalSecondaryIndexes: optional(
    list(
      structure({
        IndexName: optional(IndexName),
        KeySchema: optional(KeySchema),
        Projection: optional(Projection),
        IndexStatus: optional(TableStatus),
        Backfilling: optional(boolean()),
        ProvisionedThroughput: optional(ProvisionedThroughputDescription),
        IndexSizeBytes: optional(long()),
        ItemCount: optional(long()),
        IndexArn: optional(string()),
      }),
    ),
  ),
  TableClassSummary: optional(structure({ TableClass: optional(TableClass) })),
  DeletionProtectionEnabled: optional(boolean()),
});

export const TimeToLiveSpecification = structure({
  Enabled: required(boolean()),
  AttributeName: required(string({ length: [1, 255] })),
});
export const ContinuousBackupsDescription = structure({
  ContinuousBackupsStatus: required(string({ values: ["ENABLED", "DISABLED"] })),
  PointInTimeRecoveryDescription: optional(
    structure({
      PointInTimeRecoveryStatus: optional(string({ values: ["ENABLED", "DISABLED"] })),
      RecoveryPeriodInDays: optional(integer({ min: 1, max: 35 })),
    }),
  ),
});

/** What the members of expressions are called in all single writes. */
export const conditionMembers = {
  ConditionExpression: optional(string()),
  ExpressionAttributeNames: optional(ExpressionAttributeNames),
  ExpressionAttributeValues: optional(ExpressionAttributeValues),
  ReturnValuesOnConditionCheckFailure: optional(ReturnValuesOnConditionCheckFailure),
} as const;

export const READ_ERRORS = [
  "ProvisionedThroughputExceededException",
  "ResourceNotFoundException",
  "RequestLimitExceeded",
  "InternalServerError",
] as const;
export const WRITE_ERRORS = [
  "ConditionalCheckFailedException",
  "ProvisionedThroughputExceededException",
  "ResourceNotFoundException",
  "ItemCollectionSizeLimitExceededException",
  "TransactionConflictException",
  "RequestLimitExceeded",
  "LimitExceededException",
  "InternalServerError",
] as const;
