import { operation, optional, structure } from "../shape.ts";
import { MinimumThroughputBillingCommitmentOutput } from "./shapes.ts";

export const DescribeAccountSettings = operation({
  name: "DescribeAccountSettings",
  plane: "control",
  documentation: "Says how the account pays for its on-demand streams.",

  input: structure({}),

  output: structure({
    MinimumThroughputBillingCommitment: optional(MinimumThroughputBillingCommitmentOutput),
  }),

  errors: ["LimitExceededException"],
});
