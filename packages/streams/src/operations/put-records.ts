import { PutRecords } from "@millrace/api";
import { recordColumnsOf, withStoredEntries } from "@millrace/wire";
import { findServingStream, streamNotFound } from "../find-stream.ts";
import { handle } from "../handler.ts";
import { putRecords as put } from "../shards/put.ts";
import { columnsToPut, recordsToPut } from "../shards/records-to-put.ts";
import { DRY_RUN, writeRateExceeded } from "../shards/texts.ts";

/** Writes up to 500 records; each succeeds or fails by itself, and is answered in its place. */
export const putRecords = handle(PutRecords, async (context, input, { caller, failure }) => {
  const stream = findServingStream(context, input, caller, failure);
  const columns = recordColumnsOf(input);
  const records =
    columns === undefined
      ? recordsToPut(context, stream, input.Records, failure)
      : columnsToPut(context, stream, columns, failure);
  let bytes = 0;
  for (let index = 0; index < records.columns.count; index += 1) bytes += records.columns.sizeOf(index);
  if (bytes > context.limits.putRecordsBytesMax) {
    throw failure("InvalidArgumentException", "Records size exceeds 10 MB limit");
  }
  if (input.DryRun === true) throw failure("DryRunOperationException", DRY_RUN);

  const outcomes = await put(context, stream, records);
  const encryption = stream.header.encryption.type === "KMS" ? { EncryptionType: "KMS" as const } : undefined;
  const stored = outcomes.asStored();
  if (stored !== undefined) return withStoredEntries(stored, { FailedRecordCount: 0, ...encryption });
  let failedCount = 0;
  const results = Array.from(outcomes, (outcome) => {
    switch (outcome.kind) {
      case "stored":
        return { SequenceNumber: outcome.sequenceNumber, ShardId: outcome.shard.shardId };
      case "throttled":
        failedCount += 1;
        return {
          ErrorCode: "ProvisionedThroughputExceededException",
          ErrorMessage: writeRateExceeded(stream, outcome.shard),
        };
      case "failed":
        failedCount += 1;
        return { ErrorCode: "InternalFailure", ErrorMessage: "Internal Service Failure" };
      case "gone":
        throw streamNotFound(stream, failure);
    }
  });
  return { FailedRecordCount: failedCount, Records: results, ...encryption };
});
