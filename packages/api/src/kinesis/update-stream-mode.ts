import { operation, optional, required, structure } from "../shape.ts";
import { NaturalInteger, StreamARN, StreamId, StreamModeDetails } from "./shapes.ts";

export const UpdateStreamMode = operation({
  name: "UpdateStreamMode",
  plane: "control",
  documentation: "Switches a stream between provisioned and on-demand capacity.",

  input: structure({
    StreamARN: required(StreamARN),
    StreamId: optional(StreamId),
    StreamModeDetails: required(StreamModeDetails),
    WarmThroughputMiBps: optional(NaturalInteger),
  }),

  output: structure({}),

  errors: [
    "InvalidArgumentException",
    "LimitExceededException",
    "ResourceInUseException",
    "ResourceNotFoundException",
    "ValidationException",
  ],
});
