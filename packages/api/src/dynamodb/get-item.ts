import { boolean, operation, optional, required, string, structure } from "../shape.ts";
import {
  AttributeMap,
  AttributeNameList,
  ConsumedCapacity,
  ExpressionAttributeNames,
  Key,
  READ_ERRORS,
  ReturnConsumedCapacity,
  TableArn,
} from "./shapes.ts";

export const GetItem = operation({
  name: "GetItem",
  plane: "data",
  documentation: "Reads the item that has a key.",

  input: structure({
    TableName: required(TableArn),
    Key: required(Key),
    AttributesToGet: optional(AttributeNameList),
    ConsistentRead: optional(boolean()),
    ReturnConsumedCapacity: optional(ReturnConsumedCapacity),
    ProjectionExpression: optional(string()),
    ExpressionAttributeNames: optional(ExpressionAttributeNames),
  }),

  output: structure({
    Item: optional(AttributeMap),
    ConsumedCapacity: optional(ConsumedCapacity),
  }),

  errors: [...READ_ERRORS],
});
