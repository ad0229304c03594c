import { boolean, integer, list, operation, optional, required, string, structure } from "../shape.ts";
import {
  AttributeMap,
  AttributeNameList,
  ConditionalOperator,
  ConsumedCapacity,
  ExpressionAttributeNames,
  ExpressionAttributeValues,
  FilterConditionMap,
  IndexName,
  Key,
  READ_ERRORS,
  ReturnConsumedCapacity,
  Select,
  TableArn,
} from "./shapes.ts";

export const Query = operation({
  name: "Query",
  plane: "data",
  documentation:
    "Reads the items that have one partition key, of a table or an index, in the order of their sort keys.",

  input: structure({
    TableName: required(TableArn),
    IndexName: optional(IndexName),
    Select: optional(Select),
    AttributesToGet: optional(AttributeNameList),
    Limit: optional(integer({ min: 1 })),
    ConsistentRead: optional(boolean()),
    KeyConditions: optional(FilterConditionMap),
    QueryFilter: optional(FilterConditionMap),
    ConditionalOperator: optional(ConditionalOperator),
    ScanIndexForward: optional(boolean()),
    ExclusiveStartKey: optional(Key),
    ReturnConsumedCapacity: optional(ReturnConsumedCapacity),
    ProjectionExpression: optional(string()),
    FilterExpression: optional(string()),
    KeyConditionExpression: optional(string()),
    ExpressionAttributeNames: optional(ExpressionAttributeNames),
    ExpressionAttributeValues: optional(ExpressionAttributeValues),
  }),

  output: structure({
    Items: optional(list(AttributeMap)),
    Count: optional(integer()),
    ScannedCount: optional(integer()),
    LastEvaluatedKey: optional(Key),
    ConsumedCapacity: optional(ConsumedCapacity),
  }),

  errors: [...READ_ERRORS],
});
