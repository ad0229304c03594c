import { operation, optional, required, structure } from "../shape.ts";
import { EnhancedMonitoringOutput, MetricsNameList, StreamARN, StreamId, StreamName } from "./shapes.ts";

export const EnableEnhancedMonitoring = operation({
  name: "EnableEnhancedMonitoring",
  plane: "control",
  documentation: "Starts metrics of single shards.",

  input: structure({
    StreamName: optional(StreamName),
    ShardLevelMetrics: required(MetricsNameList),
    StreamARN: optional(StreamARN),
    StreamId: optional(StreamId),
  }),

  output: EnhancedMonitoringOutput,

  errors: [
    "InvalidArgumentException",
    "LimitExceededException",
    "ResourceInUseException",
    "ResourceNotFoundException",
    "AccessDeniedException",
  ],
});
