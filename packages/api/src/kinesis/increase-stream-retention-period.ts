import { integer, operation, optional, required, structure } from "../shape.ts";
import { StreamARN, StreamId, StreamName } from "./shapes.ts";

export const IncreaseStreamRetentionPeriod = operation({
  name: "IncreaseStreamRetentionPeriod",
  plane: "control",
  documentation: "Lengthens the time for which records are kept.",

  input: structure({
    StreamName: optional(StreamName),
    RetentionPeriodHours: required(integer()),
    StreamARN: optional(StreamARN),
    StreamId: optional(StreamId),
  }),

  output: structure({}),

  errors: [
    "ResourceInUseException",
    "ResourceNotFoundException",
    "LimitExceededException",
    "InvalidArgumentException",
    "AccessDeniedException",
  ],
});
