/**
 * Every bound of the service: its name, unit, default and source. Rates and quotas are lifted by
 * `limits: "off"`; bounds are part of the contract and always hold.
 *
 * Sources: [quotas] = "Quotas and limits" of the Kinesis Data Streams developer guide, as of November 2026;
 * [API] = the API reference of the operation named; [guide] = the developer guide.
 */
import type { kinesis } from "@millrace/api";

export interface Limit {
  /** `rate` and `quota` can be lifted or changed; a `bound` cannot. */
  readonly kind: "rate" | "quota" | "bound";
  readonly unit: string;
  readonly default: number;
  readonly source: string;
}

const limit = (kind: Limit["kind"], unit: string, value: number, source: string): Limit =>
  Object.freeze({ kind, unit, default: value, source });

export const limits = Object.freeze({
  shardWriteBytes: limit("rate", "bytes per second and shard", 1_048_576, "[quotas] 1 MB/s per shard"),
  shardWriteRecords: limit(
    "rate",
    "records per second and shard",
    1_000,
    "[quotas] 1,000 records/s per shard",
  ),
  shardReadBytes: limit(
    "rate",
    "bytes per second and shard",
    2_097_152,
    "[quotas] 2 MB/s per shard; reading 10 MiB at once therefore blocks the next 5 s, as the page says",
  ),
  shardReadCalls: limit(
    "rate",
    "GetRecords calls per second and shard",
    5,
    "[quotas] 5 transactions/s per shard",
  ),
  shardIteratorCalls: limit(
    "rate",
    "GetShardIterator calls per second and shard",
    5,
    "[API] GetShardIterator",
  ),
  fanOutReadBytes: limit(
    "rate",
    "bytes per second, shard and fan-out consumer",
    2_097_152,
    "[quotas] 2 MB/s per shard per consumer",
  ),
  subscribeCalls: limit(
    "rate",
    "SubscribeToShard calls per second, shard and fan-out consumer",
    1,
    "[API] SubscribeToShard",
  ),

  shardsPerAccountInLargeRegions: limit(
    "quota",
    "open shards",
    20_000,
    "[quotas] us-east-1, us-west-2, eu-west-1",
  ),
  shardsPerAccount: limit("quota", "open shards", 6_000, "[quotas] elsewhere 1,000 or 6,000"),
  onDemandStreamsPerAccount: limit("quota", "streams", 50, "[quotas] 50 on-demand streams per account"),
  onDemandShardsInLargeRegions: limit(
    "quota",
    "open shards of an on-demand stream",
    10_240,
    "[quotas] 10 GB/s of writes in us-east-1, us-west-2, eu-west-1",
  ),
  onDemandShards: limit("quota", "open shards of an on-demand stream", 200, "[quotas] elsewhere 200 MB/s"),
  creatingStreams: limit("quota", "streams in CREATING", 5, "[API] CreateStream"),
  consumersPerStream: limit("quota", "fan-out consumers", 20, "[API] RegisterStreamConsumer"),
  consumersPerStreamWithAdvantage: limit(
    "quota",
    "fan-out consumers of an on-demand stream in an account with a throughput commitment",
    50,
    "[API] RegisterStreamConsumer: On-demand Advantage",
  ),
  creatingConsumers: limit("quota", "consumers in CREATING, per stream", 5, "[API] RegisterStreamConsumer"),
  shardCountUpdatesPerDay: limit(
    "quota",
    "UpdateShardCount calls per rolling 24 h and stream",
    10,
    "[API] UpdateShardCount",
  ),
  shardCountTargetMax: limit("quota", "shards", 10_000, "[API] UpdateShardCount"),
  streamModeUpdatesPerDay: limit(
    "quota",
    "UpdateStreamMode calls per rolling 24 h and stream",
    2,
    "[quotas] switching twice within 24 hours",
  ),
  encryptionStartsPerDay: limit(
    "quota",
    "StartStreamEncryption calls per rolling 24 h and stream",
    25,
    "[API] StartStreamEncryption",
  ),
  encryptionStopsPerDay: limit(
    "quota",
    "StopStreamEncryption calls per rolling 24 h and stream",
    25,
    "[API] StopStreamEncryption",
  ),
  warmThroughputMiBpsMax: limit(
    "quota",
    "MiB per second and stream",
    10_240,
    "[API] UpdateStreamWarmThroughput: 10 GiBps",
  ),

  iteratorLifeMs: limit("bound", "milliseconds", 300_000, "[API] GetShardIterator: expires after 5 minutes"),
  nextTokenLifeMs: limit("bound", "milliseconds", 300_000, "[API] ListShards: expires after 300 seconds"),
  subscriptionLifeMs: limit("bound", "milliseconds", 300_000, "[API] SubscribeToShard: up to 5 minutes"),
  subscriptionTakeoverMs: limit(
    "bound",
    "milliseconds",
    5_000,
    "[API] SubscribeToShard: refused within 5 seconds of a successful call",
  ),
  subscriptionIdleMs: limit(
    "bound",
    "milliseconds between events",
    4_500,
    "observed: at least one event in 5 seconds; ours leaves half a second for its way",
  ),
  subscriptionEventBytesMax: limit(
    "bound",
    "bytes of data and keys in one event; a larger record comes alone",
    1_048_576,
    "our choice: half of what a consumer may read in a second",
  ),
  getRecordsRecordsMax: limit("bound", "records", 10_000, "[API] GetRecords"),
  getRecordsBytesMax: limit("bound", "bytes of data and keys", 10_485_760, "[API] GetRecords: 10 MiB"),
  putRecordsBytesMax: limit("bound", "bytes of data and keys", 10_485_760, "[API] PutRecords: 10 MiB"),
  recordSizeDefaultKiB: limit(
    "bound",
    "KiB of data and key",
    1_024,
    "[API] CreateStream: MaxRecordSizeInKiB",
  ),
  retentionHoursMin: limit("bound", "hours", 24, "[API] DecreaseStreamRetentionPeriod"),
  retentionHoursMax: limit("bound", "hours", 8_760, "[API] IncreaseStreamRetentionPeriod"),
  describeStreamShardsMax: limit("bound", "shards", 100, "[API] DescribeStream"),
  listShardsMax: limit("bound", "shards", 1_000, "[API] ListShards"),
  listStreamConsumersMax: limit("bound", "consumers", 100, "[API] ListStreamConsumers"),
  listStreamsMax: limit("bound", "streams", 100, "[API] ListStreams"),
  onDemandShardsAtStart: limit("bound", "shards", 4, "recorded: an on-demand stream starts with 4 shards"),
  channelFreshnessSecondsMin: limit(
    "bound",
    "seconds",
    300,
    "[guide] channels: DataFreshnessInSeconds 300 to 900",
  ),
  channelFreshnessSecondsMax: limit(
    "bound",
    "seconds",
    900,
    "[guide] channels: DataFreshnessInSeconds 300 to 900",
  ),
  policyBytesMax: limit(
    "bound",
    "bytes of a resource policy",
    20_480,
    "unverified: 20 KB, as other services have it",
  ),
  commitmentMsMin: limit(
    "bound",
    "milliseconds",
    86_400_000,
    "[API] MinimumThroughputBillingCommitmentInput: 24 hours",
  ),
  tagsPerResource: limit("bound", "tags", 50, "[quotas] 50 tags per resource"),
});

