export { createConsumer } from "./consumer.ts";
export type { Consumer, ConsumerMetrics } from "./consumer.ts";
export type { ConsumerOptions, InitialPosition, RunOptions, StreamOptions } from "./options.ts";
export type { ReadingClient } from "./reading-client.ts";
export { LeaseLostError } from "./shard-iteration.ts";
export type { ConsumerShard, ShardBatch } from "./shard-iteration.ts";
export type {
  DeadLetterHandler,
  ErrorPolicy,
  RecordContext,
  RecordHandler,
} from "./delivery/record-runner.ts";
export type { ShardMetrics } from "./delivery/shard-meter.ts";
export { fanOut } from "./retrieval/fan-out.ts";
export type { FanOutOptions } from "./retrieval/fan-out.ts";
export { polling } from "./retrieval/polling.ts";
export type { PollingOptions } from "./retrieval/polling.ts";
export type { Retrieval } from "./retrieval/shard-source.ts";
export type { ConsumerRecord } from "./retrieval/user-records.ts";
export {
  AT_TIMESTAMP,
  comparePlaces,
  LATEST,
  SHARD_END,
  TRIM_HORIZON,
} from "./leases/extended-sequence-number.ts";
export { openDynamoLeaseStore } from "./leases/dynamo-lease-store.ts";
export type { DynamoLeaseStoreOptions, LeaseTableClient } from "./leases/dynamo-lease-store.ts";
export type { ExtendedSequenceNumber } from "./leases/extended-sequence-number.ts";
export { actualOwner, isFinished, newLease } from "./leases/lease.ts";
export type { Lease, NewLease } from "./leases/lease.ts";
export type { LeaseCounts } from "./leases/lease-coordinator.ts";
export { leaseFromItem, leaseToItem, leaseWriteToUpdate } from "./leases/lease-item.ts";
export type { AttributeValue, LeaseItem, LeaseUpdate } from "./leases/lease-item.ts";
export type { LeaseStore, LeaseWriteOutcome } from "./leases/lease-store.ts";
export {
  applyWrite,
  assignment,
  checkpointing,
  eviction,
  handOffRequest,
  renewal,
  taking,
} from "./leases/lease-write.ts";
export type { LeaseWrite } from "./leases/lease-write.ts";
export type { ReportPlace, WorkerReport, WorkerReports } from "./leases/worker-report.ts";
export { memoryLeaseStore } from "./leases/memory-lease-store.ts";
