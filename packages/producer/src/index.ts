export type { LatencyQuantiles } from "./latencies.ts";
export type { ProducerMetrics } from "./metrics.ts";
export type { ProducerOptions } from "./options.ts";
export { createProducer, ProducerClosedError } from "./producer.ts";
export type { Producer, PutAllSummary } from "./producer.ts";
export { PutFailedError } from "./record.ts";
export type { AcceptedRecord, PutAttempt, PutResult, RecordToPut } from "./record.ts";