export type LimitName = keyof typeof limits;

/** The limits in force, by name. A lifted one is `Infinity`. */
export type Limits = Readonly<Record<LimitName, number>>;

export interface LimitOptions {
  /** `aws` enforces every limit as the service does; `off` lifts rates and quotas. Default `aws`. */
  readonly mode?: "aws" | "off";
  /** Other values for rates and quotas, whatever the mode. */
  readonly overrides?: Readonly<Partial<Record<LimitName, number>>>;
  /** Other call rates for operations, whatever the mode: calls per second, per account or stream as before. */
  readonly callsPerSecond?: Readonly<Record<string, number>>;
}

/** @throws {RangeError} for an override that is no limit, is a bound, or is not a positive number. */
export function limitsInForce({ mode = "aws", overrides = {} }: LimitOptions): Limits {
  const inForce = {} as Record<LimitName, number>;
  for (const [name, { kind, default: value }] of entriesOf(limits)) {
    inForce[name] = mode === "off" && kind !== "bound" ? Infinity : value;
  }
  for (const [name, value] of entriesOf(overrides)) {
    const known = limits[name] as Limit | undefined;
    if (known === undefined) throw new RangeError(`there is no limit named ${name}`);
    if (known.kind === "bound") throw new RangeError(`${name} is part of the contract and cannot be changed`);
    if (!(value! > 0)) throw new RangeError(`${name} must be above 0, not ${value}`);
    inForce[name] = value!;
  }
  return Object.freeze(inForce);
}

const LARGE_REGIONS = new Set(["us-east-1", "us-west-2", "eu-west-1"]);

/** How many open shards an account may have in a region. */
export function shardsPerAccount(inForce: Limits, region: string): number {
  return LARGE_REGIONS.has(region) ? inForce.shardsPerAccountInLargeRegions : inForce.shardsPerAccount;
}

