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

export const Scan = operation({
  name: "Scan",
  plane: "data",
  documentation:
    "Reads the items of a table or an index page by page, in segments side by side if wanted, and gives those that pass a filter.",

  input: structure({
    TableName: required(TableArn),
    IndexName: optional(IndexName),
    AttributesToGet: optional(AttributeNameList),
    Limit: optional(integer({ min: 1 })),
    Select: optional(Select),
    ScanFilter: optional(FilterConditionMap),
    ConditionalOperator: optional(ConditionalOperator),
    ExclusiveStartKey: optional(Key),
    ReturnConsumedCapacity: optional(ReturnConsumedCapacity),
    TotalSegments: optional(integer({ min: 1, max: 1_000_000 })),
    Segment: optional(integer({ min: 0, max: 999_999 })),
    ProjectionExpression: optional(string()),
    FilterExpression: optional(string()),
    ExpressionAttributeNames: optional(ExpressionAttributeNames),
    ExpressionAttributeValues: optional(ExpressionAttributeValues),
    ConsistentRead: optional(boolean()),
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
