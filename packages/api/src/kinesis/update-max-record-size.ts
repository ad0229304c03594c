import { operation, optional, required, structure } from "../shape.ts";
import { MaxRecordSizeInKiB, StreamARN, StreamId } from "./shapes.ts";

export const UpdateMaxRecordSize = operation({
  name: "UpdateMaxRecordSize",
  plane: "control",
  documentation: "Sets the size of the largest record that a stream takes.",

  input: structure({
    StreamARN: optional(StreamARN),
    StreamId: optional(StreamId),
    MaxRecordSizeInKiB: required(MaxRecordSizeInKiB),
  }),

  output: structure({}),

  errors: [
    "ResourceInUseException",
    "ResourceNotFoundException",
    "LimitExceededException",
    "InvalidArgumentException",
    "AccessDeniedException",
    "ValidationException",
  ],
});
