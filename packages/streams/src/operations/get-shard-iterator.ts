import type { InputOf } from "@millrace/api";
import { GetShardIterator } from "@millrace/api";
import { formatShardId, parseShardId, sealIterator } from "@millrace/model";
import type { Failure } from "@millrace/wire";
import { readStreamName } from "../find-stream.ts";
import { handle } from "../handler.ts";
import type { StartingPosition } from "../shards/starting-position.ts";
import { startingPosition } from "../shards/starting-position.ts";
import { DRY_RUN, writeRateExceeded } from "../shards/texts.ts";

/** Gives an iterator that stands at a position of a shard for five minutes. */
export const getShardIterator = handle(
  GetShardIterator,
  async (context, input, { caller, failure, nowMs }) => {
    const name = readStreamName(input, caller, failure);
    const shardIndex = parseShardId(input.ShardId);
    if (shardIndex === undefined) {
      throw failure(
        "ResourceNotFoundException",
        `Could not find shard ${input.ShardId} in stream ${name.name} under account ${name.accountId}.`,
      );
    }
    const stream = context.catalog.find(name);
    const shard = stream?.isServing === true ? stream.shard(shardIndex) : undefined;
    if (stream === undefined || shard === undefined) {
      throw failure(
        "ResourceNotFoundException",
        `Shard ${formatShardId(shardIndex)} in stream ${name.name} under account ${name.accountId} does not exist`,
      );
    }
    const asked = positionAsked(input, failure);
    const position = await startingPosition(context, stream, shard, asked, "GetShardIterator", failure);
    if (input.DryRun === true) throw failure("DryRunOperationException", DRY_RUN);
    if (!(await context.rates.admitIterator(stream, shard, nowMs))) {
      context.meter.throttled(stream, shard, "shardIteratorCalls", 1);
      throw failure("ProvisionedThroughputExceededException", writeRateExceeded(stream, shard));
    }
    return {
      ShardIterator: sealIterator(context.secret, {
        incarnation: stream.header.incarnation,
        streamName: stream.name,
        shardIndex,
        position,
        createdMs: nowMs,
        expiresMs: nowMs + context.limits.iteratorLifeMs,
      }),
    };
  },
);

/** Which members go together; texts recorded from the service by kinesalite. */
function positionAsked(
  input: InputOf<typeof GetShardIterator>,
  failure: Failure<typeof GetShardIterator>,
): StartingPosition {
  const { ShardIteratorType: type, StartingSequenceNumber: sequenceNumber, Timestamp: timestampMs } = input;
  const mismatch = (given: string): Error =>
    failure(
      "InvalidArgumentException",
      "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or " +
        `(2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified ${type} and ${given} StartingSequenceNumber.`,
    );
  switch (type) {
    case "AT_SEQUENCE_NUMBER":
    case "AFTER_SEQUENCE_NUMBER":
      if (sequenceNumber === undefined) throw mismatch("no");
      return { type, sequenceNumber };
    case "TRIM_HORIZON":
    case "LATEST":
      if (sequenceNumber !== undefined) throw mismatch("also a");
      return { type };
    case "AT_TIMESTAMP":
      if (timestampMs === undefined) {
        throw failure(
          "InvalidArgumentException",
          "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. " +
            "Current request has no timestamp parameter.",
        );
      }
      return { type, timestampMs };
  }
}
