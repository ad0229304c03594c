import { integer, operation, optional, required, structure } from "../shape.ts";
import { StreamARN, StreamId, StreamName } from "./shapes.ts";

export const DecreaseStreamRetentionPeriod = operation({
  name: "DecreaseStreamRetentionPeriod",
  plane: "control",
  documentation: "Shortens the time for which records are kept; what is older than the new time goes.",

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
