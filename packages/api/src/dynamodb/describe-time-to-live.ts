import { operation, optional, required, string, structure } from "../shape.ts";
import { TableArn } from "./shapes.ts";

export const DescribeTimeToLive = operation({
  name: "DescribeTimeToLive",
  plane: "control",
  documentation: "Says by which attribute the items of a table expire, if they do.",

  input: structure({
    TableName: required(TableArn),
  }),

  output: structure({
    TimeToLiveDescription: optional(
      structure({
        TimeToLiveStatus: optional(string({ values: ["ENABLING", "DISABLING", "ENABLED", "DISABLED"] })),
        AttributeName: optional(string({ length: [1, 255] })),
      }),
    ),
  }),

  errors: ["ResourceNotFoundException", "InternalServerError"],
});
