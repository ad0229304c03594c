import { ServiceError } from "@millrace/api";
import type { CallOptions, KinesisClient } from "@millrace/client";
import {
  contains,
  HashKeyColumn,
  hashKeyHex,
  hashKeyOf,
  type HashKey,
  type HashKeyRange,
  parseHashKey,
} from "@millrace/model";
import type { Clock } from "@millrace/runtime";

/** How a call names a stream. */
export type StreamAddress = { readonly StreamName: string } | { readonly StreamARN: string };

/** A stream as it was when somebody looked last. */
export interface StreamView {
  /** Counts up with every look. */
  readonly number: number;
  readonly loadedMs: number;
  /** Record distribution AUTO: the service ignores keys, so no shard can be foretold and nothing is aggregated. */
  readonly isAutomatic: boolean;
  /** Bytes of key and data together; undefined when the producer may not ask for it. */
  readonly recordSizeBytesMax: number | undefined;
  /** The open shards; undefined when they cannot be foretold. */
  readonly shards: ShardRing | undefined;
}

/** Where a record belongs on the ring. */
export interface KeyedRecord {
  readonly partitionKey: string;
  readonly explicitHashKey: string | undefined;
}

/** The place of a record, as a number. */
export function hashKeyOfRecord({ partitionKey, explicitHashKey }: KeyedRecord): HashKey {
  if (explicitHashKey !== undefined) {
    const hashKey = parseHashKey(explicitHashKey);
    if (hashKey !== undefined) return hashKey;
  }
  return hashKeyOf(Buffer.from(partitionKey, "utf8"));
}

/** UTF-8 of a partition key: at most 256 characters of three bytes, or pairs of four. */
const keyBytes = Buffer.allocUnsafeSlow(1024);
const place = new HashKeyColumn(1);

/** The open shards by their ranges: finds the one of a record without allocating anything. */
export class ShardRing {
  readonly shardIds: readonly string[];
  readonly #starts: HashKeyColumn;
  readonly #ends: HashKeyColumn;

  constructor(shards: readonly { readonly shardId: string; readonly range: HashKeyRange }[]) {
    const sorted = shards.toSorted((one, other) =>
      one.range.startingHashKey < other.range.startingHashKey ? -1 : 1,
    );
    this.shardIds = sorted.map(({ shardId }) => shardId);
    this.#starts = new HashKeyColumn(sorted.length);
    this.#ends = new HashKeyColumn(sorted.length);
    for (const [index, { range }] of sorted.entries()) {
      this.#starts.set(index, hashKeyHex(range.startingHashKey));
      this.#ends.set(index, hashKeyHex(range.endingHashKey));
    }
  }

  /** The index in {@link shardIds} of the shard that takes the record; -1 when none is known. */
  find({ partitionKey, explicitHashKey }: KeyedRecord): number {
    if (explicitHashKey === undefined) {
      place.place(0, keyBytes, 0, writeKey(partitionKey));
    } else {
      place.set(0, hashKeyHex(parseHashKey(explicitHashKey) ?? 0n));
    }
    let low = 0;
    let high = this.shardIds.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#starts.isAbove(middle, place, 0)) high = middle;
      else low = middle + 1;
    }
    const index = low - 1;
    return index >= 0 && !place.isAbove(0, this.#ends, index) ? index : -1;
  }

  /** Whether both hold the same shards. */
  equals(other: ShardRing): boolean {
    return (
      this.shardIds.length === other.shardIds.length &&
      this.shardIds.every((shardId, index) => shardId === other.shardIds[index])
    );
  }
}

function writeKey(partitionKey: string): number {
  const { length } = partitionKey;
  for (let at = 0; at < length; at += 1) {
    const code = partitionKey.charCodeAt(at);
    if (code > 0x7f) return keyBytes.write(partitionKey, 0, "utf8");
    keyBytes[at] = code;
  }
  return length;
}

