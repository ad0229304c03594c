/** Where a reader starts: the five kinds of starting positions, resolved to a position when they are made. */
import type { ServiceError } from "@millrace/api";
import type { ShardPosition } from "@millrace/model";
import { formatShardId, parseSequenceNumber } from "@millrace/model";
import type { Shard } from "../catalog/shard.ts";
import type { Stream } from "../catalog/stream.ts";
import type { StreamsContext } from "../context.ts";
import { isImportedNumber, positionOfImported } from "../import/imported-numbers.ts";
import { FIRST_POSITION } from "./read.ts";

export type StartingPosition =
  | { readonly type: "AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER"; readonly sequenceNumber: string }
  | { readonly type: "TRIM_HORIZON" | "LATEST" }
  | { readonly type: "AT_TIMESTAMP"; readonly timestampMs: number };

type PositionFailure = (code: "InvalidArgumentException", message: string) => ServiceError;

/**
 * The position in a shard that a reader asks for. A time or number before the oldest readable record is
 * that record's.
 *
 * `operation` stands in messages about numbers. @throws what `failure` makes for a number that did not come
 * from this shard, and for a time in the future.
 */
export async function startingPosition(
  context: StreamsContext,
  stream: Stream,
  shard: Shard,
  asked: StartingPosition,
  operation: string,
  failure: PositionFailure,
): Promise<ShardPosition> {
  const { engine } = context;
  // A time and the horizon need not know of what came a moment ago; a number may be of it.
  await engine.refresh?.(
    shard.logId,
    asked.type === "TRIM_HORIZON" || asked.type === "AT_TIMESTAMP" ? "recent" : "newest",
  );
  const bounds = engine.describe(shard.logId);
  switch (asked.type) {
    case "TRIM_HORIZON":
      return { entryIndex: bounds?.trimIndex ?? 1, recordIndex: 0 };
    case "LATEST":
      return { entryIndex: bounds?.nextIndex ?? 1, recordIndex: 0 };
    case "AT_TIMESTAMP": {
      const nowMs = context.clock.nowMs();
      if (asked.timestampMs > nowMs) {
        throw failure(
          "InvalidArgumentException",
          "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. " +
            `timestampInMillis: ${Math.round(asked.timestampMs)}, currentTimestampInMillis: ${Math.floor(nowMs)}`,
        );
      }
      return { entryIndex: await engine.seek(shard.logId, asked.timestampMs), recordIndex: 0 };
    }
    case "AT_SEQUENCE_NUMBER":
    case "AFTER_SEQUENCE_NUMBER": {
      if (isImportedNumber(shard, asked.sequenceNumber)) {
        const number = BigInt(asked.sequenceNumber);
        return positionOfImported(engine, shard, asked.type === "AT_SEQUENCE_NUMBER" ? number : number + 1n);
      }
      const { entryIndex, recordIndex } = readSequenceNumber(
        stream,
        shard,
        asked.sequenceNumber,
        operation,
        failure,
      );
      if (entryIndex > (bounds?.nextIndex ?? 1)) {
        throw failure(
          "InvalidArgumentException",
          `${sequenceNumberUse(stream, shard, asked.sequenceNumber, operation)} is invalid.`,
        );
      }
      if (entryIndex === 0) return FIRST_POSITION;
      return { entryIndex, recordIndex: asked.type === "AT_SEQUENCE_NUMBER" ? recordIndex : recordIndex + 1 };
    }
  }
}

/** Texts recorded from the service by kinesalite. */
function readSequenceNumber(
  stream: Stream,
  shard: Shard,
  sequenceNumber: string,
  operation: string,
  failure: PositionFailure,
): ShardPosition {
  const fields = parseSequenceNumber(sequenceNumber);
  if (fields === undefined) {
    throw failure(
      "InvalidArgumentException",
      `${sequenceNumberUse(stream, shard, sequenceNumber, operation)} is invalid.`,
    );
  }
  if (fields.shardIndex !== shard.shardIndex) {
    throw failure(
      "InvalidArgumentException",
      `Invalid StartingSequenceNumber. It encodes ${formatShardId(fields.shardIndex)}, ` +
        `while it was used in a call to a shard with ${shard.shardId}`,
    );
  }
  if (fields.generation !== shard.generation) {
    throw failure(
      "InvalidArgumentException",
      `${sequenceNumberUse(stream, shard, sequenceNumber, operation)} is invalid because it did not come from this stream.`,
    );
  }
  return fields;
}

function sequenceNumberUse(stream: Stream, shard: Shard, sequenceNumber: string, operation: string): string {
  return (
    `StartingSequenceNumber ${sequenceNumber} used in ${operation} on shard ${shard.shardId} ` +
    `in stream ${stream.name} under account ${stream.accountId}`
  );
}
