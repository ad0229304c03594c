import { operation, optional, required, structure } from "../shape.ts";
import {
  AttributeMap,
  ConditionalOperator,
  conditionMembers,
  ConsumedCapacity,
  ExpectedAttributeMap,
  ReturnConsumedCapacity,
  ReturnItemCollectionMetrics,
  ReturnValue,
  TableArn,
  WRITE_ERRORS,
} from "./shapes.ts";

export const PutItem = operation({
  name: "PutItem",
  plane: "data",
  documentation: "Writes a whole item in place of the one with its key, if a condition holds.",

  input: structure({
    TableName: required(TableArn),
    Item: required(AttributeMap),
    Expected: optional(ExpectedAttributeMap),
    ReturnValues: optional(ReturnValue),
    ReturnConsumedCapacity: optional(ReturnConsumedCapacity),
    ReturnItemCollectionMetrics: optional(ReturnItemCollectionMetrics),
    ConditionalOperator: optional(ConditionalOperator),
    ...conditionMembers,
  }),

  output: structure({
    Attributes: optional(AttributeMap),
    ConsumedCapacity: optional(ConsumedCapacity),
  }),

  errors: [...WRITE_ERRORS],
});
