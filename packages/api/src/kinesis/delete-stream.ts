import { boolean, operation, optional, structure } from "../shape.ts";
import { StreamARN, StreamId, StreamName } from "./shapes.ts";

export const DeleteStream = operation({
  name: "DeleteStream",
  plane: "control",
  documentation: "Deletes a stream with its shards and records.",

  input: structure({
    StreamName: optional(StreamName),
    EnforceConsumerDeletion: optional(boolean()),
    StreamARN: optional(StreamARN),
    StreamId: optional(StreamId),
  }),

  output: structure({}),

  errors: [
    "ResourceNotFoundException",
    "LimitExceededException",
    "ResourceInUseException",
    "InvalidArgumentException",
    "AccessDeniedException",
  ],
});
