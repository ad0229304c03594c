import { operation, optional, required, structure } from "../shape.ts";
import { RecordDistributionStrategy, StreamARN, StreamId } from "./shapes.ts";

export const UpdateStreamRecordDistributionStrategy = operation({
  name: "UpdateStreamRecordDistributionStrategy",
  plane: "control",
  documentation: "Sets who decides the shard of a record: the producer's partition key, or the service.",

  input: structure({
    StreamARN: required(StreamARN),
    StreamId: optional(StreamId),
    RecordDistributionStrategy: required(RecordDistributionStrategy),
  }),

  output: structure({}),

  errors: [
    "ResourceNotFoundException",
    "InvalidArgumentException",
    "ResourceInUseException",
    "LimitExceededException",
    "AccessDeniedException",
    "ValidationException",
  ],
});
