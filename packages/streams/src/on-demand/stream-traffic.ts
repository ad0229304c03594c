/** What was written to an on-demand stream: to the whole of it, and to each open shard. */
import type { HashKeyHex, HashKeyRange } from "@millrace/model";
import { ancestorsOf, sizeOf } from "@millrace/model";
import type { Random } from "@millrace/runtime";
import type { Shard } from "../catalog/shard.ts";
import type { Stream } from "../catalog/stream.ts";
import { HashKeySketch } from "./hash-key-sketch.ts";
import type { Rate, StoredHistory } from "./traffic-history.ts";
import { addRates, NO_TRAFFIC, TrafficHistory } from "./traffic-history.ts";

/** Traffic of one shard as it goes from one process to another. */
export interface SeenTraffic {
  readonly bytes: number;
  readonly records: number;
  /** A fair sample of the places of its bytes. */
  readonly samples: readonly HashKeyHex[];
}

/** The traffic of one shard. */
export class ShardTraffic {
  readonly shard: Shard;
  readonly sketch: HashKeySketch;
  readonly history: TrafficHistory;
  /** The rate of the last minute that has ended. */
  rate: Rate = NO_TRAFFIC;
  /** Changed since it was stored. */
  isDirty = false;
  #bytes = 0;
  #records = 0;

  constructor(shard: Shard, random: Random, stored?: StoredHistory) {
    this.shard = shard;
    this.sketch = new HashKeySketch(random);
    this.history = new TrafficHistory(stored);
  }

  /** One record became durable. `hashKey` is undefined when the service chose the place. */
  note(hashKey: HashKeyHex | undefined, sizeBytes: number): void {
    this.#bytes += sizeBytes;
    this.#records += 1;
    if (hashKey !== undefined) this.sketch.note(hashKey, sizeBytes);
  }

  /** Traffic that another process has seen: the samples stand for the places of all its bytes. */
  add({ bytes, records, samples }: SeenTraffic): void {
    this.#bytes += bytes;
    this.#records += records;
    for (const hashKey of samples) this.sketch.note(hashKey, Math.ceil(bytes / samples.length));
  }

