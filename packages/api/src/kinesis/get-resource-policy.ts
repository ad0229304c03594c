import { operation, optional, required, string, structure } from "../shape.ts";
import { ResourceARN, StreamId } from "./shapes.ts";

export const GetResourcePolicy = operation({
  name: "GetResourcePolicy",
  plane: "control",
  documentation: "Gives the policy of a stream or a consumer.",

  input: structure({
    ResourceARN: required(ResourceARN),
    StreamId: optional(StreamId),
  }),

  output: structure({
    Policy: required(string()),
  }),

  errors: [
    "AccessDeniedException",
    "ResourceNotFoundException",
    "LimitExceededException",
    "InvalidArgumentException",
    "ResourceInUseException",
  ],
});