/** How many open shards an on-demand stream may grow to in a region. */
export function onDemandShardsMax(inForce: Limits, region: string): number {
  return LARGE_REGIONS.has(region) ? inForce.onDemandShardsInLargeRegions : inForce.onDemandShards;
}

function entriesOf<Key extends string, Value>(record: Readonly<Partial<Record<Key, Value>>>): [Key, Value][] {
  return Object.entries(record) as [Key, Value][];
}

/** How often an operation may be called: per account and region, or per stream. */
export interface CallRate {
  readonly perSecond: number;
  readonly scope: "account" | "stream";
}

/** An operation whose calls are not counted as such. */
export interface NoCallRate {
  readonly scope: "none";
  readonly reason: string;
}

const perAccount = (perSecond: number): CallRate => ({ perSecond, scope: "account" });
const perStream = (perSecond: number): CallRate => ({ perSecond, scope: "stream" });
const none = (reason: string): NoCallRate => ({ scope: "none", reason });

const BY_SHARD = "the rates of the shard hold instead";
const UNKNOWN = "the service publishes none";

/** Every operation has a line here, or this does not compile. Source: [quotas]. */
export const callRates: Readonly<Record<keyof (typeof kinesis)["operations"], CallRate | NoCallRate>> =
  Object.freeze({
    AddTagsToStream: perAccount(5),
    CreateChannel: perAccount(5),
    CreateStream: perAccount(5),
    DecreaseStreamRetentionPeriod: perStream(5),
    DeleteChannel: perAccount(5),
    DeleteResourcePolicy: perAccount(5),
    DeleteStream: perAccount(5),
    DeregisterStreamConsumer: perStream(5),
    DescribeAccountSettings: perAccount(5),
    DescribeChannel: perAccount(5),
    DescribeLimits: perAccount(1),
    DescribeStream: perAccount(10),
    DescribeStreamConsumer: perStream(20),
    DescribeStreamSummary: perAccount(20),
    DisableEnhancedMonitoring: perStream(5),
    EnableEnhancedMonitoring: perStream(5),
    GetRecords: none(BY_SHARD),
    GetResourcePolicy: perAccount(5),
    GetShardIterator: none(BY_SHARD),
    IncreaseStreamRetentionPeriod: perStream(5),
    ListChannels: perAccount(5),
    ListShards: perStream(1_000),
    ListStreamConsumers: perStream(5),
    ListStreams: perAccount(5),
    ListTagsForResource: none(UNKNOWN),
    ListTagsForStream: perStream(5),
    // The quotas page says per stream, the API reference of both operations per account.
    MergeShards: perAccount(5),
    PutRecord: none(BY_SHARD),
    PutRecords: none(BY_SHARD),
    PutResourcePolicy: perAccount(5),
    RegisterStreamConsumer: perStream(5),
    RemoveTagsFromStream: perStream(5),
    SplitShard: perAccount(5),
    StartStreamEncryption: none("25 in 24 hours: encryptionStartsPerDay"),
    StopStreamEncryption: none("25 in 24 hours: encryptionStopsPerDay"),
    SubscribeToShard: none("one call per second, consumer and shard holds instead"),
    TagResource: none(UNKNOWN),
    UntagResource: none(UNKNOWN),
    UpdateAccountSettings: perAccount(5),
    UpdateChannel: perAccount(5),
    UpdateMaxRecordSize: none(UNKNOWN),
    UpdateShardCount: perAccount(10),
    UpdateStreamMode: none("2 in 24 hours: streamModeUpdatesPerDay"),
    UpdateStreamRecordDistributionStrategy: none(UNKNOWN),
    UpdateStreamWarmThroughput: perAccount(5),
  });

/** The call rates in force, by operation. @throws {RangeError} for an operation without a rate, or no positive number. */
export function callRatesInForce({
  mode = "aws",
  callsPerSecond = {},
}: LimitOptions): Readonly<Record<string, CallRate>> {
  const inForce: Record<string, CallRate> = {};
  for (const [operation, rate] of entriesOf<string, CallRate | NoCallRate>(callRates)) {
    if (mode !== "off" && rate.scope !== "none") inForce[operation] = rate;
  }
  for (const [operation, perSecond] of Object.entries(callsPerSecond)) {
    const rate = (callRates as Readonly<Record<string, CallRate | NoCallRate>>)[operation];
    if (rate === undefined || rate.scope === "none") throw new RangeError(`${operation} has no call rate`);
    if (!(perSecond > 0))
      throw new RangeError(`the call rate of ${operation} must be above 0, not ${perSecond}`);
    inForce[operation] = { ...rate, perSecond };
  }
  return inForce;
}
