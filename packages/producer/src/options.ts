import type { KinesisClient } from "@millrace/client";
import type { Clock, Random } from "@millrace/runtime";
import type { PutFailedError } from "./record.ts";

/** Settings of a producer. Only `client`, `stream`, `clock` and `random` have no default. */
export interface ProducerOptions {
  /** Where to, ours or AWS. It is not closed with the producer, and may serve others. */
  readonly client: KinesisClient;
  /** Name or ARN. */
  readonly stream: string;
  /** Machine time. */
  readonly clock: Clock;
  readonly random: Random;

  /**
   * `partition-key` (the default): records of one partition key and shard are stored in the order in which they
   * were accepted. For that a shard has one request in flight. `none`: as many as `requestCountMax` allows, and
   * a retry may overtake.
   */
  readonly order?: "partition-key" | "none";
  /** Packs user records as the KPL does. Off by itself for streams with record distribution AUTO. Default: true. */
  readonly aggregation?: boolean;
  /** `gzip`: the data of every user record becomes one gzip member. Default: `none`. */
  readonly compression?: "none" | "gzip";

  /** Milliseconds that a record waits for others. Default: 100. */
  readonly lingerMs?: number;
  /** Bytes of an aggregated record, at most 1,047,552; a larger user record is put by itself. Default: 51,200. */
  readonly aggregateSizeBytesMax?: number;
  /** User records in an aggregated one. Default: no bound. */
  readonly aggregateRecordCountMax?: number;
  /** Records of one PutRecords request, 1 to 500, which is the default. */
  readonly requestRecordCountMax?: number;
  /** Bytes of keys and data in one PutRecords request, at most 10 MiB. Default: 5 MiB. */
  readonly requestSizeBytesMax?: number;
  /** Requests at once. Default: 24. */
  readonly requestCountMax?: number;
  /** Milliseconds until a request without an answer is given up, and its records are tried again. Default: 6,000. */
  readonly requestTimeoutMs?: number;

  /** Milliseconds from acceptance until a record that is not stored is given up; may be Infinity. Default: 30,000. */
  readonly recordTtlMs?: number;
  /** Fails a record at its first throttle instead of trying again. Default: false. */
  readonly failOnThrottled?: boolean;
  /** Of a shard's 1 MiB/s and 1,000 records/s, how much to use; Infinity for a service without limits. Default: 1. */
  readonly shardRateShare?: number;
  /** Milliseconds before the first retry, on average; doubles up to `retryDelayMsMax`. Default: 100. */
  readonly retryDelayMs?: number;
  /** Default: 5,000. */
  readonly retryDelayMsMax?: number;

  /** Bytes of keys and data that may be queued and in flight; beyond it a put waits. Default: 64 MiB. */
  readonly queuedBytesMax?: number;
  /** Likewise in user records. Default: 250,000. */
  readonly queuedRecordCountMax?: number;

  /** Is told each record that was given up: for those who do not look at results. */
  readonly onFailure?: (failure: PutFailedError) => void;
}

export type Settings = Required<Omit<ProducerOptions, "onFailure">>;

const MIB = 1_048_576;

/** What every stream takes (1 MiB with the key), less the longest key. */
const AGGREGATE_BYTES_MAX = MIB - 1_024;

/** PutRecords: 500 records, and 10 MiB of keys and data (Kinesis quotas). */
const REQUEST_RECORDS_MAX = 500;
export const REQUEST_BYTES_MAX = 10 * MIB;

/**
 * Options with their defaults.
 *
 * @throws {RangeError} when one lies outside its range.
 */
export function settingsOf(options: ProducerOptions): Settings {
  const settings: Settings = {
    client: options.client,
    stream: options.stream,
    clock: options.clock,
    random: options.random,
    order: options.order ?? "partition-key",
    aggregation: options.aggregation ?? true,
    compression: options.compression ?? "none",
    lingerMs: options.lingerMs ?? 100,
    aggregateSizeBytesMax: options.aggregateSizeBytesMax ?? 51_200,
    aggregateRecordCountMax: options.aggregateRecordCountMax ?? Infinity,
    requestRecordCountMax: options.requestRecordCountMax ?? REQUEST_RECORDS_MAX,
    requestSizeBytesMax: options.requestSizeBytesMax ?? 5 * MIB,
    requestCountMax: options.requestCountMax ?? 24,
    requestTimeoutMs: options.requestTimeoutMs ?? 6_000,
    recordTtlMs: options.recordTtlMs ?? 30_000,
    failOnThrottled: options.failOnThrottled ?? false,
    shardRateShare: options.shardRateShare ?? 1,
    retryDelayMs: options.retryDelayMs ?? 100,
    retryDelayMsMax: options.retryDelayMsMax ?? 5_000,
    queuedBytesMax: options.queuedBytesMax ?? 64 * MIB,
    queuedRecordCountMax: options.queuedRecordCountMax ?? 250_000,
  };
  requireRange(settings, "lingerMs", 0, 3_600_000);
  requireRange(settings, "aggregateSizeBytesMax", 64, AGGREGATE_BYTES_MAX);
  requireRange(settings, "aggregateRecordCountMax", 1, Infinity);
  requireRange(settings, "requestRecordCountMax", 1, REQUEST_RECORDS_MAX);
  requireRange(settings, "requestSizeBytesMax", 1, REQUEST_BYTES_MAX);
  requireRange(settings, "requestCountMax", 1, 10_000);
  requireRange(settings, "requestTimeoutMs", 1, 3_600_000);
  requireRange(settings, "recordTtlMs", 1, Infinity);
  requireRange(settings, "shardRateShare", 0.001, Infinity);
  requireRange(settings, "retryDelayMs", 1, 3_600_000);
  requireRange(settings, "retryDelayMsMax", settings.retryDelayMs, 3_600_000);
  requireRange(settings, "queuedBytesMax", 1, Infinity);
  requireRange(settings, "queuedRecordCountMax", 1, Infinity);
  return settings;
}

type NumberName = { [Name in keyof Settings]: Settings[Name] extends number ? Name : never }[keyof Settings];

function requireRange(settings: Settings, name: NumberName, min: number, max: number): void {
  const value = settings[name];
  if (!(value >= min && value <= max)) {
    throw new RangeError(`${name} is ${value}; it lies from ${min} to ${max}`);
  }
}
