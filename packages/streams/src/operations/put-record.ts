import { PutRecord } from "@millrace/api";
import { parseSequenceNumber } from "@millrace/model";
import { recordColumnsOf } from "@millrace/wire";
import type { Failure } from "@millrace/wire";
import type { Stream } from "../catalog/stream.ts";
import { findServingStream, streamNotFound } from "../find-stream.ts";
import { handle } from "../handler.ts";
import { isImportedNumber } from "../import/imported-numbers.ts";
import { putOneRecord } from "../shards/put-one-record.ts";
import { columnsToPut, recordsToPut } from "../shards/records-to-put.ts";
import { DRY_RUN, writeRateExceeded } from "../shards/texts.ts";

/** Writes one record to the shard that owns the hash of its partition key. */
export const putRecord = handle(PutRecord, async (context, input, { caller, failure }) => {
  const stream = findServingStream(context, input, caller, failure);
  const columns = recordColumnsOf(input);
  const records =
    columns === undefined
      ? recordsToPut(context, stream, [input], failure)
      : columnsToPut(context, stream, columns, failure);
  refuseInvalidOrdering(stream, input.SequenceNumberForOrdering, failure);
  if (input.DryRun === true) throw failure("DryRunOperationException", DRY_RUN);

  const outcome = await putOneRecord(context, stream, records);
  switch (outcome.kind) {
    case "stored": {
      const stored = { ShardId: outcome.shard.shardId, SequenceNumber: outcome.sequenceNumber };
      return stream.header.encryption.type === "KMS" ? { ...stored, EncryptionType: "KMS" as const } : stored;
    }
    case "throttled":
      throw failure("ProvisionedThroughputExceededException", writeRateExceeded(stream, outcome.shard));
    case "failed":
      throw failure("InternalFailureException", `The record could not be stored: ${outcome.reason}.`);
    case "gone":
      throw streamNotFound(stream, failure);
  }
});

/**
 * Numbers of a shard follow the order in which it takes records, so every number that the producer can
 * have seen is below the one that its next record gets; the number has only to be one of ours.
 */
function refuseInvalidOrdering(
  stream: Stream,
  ordering: string | undefined,
  failure: Failure<typeof PutRecord>,
): void {
  if (ordering === undefined) return;
  if (stream.header.recordDistribution === "AUTO") {
    throw failure(
      "InvalidArgumentException",
      `SequenceNumberForOrdering cannot be provided: stream ${stream.name} under account ${stream.accountId} ` +
        "has the record distribution strategy AUTO.",
    );
  }
  const fields = parseSequenceNumber(ordering);
  const shard = fields && stream.shard(fields.shardIndex);
  if (shard !== undefined && shard.generation === fields!.generation) return;
  if (
    stream.header.import !== undefined &&
    stream.storedShards().some((one) => isImportedNumber(one, ordering))
  )
    return;
  throw failure(
    "InvalidArgumentException",
    `ExclusiveMinimumSequenceNumber ${ordering} used in PutRecord on stream ${stream.name} ` +
      `under account ${stream.accountId} is invalid.`,
  );
}
