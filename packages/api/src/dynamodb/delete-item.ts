import { operation, optional, required, structure } from "../shape.ts";
import {
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

export const DeleteItem = operation({
  name: "DeleteItem",
  plane: "data",
  documentation: "Deletes the item that has a key, if a condition holds.",

  input: structure({
    TableName: required(TableArn),
    Key: required(Key),
    Expected: optional(ExpectedAttributeMap),
    ConditionalOperator: optional(ConditionalOperator),
    ReturnValues: optional(ReturnValue),
    ReturnConsumedCapacity: optional(ReturnConsumedCapacity),
    ReturnItemCollectionMetrics: optional(ReturnItemCollectionMetrics),
    ...conditionMembers,
  }),

  output: structure({
    Attributes: optional(AttributeMap),
    ConsumedCapacity: optional(ConsumedCapacity),
  }),

  errors: [...WRITE_ERRORS],
});
