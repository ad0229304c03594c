/** Which stream and which shards a call is about, so that faults can be aimed. */
import type { KinesisRecordToPut, ListShardsHandler } from "./faults.ts";
import { contains, hashKeyOf, parseArn, parseHashKey } from "@millrace/model";
import type { Caller } from "@millrace/wire";

export interface CallPlace {
  readonly stream: string | undefined;
  readonly shardId: string | undefined;
}

type Members = Readonly<Record<string, unknown>>;

/** Iterators say nothing by themselves, so the ones that were given out are remembered, the newest of them. */
const REMEMBERED_ITERATORS_MAX = 20_000;

export class CallPlaces {
  readonly #iterators = new Map<string, CallPlace>();

  /** What the members of a request tell. */
  of(input: Members): CallPlace {
    const iterator = text(input["ShardIterator"]);
    const known = iterator === undefined ? undefined : this.#iterators.get(iterator);
    return {
      stream: streamOf(input) ?? known?.stream,
      shardId:
        text(input["ShardId"]) ??
        text(input["ShardToSplit"]) ??
        text(input["ShardToMerge"]) ??
        known?.shardId,
    };
  }

  /** Remembers the iterators that an answer gives out. */
  learn(place: CallPlace, output: unknown): void {
    const { ShardIterator, NextShardIterator } = (output ?? {}) as Members;
    const iterator = text(ShardIterator) ?? text(NextShardIterator);
    if (iterator === undefined) return;
    this.#iterators.set(iterator, place);
    if (this.#iterators.size > REMEMBERED_ITERATORS_MAX) {
      this.#iterators.delete(this.#iterators.keys().next().value!);
    }
  }
}

/** The shard that each record would go to now; undefined where there is none. */
export async function shardsOfRecords(
  caller: Caller,
  input: Members,
  records: readonly KinesisRecordToPut[],
  listShards: ListShardsHandler,
): Promise<(string | undefined)[]> {
  const { StreamName, StreamARN } = input;
  const shards: { shardId: string; startingHashKey: bigint; endingHashKey: bigint }[] = [];
  let page: Members = { StreamName, StreamARN, ShardFilter: { Type: "AT_LATEST" } };
  for (;;) {
    const answer = await listShards(caller, page);
    for (const { ShardId, HashKeyRange } of answer.Shards ?? []) {
      shards.push({
        shardId: ShardId,
        startingHashKey: BigInt(HashKeyRange.StartingHashKey),
        endingHashKey: BigInt(HashKeyRange.EndingHashKey),
      });
    }
    if (answer.NextToken === undefined) break;
    page = { NextToken: answer.NextToken };
  }
  return records.map(({ ExplicitHashKey, PartitionKey }) => {
    const hashKey =
      ExplicitHashKey === undefined
        ? hashKeyOf(Buffer.from(PartitionKey ?? "", "utf8"))
        : parseHashKey(ExplicitHashKey);
    return hashKey === undefined ? undefined : shards.find((range) => contains(range, hashKey))?.shardId;
  });
}

function streamOf(input: Members): string | undefined {
  const name = text(input["StreamName"]);
  if (name !== undefined) return name;
  const arnText = text(input["StreamARN"]) ?? text(input["ConsumerARN"]) ?? text(input["ResourceARN"]);
  const arn = arnText === undefined ? undefined : parseArn(arnText);
  return arn === undefined || arn.kind === "channel" ? undefined : arn.streamName;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
