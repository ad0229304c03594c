import { list, operation, optional, required, string, structure } from "../shape.ts";
import {
  AttributeMap,
  conditionMembers,
  ConsumedCapacity,
  Key,
  ReturnConsumedCapacity,
  ReturnItemCollectionMetrics,
  TableArn,
} from "./shapes.ts";

export const TransactWriteItems = operation({
  name: "TransactWriteItems",
  plane: "data",
  documentation: "Carries out up to a hundred conditional writes, of several tables if wanted, all or none.",

  input: structure({
    TransactItems: required(
      list(
        structure({
          ConditionCheck: optional(
            structure({
              Key: required(Key),
              TableName: required(TableArn),
              ...conditionMembers,
              ConditionExpression: required(string()),
            }),
          ),
          Put: optional(
            structure({ Item: required(AttributeMap), TableName: required(TableArn), ...conditionMembers }),
          ),
          Delete: optional(
            structure({ Key: required(Key), TableName: required(TableArn), ...conditionMembers }),
          ),
          Update: optional(
            structure({
              Key: required(Key),
              UpdateExpression: required(string()),
              TableName: required(TableArn),
              ...conditionMembers,
            }),
          ),
        }),
        { length: [1, 100] },
      ),
    ),
    ReturnConsumedCapacity: optional(ReturnConsumedCapacity),
    ReturnItemCollectionMetrics: optional(ReturnItemCollectionMetrics),
    ClientRequestToken: optional(string({ length: [1, 36] })),
  }),

  output: structure({
    ConsumedCapacity: optional(list(ConsumedCapacity)),
  }),

  errors: [
    "ResourceNotFoundException",
    "TransactionCanceledException",
    "TransactionInProgressException",
    "IdempotentParameterMismatchException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "LimitExceededException",
    "InternalServerError",
  ],
});
