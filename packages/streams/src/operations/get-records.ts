import { GetRecords } from "@millrace/api";
import type { ShardIterator } from "@millrace/model";
import { formatShardId, openIterator, sealIterator } from "@millrace/model";
import { withRecords } from "@millrace/wire";
import { childShardDescriptions } from "../describe.ts";
import { readStreamName } from "../find-stream.ts";
import { handle } from "../handler.ts";
import { logUnreadable, readShard } from "../shards/read.ts";
import { DRY_RUN, readRateExceeded } from "../shards/texts.ts";
import { timeText } from "../time-text.ts";

/** Reads records of one shard from an iterator on, and gives the iterator that follows them. */
export const getRecords = handle(
  GetRecords,
  async (context, input, { caller, failure, nowMs, form, about }) => {
    const { limits } = context;
    const iterator = openIterator(context.secret, input.ShardIterator);
    if (iterator === undefined) throw failure("InvalidArgumentException", "Invalid ShardIterator.");
    if (nowMs > iterator.expiresMs) throw failure("ExpiredIteratorException", expiredText(iterator, nowMs));

    const stream = context.catalog.findByIncarnation(iterator.incarnation);
    const shard = stream?.isServing === true ? stream.shard(iterator.shardIndex) : undefined;
    const notFound = (): Error =>
      failure(
        "ResourceNotFoundException",
        `Shard ${formatShardId(iterator.shardIndex)} in stream ${iterator.streamName} ` +
          `under account ${stream?.accountId ?? caller.accountId} does not exist`,
      );
    if (stream === undefined || shard === undefined) throw notFound();
    if (
      input.StreamARN !== undefined &&
      context.catalog.find(readStreamName(input, caller, failure)) !== stream
    ) {
      throw failure("InvalidArgumentException", "Invalid ShardIterator.");
    }
    await about(stream);
    if (input.DryRun === true) throw failure("DryRunOperationException", DRY_RUN);
    const admission = context.rates.exceededByRead(stream, shard, nowMs);
    const exceeded = admission instanceof Promise ? await admission : admission;
    if (exceeded !== undefined) {
      context.meter.throttled(stream, shard, exceeded, 1);
      throw failure("ProvisionedThroughputExceededException", readRateExceeded(stream, shard));
    }

    const outcome = await readShard(context, stream, shard, iterator.position, {
      recordsMax: input.Limit ?? limits.getRecordsRecordsMax,
      bytesMax: limits.getRecordsBytesMax,
      ...(form.newRecords === undefined ? {} : { newRecords: form.newRecords }),
    });
    if (outcome.kind === "gone") throw notFound();
    if (outcome.kind === "unreadable") {
      logUnreadable(context, stream, shard, outcome, caller.requestId);
      throw failure("InternalFailureException", outcome.detail);
    }
    const { records, bytes, next, ended, millisBehindLatest } = outcome;
    context.rates.chargeRead(stream, shard, bytes, nowMs);
    context.meter.outgoing(stream, shard, records.length, bytes, millisBehindLatest);
    return withRecords(records, {
      MillisBehindLatest: millisBehindLatest,
      ...(ended
        ? { ChildShards: childShardDescriptions(shard) }
        : {
            NextShardIterator: sealIterator(context.secret, {
              ...iterator,
              position: next,
              createdMs: nowMs,
              expiresMs: nowMs + limits.iteratorLifeMs,
            }),
          }),
    });
  },
  { byToken: true },
);

function expiredText({ createdMs, expiresMs }: ShardIterator, nowMs: number): string {
  return (
    `Iterator expired. The iterator was created at time ${timeText(createdMs)} ` +
    `while right now it is ${timeText(nowMs)} which is further in the future than the ` +
    `tolerated delay of ${expiresMs - createdMs} milliseconds.`
  );
}
