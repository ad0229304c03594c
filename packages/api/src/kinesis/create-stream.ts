import { operation, optional, required, structure } from "../shape.ts";
import {
  MaxRecordSizeInKiB,
  NaturalInteger,
  PositiveInteger,
  RecordDistributionStrategy,
  StreamModeDetails,
  StreamName,
  TagMap,
} from "./shapes.ts";

export const CreateStream = operation({
  name: "CreateStream",
  plane: "control",
  documentation:
    "Creates a stream. It answers at once; the stream is CREATING until its shards take records.",

  input: structure({
    StreamName: required(StreamName),
    ShardCount: optional(PositiveInteger),
    StreamModeDetails: optional(StreamModeDetails),
    Tags: optional(TagMap),
    WarmThroughputMiBps: optional(NaturalInteger),
    MaxRecordSizeInKiB: optional(MaxRecordSizeInKiB),
    RecordDistributionStrategy: optional(RecordDistributionStrategy),
  }),

  output: structure({}),

  errors: [
    "ResourceInUseException",
    "LimitExceededException",
    "InvalidArgumentException",
    "ValidationException",
  ],
});
