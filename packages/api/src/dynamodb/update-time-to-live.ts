import { operation, optional, required, structure } from "../shape.ts";
import { TableArn, TimeToLiveSpecification } from "./shapes.ts";

export const UpdateTimeToLive = operation({
  name: "UpdateTimeToLive",
  plane: "control",
  documentation:
    "Lets the items of a table expire at the second that one of their attributes holds, or ends that.",

  input: structure({
    TableName: required(TableArn),
    TimeToLiveSpecification: required(TimeToLiveSpecification),
  }),

  output: structure({
    TimeToLiveSpecification: optional(TimeToLiveSpecification),
  }),

  errors: [
    "ResourceInUseException",
    "ResourceNotFoundException",
    "LimitExceededException",
    "InternalServerError",
  ],
});