  /** Takes what was seen since the last minute ended; undefined when that is nothing. */
  take(): SeenTraffic | undefined {
    if (this.#records === 0) return undefined;
    const seen = { bytes: this.#bytes, records: this.#records, samples: this.sketch.takeSamples() };
    this.#bytes = 0;
    this.#records = 0;
    return seen;
  }

  /** Ends a minute, which lasted `seconds`. */
  endMinute(nowMs: number, seconds: number): void {
    const hadTraffic = this.#records > 0;
    this.rate = hadTraffic
      ? { bytesPerSecond: this.#bytes / seconds, recordsPerSecond: this.#records / seconds }
      : NO_TRAFFIC;
    this.#bytes = 0;
    this.#records = 0;
    if (!hadTraffic) return;
    this.sketch.endMinute();
    this.history.note(nowMs, this.rate);
    this.isDirty = true;
  }
}

/** What is stored of a stream's traffic, beside that of its shards. */
export interface StoredStreamTraffic {
  /** Since when it has been watched; what was before is not known. */
  readonly sinceMs: number;
  readonly history: StoredHistory;
  /** The warm throughput that was seen last: lowering it starts a scale-down. */
  readonly warmMiBps: number;
  /** A scale-down that follows a lowered warm throughput is not done. */
  readonly isShrinking: boolean;
  /** When the stream last lost shards because it had not needed them for long. */
  readonly shrunkMs: number;
}

export class StreamTraffic {
  readonly stream: Stream;
  readonly history: TrafficHistory;
  readonly sinceMs: number;
  warmMiBps: number;
  isShrinking: boolean;
  shrunkMs: number;
  /** Changed since it was stored. */
  isDirty: boolean;
  /** When it was stored last. */
  storedMs: number;
  readonly #random: Random;
  readonly #shards = new Map<number, ShardTraffic>();
  #minuteBeganMs: number;

  constructor(stream: Stream, random: Random, nowMs: number, stored?: StoredStreamTraffic) {
    this.stream = stream;
    this.#random = random;
    this.history = new TrafficHistory(stored?.history);
    this.sinceMs = stored?.sinceMs ?? nowMs;
    this.warmMiBps = stored?.warmMiBps ?? stream.header.warmThroughputMiBps ?? 0;
    this.isShrinking = stored?.isShrinking ?? false;
    this.shrunkMs = stored?.shrunkMs ?? 0;
    this.isDirty = stored === undefined;
    this.storedMs = nowMs;
    this.#minuteBeganMs = nowMs;
  }

  /** What was stored of a shard. */
  restore(shard: Shard, stored: StoredHistory): void {
    this.#shards.set(shard.shardIndex, new ShardTraffic(shard, this.#random, stored));
  }

  of(shard: Shard): ShardTraffic {
    return this.#shards.get(shard.shardIndex) ?? this.#adopt(shard);
  }

  shards(): IterableIterator<ShardTraffic> {
    return this.#shards.values();
  }

  /**
   * Ends a minute: takes up its rates, and lets go of shards that have closed since. Returns these; false when
   * too little time has passed to tell a rate.
   */
  endMinute(nowMs: number): readonly ShardTraffic[] | false {
    const seconds = (nowMs - this.#minuteBeganMs) / 1_000;
    if (seconds < 1) return false;
    this.#minuteBeganMs = nowMs;
    let total = NO_TRAFFIC;
    for (const traffic of this.#shards.values()) {
      traffic.endMinute(nowMs, seconds);
      total = addRates(total, traffic.rate);
    }
    if (total.recordsPerSecond > 0) {
      this.history.note(nowMs, total);
      this.isDirty = true;
    }
    for (const shard of this.stream.openShards()) this.of(shard);
    const closed: ShardTraffic[] = [];
    for (const [shardIndex, traffic] of this.#shards) {
      if (this.stream.shard(shardIndex)?.isOpen === true) continue;
      this.#shards.delete(shardIndex);
      closed.push(traffic);
    }
    return closed;
  }

  toStored(): StoredStreamTraffic {
    const { sinceMs, warmMiBps, isShrinking, shrunkMs } = this;
    return { sinceMs, history: this.history.toStored(), warmMiBps, isShrinking, shrunkMs };
  }

  /** A shard that opened takes over what its nearest known ancestors had, for the part of the ring that is its own. */
  #adopt(shard: Shard): ShardTraffic {
    const traffic = new ShardTraffic(shard, this.#random);
    const covered = new Set<number>();
    for (const ancestor of ancestorsOf(shard, (shardIndex) => this.stream.shard(shardIndex))) {
      const known = this.#shards.get(ancestor.shardIndex);
      if (known === undefined || covered.has(ancestor.shardIndex)) continue;
      const part = overlap(shard.hashKeyRange, ancestor.hashKeyRange);
      if (part === undefined) continue;
      traffic.history.add(known.history, known.sketch.shareOf(part) ?? ratio(part, ancestor.hashKeyRange));
      traffic.isDirty = true;
      // What came before a known ancestor is in its history already.
      for (const older of ancestorsOf(ancestor, (shardIndex) => this.stream.shard(shardIndex))) {
        covered.add(older.shardIndex);
      }
    }
    this.#shards.set(shard.shardIndex, traffic);
    return traffic;
  }
}

function overlap(one: HashKeyRange, other: HashKeyRange): HashKeyRange | undefined {
  const startingHashKey =
    one.startingHashKey > other.startingHashKey ? one.startingHashKey : other.startingHashKey;
  const endingHashKey = one.endingHashKey < other.endingHashKey ? one.endingHashKey : other.endingHashKey;
  return startingHashKey > endingHashKey ? undefined : { startingHashKey, endingHashKey };
}

function ratio(part: HashKeyRange, whole: HashKeyRange): number {
  return Number(sizeOf(part)) / Number(sizeOf(whole));
}
