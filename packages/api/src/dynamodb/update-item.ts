import { operation, optional, required, string, structure } from "../shape.ts";
import {
  AttributeUpdates,
  AttributeMap,
  ConditionalOperator,
  conditionMembers,
  ConsumedCapacity,
  ExpectedAttributeMap,
  Key,
  ReturnConsumedCapacity,
  ReturnItemCollectionMetrics,
  ReturnValue,
  TableArn,
  WRITE_ERRORS,
} from "./shapes.ts";

export const UpdateItem = operation({
  name: "UpdateItem",
  plane: "data",
  documentation: "Changes attributes of the item that has a key, which need not exist, if a condition holds.",

  input: structure({
    TableName: required(TableArn),
    Key: required(Key),
    AttributeUpdates: optional(AttributeUpdates),
    Expected: optional(ExpectedAttributeMap),
    ConditionalOperator: optional(ConditionalOperator),
    ReturnValues: optional(ReturnValue),
    ReturnConsumedCapacity: optional(ReturnConsumedCapacity),
    ReturnItemCollectionMetrics: optional(ReturnItemCollectionMetrics),
    UpdateExpression: optional(string()),
    ...conditionMembers,
  }),

  output: structure({
    Attributes: optional(AttributeMap),
    ConsumedCapacity: optional(ConsumedCapacity),
  }),

  errors: [...WRITE_ERRORS],
});
