import { operation, optional, required, structure } from "../shape.ts";
import {
  MinimumThroughputBillingCommitmentInputStatus,
  MinimumThroughputBillingCommitmentOutput,
} from "./shapes.ts";

export const MinimumThroughputBillingCommitmentInput = structure({
  Status: required(MinimumThroughputBillingCommitmentInputStatus),
});

export const UpdateAccountSettings = operation({
  name: "UpdateAccountSettings",
  plane: "control",
  documentation:
    "Commits the account to a least throughput of its on-demand streams, or ends the commitment.",

  input: structure({
    MinimumThroughputBillingCommitment: required(MinimumThroughputBillingCommitmentInput),
  }),

  output: structure({
    MinimumThroughputBillingCommitment: optional(MinimumThroughputBillingCommitmentOutput),
  }),

  errors: ["InvalidArgumentException", "ValidationException", "LimitExceededException"],
});
