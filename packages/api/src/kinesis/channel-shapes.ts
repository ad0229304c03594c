/** The shapes that the operations on channels share. */

import { boolean, integer, list, optional, required, string, structure, timestamp } from "../shape.ts";
import { KeyId, StreamARN } from "./shapes.ts";

export const ChannelName = string({ length: [1, 128], pattern: "[a-zA-Z0-9_.-]+" });
export const RoleARN = string({
  length: [1, 512],
  pattern: "arn:aws[-a-z0-9]*:iam::\\d{12}:role/[a-zA-Z_0-9+=,.@\\-_/]+",
});
export const ChannelARN = string({
  length: [1, 2048],
  pattern: "arn:aws.*:kinesis:.*:\\d{12}:channel/\\S+",
});
export const ChannelId = string({ length: [1, 64] });
export const ChannelStatus = string({
  values: ["CREATING", "ACTIVE", "UPDATING", "DELETING", "FAILED"],
});
export const ChannelStatusReason = string({ length: [1, 2048] });
export const ChannelDestinationType = string({ values: ["S3", "S3_TABLES"] });
export const LogGroupName = string({ length: [1, 512], pattern: "[\\.\\-_/#A-Za-z0-9]+" });
export const LogStreamName = string({ length: [1, 512], pattern: "[^:*]*" });
export const ChannelEncryptionType = string({ values: ["KMS"] });
export const RecordFormatType = string({ values: ["GSR_JSON", "JSON", "STRING", "BYTE_ARRAY"] });
export const GSRSchemaARN = string({
  length: [1, 512],
  pattern: "arn:aws[-a-z0-9]*:glue:[-a-z0-9]+:\\d{12}:schema/[-a-zA-Z0-9_$#.]+/[-a-zA-Z0-9_$#.]+",
});
export const BucketARN = string({
  length: [1, 2048],
  pattern: "arn:aws[-a-z0-9]*:s3:::[a-z0-9._-]{3,63}",
});
export const ExpectedBucketOwner = string({ length: [12, 12], pattern: "\\d{12}" });
export const ErrorOutputPrefix = string({ length: [1, 512], pattern: "[0-9A-Za-z!\\-_'.*()\\/]+" });
export const PartitionTransform = string({ values: ["TIME_HOUR"] });
export const PartitionSourceName = string({ length: [1, 255], pattern: "[a-zA-Z0-9\\.\\_]+" });
export const OutputKeyTemplate = string({
  length: [1, 1024],
  pattern: "[0-9A-Za-z!\\-_'.*()\\/=:{}]+",
});
export const S3StorageClass = string({ values: ["STANDARD", "INTELLIGENT_TIERING", "GLACIER_IR"] });
export const S3CompressionType = string({ values: ["NONE", "GZIP", "ZSTD"] });
export const TableBucketARN = string({
  length: [1, 2048],
  pattern: "arn:aws[-a-z0-9]*:s3tables:[-a-z0-9]+:\\d{12}:bucket/[a-z0-9_-]{3,63}",
});
export const S3TablesIdentifier = string({ length: [1, 255], pattern: "[0-9a-z_]+" });
export const S3TablesCompressionType = string({ values: ["NONE", "ZSTD", "SNAPPY"] });

export const ChannelEncryptionConfiguration = structure({
  EncryptionType: required(ChannelEncryptionType),
  KeyId: required(KeyId),
});

export const CloudWatchLogs = structure({
  Enabled: required(boolean()),
  LogGroupName: optional(LogGroupName),
  LogStreamName: optional(LogStreamName),
});

export const ChannelLoggingConfiguration = structure({
  CloudWatchLogs: required(CloudWatchLogs),
});

export const RecordConfiguration = structure(
  {
    RecordFormatType: required(RecordFormatType),
    GSRSchemaARN: optional(GSRSchemaARN),
  },
  { javaName: "com.amazonaws.kinesis.v20131202.RecordConfiguration" },
);

export const ChannelStreamDescription = structure({
  StreamARN: required(StreamARN),
  StreamCreationTimestamp: required(timestamp()),
  RecordConfiguration: required(RecordConfiguration),
});

export const DeadLetterQueueS3Configuration = structure({
  BucketARN: required(BucketARN),
  ExpectedBucketOwner: required(ExpectedBucketOwner),
  ErrorOutputPrefix: optional(ErrorOutputPrefix),
});

export const PartitionField = structure(
  {
    Transform: required(PartitionTransform),
    SourceName: required(PartitionSourceName),
  },
  { javaName: "com.amazonaws.kinesis.v20131202.PartitionField" },
);

export const PartitionSpec = structure(
  {
    PartitionFields: required(list(PartitionField, { length: [1, 10] })),
  },
  { javaName: "com.amazonaws.kinesis.v20131202.PartitionSpec" },
);

export const S3StorageConfiguration = structure({
  BucketARN: required(BucketARN),
  ExpectedBucketOwner: required(ExpectedBucketOwner),
  OutputKeyTemplate: optional(OutputKeyTemplate),
  StorageClass: optional(S3StorageClass),
  CompressionType: required(S3CompressionType),
});

export const S3DestinationDescription = structure({
  DataFreshnessInSeconds: required(integer()),
  DeadLetterQueueS3Configuration: required(DeadLetterQueueS3Configuration),
  StorageConfiguration: required(S3StorageConfiguration),
});

export const S3TablesConfiguration = structure(
  {
    TableBucketARN: required(TableBucketARN),
    Namespace: required(S3TablesIdentifier),
    TableName: required(S3TablesIdentifier),
    CompressionType: required(S3TablesCompressionType),
    PartitionSpec: optional(PartitionSpec),
  },
  { javaName: "com.amazonaws.kinesis.v20131202.S3TablesConfiguration" },
);

export const S3TablesDestinationDescription = structure({
  DataFreshnessInSeconds: required(integer()),
  DeadLetterQueueS3Configuration: required(DeadLetterQueueS3Configuration),
  S3TablesConfigurationList: required(list(S3TablesConfiguration, { length: [1, 10_000] })),
});

export const ChannelDescription = structure({
  ChannelName: required(ChannelName),
  ChannelARN: required(ChannelARN),
  ChannelId: required(ChannelId),
  ChannelStatus: required(ChannelStatus),
  ChannelStatusReason: optional(ChannelStatusReason),
  ChannelCreationTimestamp: required(timestamp()),
  ServiceExecutionRoleARN: required(RoleARN),
  StreamConfigurationList: required(list(ChannelStreamDescription, { length: [1, 10_000] })),
  S3DestinationConfiguration: optional(S3DestinationDescription),
  S3TablesDestinationConfiguration: optional(S3TablesDestinationDescription),
  EncryptionConfiguration: optional(ChannelEncryptionConfiguration),
  LoggingConfiguration: required(ChannelLoggingConfiguration),
});
