/** From the records of a request to records that can be put: their sizes, keys, and places on the ring. */
import type { ServiceError } from "@millrace/api";
import type { HashKeyHex } from "@millrace/model";
import { HashKeyColumn, hashKeyHex, parseHashKey, RecordColumns, WHOLE_RING } from "@millrace/model";
import type { Stream } from "../catalog/stream.ts";
import type { StreamsContext } from "../context.ts";

export interface RecordInput {
  readonly Data: Uint8Array;
  readonly PartitionKey?: string;
  readonly ExplicitHashKey?: string;
}

/** Records whose places are known. */
export interface RecordsToPut {
  readonly columns: RecordColumns;
  readonly hashKeys: HashKeyColumn;
}

type Refuse = (code: "InvalidArgumentException", message: string) => ServiceError;

/** Places records that came as objects. */
export function recordsToPut(
  context: StreamsContext,
  stream: Stream,
  inputs: readonly RecordInput[],
  failure: Refuse,
): RecordsToPut {
  const columns = RecordColumns.of(
    inputs.map(({ PartitionKey, Data }) => ({
      key: PartitionKey === undefined ? undefined : Buffer.from(PartitionKey, "utf8"),
      data: Data,
    })),
  );
  const hashKeys = new HashKeyColumn(columns.count);
  for (const [index, input] of inputs.entries()) {
    place(context, stream, { columns, hashKeys }, index, input, failure);
    refuseTooLarge(stream, columns, index, failure);
  }
  return { columns, hashKeys };
}

/** Places records of which each has a partition key and none an explicit hash key. */
export function columnsToPut(
  context: StreamsContext,
  stream: Stream,
  columns: RecordColumns,
  failure: Refuse,
): RecordsToPut {
  const hashKeys = new HashKeyColumn(columns.count);
  const isAuto = stream.header.recordDistribution === "AUTO";
  for (let index = 0; index < columns.count; index += 1) {
    if (isAuto) hashKeys.set(index, hashKeyInTurn(context, stream));
    else hashKeys.place(index, columns.keys, columns.keyStart(index), columns.keyEnd(index));
    refuseTooLarge(stream, columns, index, failure);
  }
  return { columns, hashKeys };
}

function place(
  context: StreamsContext,
  stream: Stream,
  { columns, hashKeys }: RecordsToPut,
  index: number,
  { PartitionKey, ExplicitHashKey }: RecordInput,
  failure: Refuse,
): void {
  if (stream.header.recordDistribution === "AUTO") {
    // The service distributes; what the producer says about the place is ignored.
    hashKeys.set(index, hashKeyInTurn(context, stream));
  } else if (PartitionKey === undefined) {
    throw failure(
      "InvalidArgumentException",
      `PartitionKey must be provided: stream ${stream.name} under account ${stream.accountId} ` +
        "has the record distribution strategy USER_PARTITION_KEY.",
    );
  } else if (ExplicitHashKey === undefined) {
    hashKeys.place(index, columns.keys, columns.keyStart(index), columns.keyEnd(index));
  } else {
    const explicit = parseHashKey(ExplicitHashKey);
    if (explicit === undefined) {
      throw failure(
        "InvalidArgumentException",
        "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. " +
          `Specified value was ${ExplicitHashKey}`,
      );
    }
    hashKeys.set(index, hashKeyHex(explicit));
  }
}

function refuseTooLarge(stream: Stream, columns: RecordColumns, index: number, failure: Refuse): void {
  const { maxRecordSizeKiB } = stream.header;
  if (columns.sizeOf(index) <= maxRecordSizeKiB * 1_024) return;
  throw failure(
    "InvalidArgumentException",
    `Record of ${columns.sizeOf(index)} bytes exceeds the maximum record size of ${maxRecordSizeKiB} KiB ` +
      `of stream ${stream.name} under account ${stream.accountId}.`,
  );
}

/** Somewhere in the range of the open shard whose turn it is: were it split meanwhile, its children share. */
function hashKeyInTurn(context: StreamsContext, stream: Stream): HashKeyHex {
  const shard = stream.nextShardInTurn();
  const { startingHashKey, endingHashKey } = shard?.hashKeyRange ?? WHOLE_RING;
  const fraction = BigInt(`0x${Buffer.from(context.random.bytes(8)).toString("hex")}`);
  return hashKeyHex(startingHashKey + (((endingHashKey - startingHashKey) * fraction) >> 64n));
}