/** Looks that follow one another are at least this far apart, whatever asks for them. */
const LOOKS_APART_MS = 500;

/** Looks at a stream when somebody asks, and remembers the ranges of shards that it saw. */
export class StreamObserver {
  readonly #client: KinesisClient;
  readonly #address: StreamAddress;
  readonly #clock: Clock;
  readonly #callOptions: CallOptions;
  readonly #ranges = new Map<string, HashKeyRange>();
  #latest: StreamView | undefined;
  #loading: Promise<StreamView> | undefined;
  #lookedMs = -Infinity;

  constructor(client: KinesisClient, address: StreamAddress, clock: Clock, callOptions: CallOptions) {
    this.#client = client;
    this.#address = address;
    this.#clock = clock;
    this.#callOptions = callOptions;
  }

  /** What was seen last. */
  get latest(): StreamView | undefined {
    return this.#latest;
  }

  get isLooking(): boolean {
    return this.#loading !== undefined;
  }

  /** Looks again; one look serves all who ask while it lasts. Rejects with what ListShards or DescribeStreamSummary did. */
  look(): Promise<StreamView> {
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  /**
   * The range of a shard, open or closed; undefined when the service does not tell it. Looks at all shards when it
   * is none that was seen.
   */
  async rangeOf(shardId: string): Promise<HashKeyRange | undefined> {
    if (!this.#ranges.has(shardId)) await this.#listShards("every retained one");
    return this.#ranges.get(shardId);
  }

  async #load(): Promise<StreamView> {
    const sinceMs = this.#clock.monotonicMs() - this.#lookedMs;
    if (sinceMs < LOOKS_APART_MS) await this.#clock.sleep(LOOKS_APART_MS - sinceMs);
    this.#lookedMs = this.#clock.monotonicMs();
    const summary = (await unlessDenied(this.#client.describeStreamSummary(this.#address, this.#callOptions)))
      ?.StreamDescriptionSummary;
    const isAutomatic = summary?.RecordDistributionStrategy === "AUTO";
    const shards = isAutomatic ? undefined : await unlessDenied(this.#listShards("open ones"));
    const recordSizeKiB = summary?.MaxRecordSizeInKiB;
    this.#latest = {
      number: (this.#latest?.number ?? 0) + 1,
      loadedMs: this.#clock.monotonicMs(),
      isAutomatic,
      recordSizeBytesMax: recordSizeKiB === undefined ? undefined : recordSizeKiB * 1024,
      shards: shards === undefined || shards.length === 0 ? undefined : new ShardRing(shards),
    };
    return this.#latest;
  }

  async #listShards(which: "open ones" | "every retained one") {
    const shards: { shardId: string; range: HashKeyRange }[] = [];
    let nextToken: string | undefined;
    do {
      const first =
        which === "open ones"
          ? { ...this.#address, ShardFilter: { Type: "AT_LATEST" as const }, MaxResults: 1_000 }
          : { ...this.#address, MaxResults: 1_000 };
      const page = await this.#client.listShards(
        nextToken === undefined ? first : { NextToken: nextToken, MaxResults: 1_000 },
        this.#callOptions,
      );
      for (const { ShardId, HashKeyRange: range } of page.Shards ?? []) {
        const known = {
          startingHashKey: BigInt(range.StartingHashKey),
          endingHashKey: BigInt(range.EndingHashKey),
        };
        this.#ranges.set(ShardId, known);
        shards.push({ shardId: ShardId, range: known });
      }
      nextToken = page.NextToken;
    } while (nextToken !== undefined);
    return shards;
  }
}

/** Whether consumers of a shard with this range keep a user record. */
export function belongsTo(range: HashKeyRange, record: KeyedRecord): boolean {
  return contains(range, hashKeyOfRecord(record));
}

/** Who may only put is not told the shards, and puts without foretelling them. */
async function unlessDenied<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (failure) {
    if (failure instanceof ServiceError && failure.code === "AccessDeniedException") return undefined;
    throw failure;
  }
}
