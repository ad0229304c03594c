/** From a record in a request to a record that can be put: its size, its key, its place on the ring. */
import type { ServiceError } from "@millrace/api";
import type { HashKeyHex } from "@millrace/model";
import { hashKeyHex, hashKeyHexOf, parseHashKey, WHOLE_RING } from "@millrace/model";
import type { Stream } from "../catalog/stream.ts";
import type { StreamsContext } from "../context.ts";
import type { RecordToPut } from "./put.ts";
import { sizeOfRecord } from "./put.ts";

export interface RecordInput {
  readonly Data: Uint8Array;
  readonly PartitionKey?: string;
  readonly ExplicitHashKey?: string;
}

export function recordToPut(
  context: StreamsContext,
  stream: Stream,
  input: RecordInput,
  failure: (code: "InvalidArgumentException", message: string) => ServiceError,
): RecordToPut {
  const key = input.PartitionKey === undefined ? undefined : Buffer.from(input.PartitionKey, "utf8");
  const isAuto = stream.header.recordDistribution === "AUTO";
  let hashKey: string;
  if (isAuto) {
    // The service distributes; what the producer says about the place is ignored.
    hashKey = hashKeyInTurn(context, stream);
  } else if (key === undefined) {
    throw failure(
      "InvalidArgumentException",
      `PartitionKey must be provided: stream ${stream.name} under account ${stream.accountId} ` +
        "has the record distribution strategy USER_PARTITION_KEY.",
    );
  } else if (input.ExplicitHashKey !== undefined) {
    const explicit = parseHashKey(input.ExplicitHashKey);
    if (explicit === undefined) {
      throw failure(
        "InvalidArgumentException",
        "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. " +
          `Specified value was ${input.ExplicitHashKey}`,
      );
    }
    hashKey = hashKeyHex(explicit);
  } else {
    hashKey = hashKeyHexOf(key);
  }
  const record: RecordToPut = { key, data: input.Data, hashKey };
  const { maxRecordSizeKiB } = stream.header;
  if (sizeOfRecord(record) > maxRecordSizeKiB * 1_024) {
    throw failure(
      "InvalidArgumentException",
      `Record of ${sizeOfRecord(record)} bytes exceeds the maximum record size of ${maxRecordSizeKiB} KiB ` +
        `of stream ${stream.name} under account ${stream.accountId}.`,
    );
  }
  return record;
}

/** Somewhere in the range of the open shard whose turn it is: were it split meanwhile, its children share. */
function hashKeyInTurn(context: StreamsContext, stream: Stream): HashKeyHex {
  const shard = stream.nextShardInTurn();
  const { startingHashKey, endingHashKey } = shard?.hashKeyRange ?? WHOLE_RING;
  const fraction = BigInt(`0x${Buffer.from(context.random.bytes(8)).toString("hex")}`);
  return hashKeyHex(startingHashKey + (((endingHashKey - startingHashKey) * fraction) >> 64n));
}
