/**
 * Errors that a healthy service with every permission never answers: faults make our server answer
 * them, so that each SDK is seen to understand them. Against AWS these cases are left out.
 */
import type { OperationName } from "./client.ts";

const encryption = [
  "KMSDisabledException",
  "KMSInvalidStateException",
  "KMSAccessDeniedException",
  "KMSNotFoundException",
  "KMSOptInRequired",
  "KMSThrottlingException",
] as const;

const denied = "AccessDeniedException";
const failure = "InternalFailureException";
/** Injected where the service publishes no rate for the operation, or one too high for a quick test. */
const limit = "LimitExceededException";

export const injected: Readonly<Partial<Record<OperationName, readonly string[]>>> = {
  AddTagsToStream: [denied],
  CreateChannel: ["ResourceInUseException", "ResourceNotFoundException", limit, ...encryption, denied],
  DecreaseStreamRetentionPeriod: [denied],
  DeleteChannel: ["ResourceNotFoundException", limit, denied],
  DeleteResourcePolicy: [denied],
  DeleteStream: [denied],
  DescribeChannel: ["ResourceNotFoundException", limit, denied],
  DescribeStream: [denied],
  DescribeStreamSummary: [denied],
  DisableEnhancedMonitoring: [denied],
  EnableEnhancedMonitoring: [denied],
  GetRecords: [...encryption, denied, failure],
  GetResourcePolicy: ["ResourceInUseException", denied],
  GetShardIterator: [denied, failure],
  IncreaseStreamRetentionPeriod: [denied],
  ListChannels: ["ExpiredNextTokenException", limit, denied],
  ListShards: [limit, denied],
  ListTagsForResource: ["ResourceInUseException", limit, denied],
  ListTagsForStream: [denied],
  MergeShards: [denied],
  PutRecord: [...encryption, denied, failure],
  PutRecords: ["ProvisionedThroughputExceededException", ...encryption, denied, failure],
  PutResourcePolicy: [denied],
  RemoveTagsFromStream: [denied],
  SplitShard: [denied],
  StartStreamEncryption: [...encryption, denied],
  StopStreamEncryption: [limit, denied],
  SubscribeToShard: [denied],
  TagResource: [limit, denied],
  UntagResource: [limit, denied],
  UpdateChannel: ["ResourceInUseException", "ResourceNotFoundException", limit, denied],
  UpdateMaxRecordSize: [limit, denied],
  UpdateShardCount: [denied],
  UpdateStreamRecordDistributionStrategy: [limit, denied],
  UpdateStreamWarmThroughput: [denied],
};
