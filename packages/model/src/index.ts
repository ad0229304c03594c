export { readAggregatedRecord, userRecordCountMax, visitAggregatedRecord } from "./aggregated-record.ts";
export type { KeyReaders, UserRecord } from "./aggregated-record.ts";
export { AggregatedRecordWriter } from "./aggregated-record-writer.ts";
export type { RecordToAggregate } from "./aggregated-record-writer.ts";
export { OneKeyAggregateWriter } from "./one-key-aggregate-writer.ts";
export { consumerArn, formatArn, parseArn, partitionOf, streamArn } from "./arn.ts";
export type { ChannelArn, ConsumerArn, ResourceArn, StreamArn } from "./arn.ts";
export {
  areAdjacent,
  contains,
  HASH_KEY_MAX,
  HashKeyColumn,
  hashKeyHex,
  hashKeyHexOf,
  hashKeyOf,
  mergeRanges,
  parseHashKey,
  sizeOf,
  splitRange,
  tileRing,
  WHOLE_RING,
} from "./hash-key.ts";
export type { HashKey, HashKeyHex, HashKeyRange } from "./hash-key.ts";
export { RecordColumns } from "./record-columns.ts";
export { RecordDigest } from "./record-digest.ts";
export type { RecordToDigest } from "./record-digest.ts";
export { openPaginationToken, sealPaginationToken } from "./pagination-token.ts";
export type { PaginationToken } from "./pagination-token.ts";
export { openToken, sealToken } from "./sealed-token.ts";
export {
  compareSequenceNumbers,
  formatSequenceNumber,
  GENERATION_MAX,
  parseSequenceNumber,
  RECORD_INDEX_MAX,
  SEQUENCE_NUMBER_DIGITS,
  sequenceNumberFormatter,
} from "./sequence-number.ts";
export type { SequenceNumber, SequenceNumberFormatter } from "./sequence-number.ts";
export { formatShardId, parseShardId, SHARD_INDEX_MAX } from "./shard-id.ts";
export { openIterator, sealIterator } from "./shard-iterator.ts";
export type { ShardIterator, ShardPosition } from "./shard-iterator.ts";
export { ancestorsOf, childrenOf, isOpen, isOpenAtOrAfter, isRetained, wasOpenAt } from "./shard-lineage.ts";
export type { LineageShard } from "./shard-lineage.ts";
