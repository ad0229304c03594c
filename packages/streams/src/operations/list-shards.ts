import type { InputOf } from "@millrace/api";
import { ListShards } from "@millrace/api";
import { isOpen, isOpenAtOrAfter, parseShardId, wasOpenAt } from "@millrace/model";
import type { Failure } from "@millrace/wire";
import type { Shard } from "../catalog/shard.ts";
import type { Stream } from "../catalog/stream.ts";
import { shardDescription } from "../describe.ts";
import { findStream, requireActive } from "../find-stream.ts";
import { handle } from "../handler.ts";
import { nextToken, readNextToken } from "../next-token.ts";

/** Which shards a listing gives. Resolved from the request once: later pages see the same times. */
interface Filter {
  readonly kind: "all" | "open" | "openAt" | "openAtOrAfter";
  readonly timeMs: number;
}

/** Where the next page of ListShards begins, and of which stream. */
interface Page {
  readonly incarnation: string;
  readonly afterIndex: number;
  readonly filter: Filter;
}

/** Lists the shards of a stream, page by page, as they are or as they were at a time. */
export const listShards = handle(
  ListShards,
  async (context, input, { caller, failure, nowMs, about }) => {
    refuseMixedInput(input, failure);
    let stream: Stream;
    let page: Page;
    if (input.NextToken === undefined) {
      stream = findStream(context, input, caller, failure);
      refuseOtherCreation(stream, input.StreamCreationTimestamp, failure);
      page = firstPage(stream, input, nowMs, failure);
    } else {
      page = readNextToken<Page>(context, ListShards.name, input.NextToken, nowMs, failure);
      const found = context.catalog.findByIncarnation(page.incarnation);
      if (found === undefined) {
        throw failure("ResourceNotFoundException", "The stream of this NextToken does not exist any more.");
      }
      await about(found);
      stream = found;
    }
    if (!stream.isServing) requireActive(stream, failure);

    const { listShardsMax } = context.limits;
    const limit = Math.min(input.MaxResults ?? listShardsMax, listShardsMax);
    const shards: Shard[] = [];
    let hasMore = false;
    for (const shard of stream.shardsAfter(page.afterIndex, nowMs)) {
      if (!matches(page.filter, shard)) continue;
      hasMore = shards.length === limit;
      if (hasMore) break;
      shards.push(shard);
    }
    const last = shards.at(-1);
    return {
      Shards: shards.map((shard) => shardDescription(context.engine, shard)),
      ...(hasMore && last !== undefined
        ? {
            NextToken: nextToken<Page>(
              context,
              ListShards.name,
              { ...page, afterIndex: last.shardIndex },
              nowMs,
            ),
          }
        : {}),
    };
  },
  { byToken: true },
);

type Input = InputOf<typeof ListShards>;
type ListFailure = Failure<typeof ListShards>;

/** A token stands for everything that the first request said, so nothing of it may be said again. */
function refuseMixedInput(input: Input, failure: ListFailure): void {
  const { NextToken, StreamName, StreamARN } = input;
  if (NextToken === undefined) {
    if (StreamName !== undefined || StreamARN !== undefined) return;
    throw failure("InvalidArgumentException", "Either NextToken or StreamName should be provided.");
  }
  for (const member of [
    "StreamName",
    "StreamARN",
    "StreamCreationTimestamp",
    "ExclusiveStartShardId",
    "ShardFilter",
  ] as const) {
    if (input[member] === undefined) continue;
    throw failure("InvalidArgumentException", `NextToken and ${member} cannot be provided together.`);
  }
}

function refuseOtherCreation(stream: Stream, createdMs: number | undefined, failure: ListFailure): void {
  if (createdMs === undefined) return;
  // Clients keep timestamps in seconds or in milliseconds, so the second decides.
  if (Math.floor(createdMs / 1_000) === Math.floor(stream.header.createdMs / 1_000)) return;
  throw failure(
    "ResourceNotFoundException",
    `Stream ${stream.name} under account ${stream.accountId} with this creation timestamp not found.`,
  );
}

function firstPage(stream: Stream, input: Input, nowMs: number, failure: ListFailure): Page {
  const { incarnation } = stream.header;
  const afterIndexes = [-1];
  if (input.ExclusiveStartShardId !== undefined) {
    afterIndexes.push(indexOf(stream, input.ExclusiveStartShardId, failure));
  }
  const { Type = "FROM_TRIM_HORIZON", ShardId, Timestamp } = input.ShardFilter ?? {};
  if (Type === "AFTER_SHARD_ID") {
    if (ShardId === undefined) {
      throw failure(
        "InvalidArgumentException",
        "ShardId must be provided for a ShardFilter of type AFTER_SHARD_ID.",
      );
    }
    afterIndexes.push(indexOf(stream, ShardId, failure));
  }
  return {
    incarnation,
    afterIndex: Math.max(...afterIndexes),
    filter: filterOf(stream, Type, Timestamp, nowMs, failure),
  };
}

function filterOf(
  stream: Stream,
  type: NonNullable<Input["ShardFilter"]>["Type"],
  timestampMs: number | undefined,
  nowMs: number,
  failure: ListFailure,
): Filter {
  // No record is older than these, so no earlier time tells shards apart.
  const trimHorizonMs = Math.max(stream.horizonMs(nowMs), stream.header.createdMs);
  if (type === "AT_TIMESTAMP" || type === "FROM_TIMESTAMP") {
    if (timestampMs === undefined) {
      throw failure(
        "InvalidArgumentException",
        `Timestamp must be provided for a ShardFilter of type ${type}.`,
      );
    }
    const timeMs = Math.max(timestampMs, trimHorizonMs);
    return { kind: type === "AT_TIMESTAMP" ? "openAt" : "openAtOrAfter", timeMs };
  }
  switch (type) {
    case "AT_LATEST":
      return { kind: "open", timeMs: nowMs };
    case "AT_TRIM_HORIZON":
      return { kind: "openAt", timeMs: trimHorizonMs };
    case "FROM_TRIM_HORIZON":
    case "AFTER_SHARD_ID":
      return { kind: "all", timeMs: nowMs };
  }
}

function matches({ kind, timeMs }: Filter, shard: Shard): boolean {
  switch (kind) {
    case "all":
      return true;
    case "open":
      return isOpen(shard);
    case "openAt":
      return wasOpenAt(shard, timeMs);
    case "openAtOrAfter":
      return isOpenAtOrAfter(shard, timeMs);
  }
}

function indexOf(stream: Stream, shardId: string, failure: ListFailure): number {
  const index = parseShardId(shardId);
  if (index !== undefined) return index;
  throw failure(
    "ResourceNotFoundException",
    `Could not find shard ${shardId} in stream ${stream.name} under account ${stream.accountId}.`,
  );
}
