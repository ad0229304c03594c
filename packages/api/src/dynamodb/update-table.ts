import { boolean, list, operation, optional, required, structure } from "../shape.ts";
import {
  AttributeDefinitions,
  BillingMode,
  GlobalSecondaryIndex,
  IndexName,
  ProvisionedThroughput,
  SSESpecification,
  StreamSpecification,
  TableArn,
  TableClass,
  TableDescription,
  Unserved,
} from "./shapes.ts";

export const UpdateTable = operation({
  name: "UpdateTable",
  plane: "control",
  documentation:
    "Changes the capacity settings, protection or class of a table, or adds or removes one of its global secondary indexes.",

  input: structure({
    AttributeDefinitions: optional(AttributeDefinitions),
    TableName: required(TableArn),
    BillingMode: optional(BillingMode),
    ProvisionedThroughput: optional(ProvisionedThroughput),
    GlobalSecondaryIndexUpdates: optional(
      list(
        structure({
          Update: optional(
            structure({
              IndexName: required(IndexName),
              ProvisionedThroughput: optional(ProvisionedThroughput),
              OnDemandThroughput: optional(Unserved),
              WarmThroughput: optional(Unserved),
            }),
          ),
          Create: optional(GlobalSecondaryIndex),
          Delete: optional(structure({ IndexName: required(IndexName) })),
        }),
      ),
    ),
    StreamSpecification: optional(StreamSpecification),
    SSESpecification: optional(SSESpecification),
    ReplicaUpdates: optional(list(Unserved)),
    TableClass: optional(TableClass),
    DeletionProtectionEnabled: optional(boolean()),
    GlobalTableWitnessUpdates: optional(list(Unserved)),
    OnDemandThroughput: optional(Unserved),
    WarmThroughput: optional(Unserved),
    VectorIndexUpdates: optional(list(Unserved)),
  }),

  output: structure({
    TableDescription: optional(TableDescription),
  }),

  errors: [
    "ResourceInUseException",
    "ResourceNotFoundException",
    "LimitExceededException",
    "InternalServerError",
  ],
});
