import { ServiceError } from "@millrace/api";
import type { KinesisClient } from "@millrace/client";
import { hashKeyHex, type HashKeyHex, hashKeyHexOf } from "@millrace/model";
import type { Clock, Random } from "@millrace/runtime";
import { isOpen, listShards } from "../reading/read-stream.ts";
import { ShardPace } from "./shard-pace.ts";

/** What is to be written to one shard. */
export interface Lane {
  readonly pace: ShardPace;
  /** Keys with something to send and nothing in flight, longest waiting first. */
  readonly ready: Set<string>;
}

/** Answers of services and of accounts that do not let us list shards. */
const NOT_TOLD = new Set(["AccessDeniedException", "LimitExceededException", "UnknownOperationException"]);

/**
 * The open shards of a stream as lanes, by the ranges of hash keys. Where listing shards is not allowed there is
 * one lane, and answers tell for how many shards it stands.
 */
export class ShardLanes {
  readonly #client: Pick<KinesisClient, "listShards">;
  readonly #streamName: string;
  readonly #outside: { readonly clock: Clock; readonly random: Random };
  readonly #byShard = new Map<string, Lane>();
  /** Ascending by the first hash key; they tile the ring. */
  #open: readonly { readonly startingHashKey: HashKeyHex; readonly lane: Lane }[] = [];
  #only: Lane | undefined;
  readonly #seenShards = new Set<string>();
  #turn = 0;
  #areOutdated = false;

  constructor(
    client: Pick<KinesisClient, "listShards">,
    streamName: string,
    outside: { readonly clock: Clock; readonly random: Random },
  ) {
    this.#client = client;
    this.#streamName = streamName;
    this.#outside = outside;
  }

  get areKnown(): boolean {
    return this.#open.length > 0;
  }

  /** True when a record was stored in a shard that we do not know. */
  get areOutdated(): boolean {
    return this.#areOutdated;
  }

  async find(): Promise<void> {
    this.#areOutdated = false;
    let shards;
    try {
      shards = (await listShards(this.#client, this.#streamName)).filter(isOpen);
    } catch (failure) {
      if (!(failure instanceof ServiceError) || !NOT_TOLD.has(failure.code)) throw failure;
    }
    if (shards === undefined || shards.length === 0) {
      this.#only = this.#only ?? this.#newLane();
      this.#open = [{ startingHashKey: hashKeyHex(0n), lane: this.#only }];
      return;
    }
    this.#only = undefined;
    this.#open = shards
      .map(({ ShardId, HashKeyRange }) => ({
        startingHashKey: hashKeyHex(BigInt(HashKeyRange.StartingHashKey)),
        lane: this.#laneOfShard(ShardId),
      }))
      .toSorted((one, other) => (one.startingHashKey < other.startingHashKey ? -1 : 1));
  }

  /** The lane of a partition key. */
  of(key: string): Lane {
    const hashKey = hashKeyHexOf(key);
    let [low, high] = [0, this.#open.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#open[middle]!.startingHashKey <= hashKey) low = middle;
      else high = middle - 1;
    }
    return this.#open[low]!.lane;
  }

  /** A record was stored in this shard. */
  seen(shardId: string): void {
    if (this.#only === undefined) {
      this.#areOutdated ||= !this.#byShard.has(shardId);
      return;
    }
    this.#seenShards.add(shardId);
    this.#only.pace.shardCount = this.#seenShards.size;
  }

  /** All lanes, each time beginning with another, so that none is starved. */
  *inTurn(): Generator<Lane> {
    this.#turn = (this.#turn + 1) % Math.max(1, this.#open.length);
    for (let at = 0; at < this.#open.length; at += 1) {
      yield this.#open[(this.#turn + at) % this.#open.length]!.lane;
    }
  }

  /** Milliseconds until some lane that has something may send it; Infinity when an answer has to come first. */
  delayMs(): number {
    let delayMs = Infinity;
    for (const { lane } of this.#open) {
      if (lane.ready.size > 0) delayMs = Math.min(delayMs, lane.pace.delayMs());
    }
    return delayMs;
  }

  #laneOfShard(shardId: string): Lane {
    const known = this.#byShard.get(shardId) ?? this.#newLane();
    this.#byShard.set(shardId, known);
    return known;
  }

  #newLane(): Lane {
    return { pace: new ShardPace(this.#outside.clock, this.#outside.random), ready: new Set() };
  }
}
