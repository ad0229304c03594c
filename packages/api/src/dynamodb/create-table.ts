import { boolean, list, operation, optional, required, string, structure } from "../shape.ts";
import {
  AttributeDefinitions,
  BillingMode,
  GlobalSecondaryIndex,
  KeySchema,
  ProvisionedThroughput,
  SSESpecification,
  StreamSpecification,
  TableArn,
  TableClass,
  TableDescription,
  Tags,
  Unserved,
} from "./shapes.ts";

export const CreateTable = operation({
  name: "CreateTable",
  plane: "control",
  documentation: "Makes a table with a key of one or two attributes, and its global secondary indexes.",

  input: structure({
    AttributeDefinitions: optional(AttributeDefinitions),
    TableName: required(TableArn),
    KeySchema: required(KeySchema),
    LocalSecondaryIndexes: optional(list(Unserved)),
    GlobalSecondaryIndexes: optional(list(GlobalSecondaryIndex)),
    BillingMode: optional(BillingMode),
    ProvisionedThroughput: optional(ProvisionedThroughput),
    StreamSpecification: optional(StreamSpecification),
    SSESpecification: optional(SSESpecification),
    Tags: optional(Tags),
    TableClass: optional(TableClass),
    DeletionProtectionEnabled: optional(boolean()),
    WarmThroughput: optional(Unserved),
    ResourcePolicy: optional(string()),
    OnDemandThroughput: optional(Unserved),
    GlobalTableSourceArn: optional(string()),
    VectorIndexes: optional(list(Unserved)),
  }),

  output: structure({
    TableDescription: optional(TableDescription),
  }),

  errors: ["ResourceInUseException", "LimitExceededException", "InternalServerError"],
});
