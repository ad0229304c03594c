import { operation, optional, required, structure } from "../shape.ts";
import { ResourceARN, StreamId } from "./shapes.ts";

export const DeleteResourcePolicy = operation({
  name: "DeleteResourcePolicy",
  plane: "control",
  documentation: "Removes the policy of a stream or a consumer.",

  input: structure({
    ResourceARN: required(ResourceARN),
    StreamId: optional(StreamId),
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
