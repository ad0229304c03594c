import { operation, optional, required, string, structure } from "../shape.ts";
import { ResourceARN, StreamId } from "./shapes.ts";

export const PutResourcePolicy = operation({
  name: "PutResourcePolicy",
  plane: "control",
  documentation: "Sets the policy of a stream or a consumer: who may do what with it.",

  input: structure({
    ResourceARN: required(ResourceARN),
    StreamId: optional(StreamId),
    Policy: required(string()),
  }),

  output: structure({}),

  errors: [
    "AccessDeniedException",
    "ResourceNotFoundException",
    "LimitExceededException",
    "InvalidArgumentException",
    "ResourceInUseException",
  ],
});
