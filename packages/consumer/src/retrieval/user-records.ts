import type { Decoded, KinesisRecord } from "@millrace/api";
import {
  hashKeyHex,
  hashKeyHexOf,
  type HashKeyRange,
  parseHashKey,
  readAggregatedRecord,
} from "@millrace/model";
import { type ExtendedSequenceNumber, isRecordPlace } from "../leases/extended-sequence-number.ts";

export type StoredRecord = Decoded<typeof KinesisRecord>;

/** What a producer put: a record of the stream, or one of those that the KPL packed into one. */
export interface ConsumerRecord {
  readonly partitionKey: string;
  /** Only known for a record that was aggregated with one. */
  readonly explicitHashKey: string | undefined;
  readonly data: Uint8Array;
  /** The same for all that came in one aggregated record; {@link subSequenceNumber} tells them apart. */
  readonly sequenceNumber: string;
  readonly subSequenceNumber: number;
  /** In milliseconds since the epoch. */
  readonly approximateArrivalMs: number | undefined;
}

/** The records to hand out, and the place of the last one, which none may be if all were dropped. */
export interface UserRecords {
  readonly records: readonly ConsumerRecord[];
  readonly end: ExtendedSequenceNumber | undefined;
  /** Of the data, as it was stored. */
  readonly sizeBytes: number;
}

/**
 * User records whose key lies outside the shard are dropped: their shard was split on the way, and their producer puts them once
 * more. The KCL drops all that were packed with such a one. Here the others stay, because the KPL may take them for stored
 * (`Retrier::succeed_if_correct_shard`, version 1.0.7); at worst they are seen twice.
 */
export class UserRecordReader {
  readonly #start: string;
  readonly #end: string;
  #after: ExtendedSequenceNumber | undefined;

  /** @param after a checkpoint: the records up to it are dropped, because a read may begin with them again. */
  constructor(range: HashKeyRange | undefined, after: ExtendedSequenceNumber) {
    this.#start = range === undefined ? "" : hashKeyHex(range.startingHashKey);
    this.#end = range === undefined ? "g" : hashKeyHex(range.endingHashKey);
    this.#after = isRecordPlace(after) ? after : undefined;
  }

  read(stored: readonly StoredRecord[]): UserRecords {
    const records: ConsumerRecord[] = [];
    let end: ExtendedSequenceNumber | undefined;
    let sizeBytes = 0;
    for (const record of stored) {
      const { Data: data, SequenceNumber: sequenceNumber } = record;
      sizeBytes += data.byteLength;
      const userRecords = data[0] === 0xf3 && data[1] === 0x89 ? readAggregatedRecord(data) : undefined;
      const isFirst = this.#after?.sequenceNumber === sequenceNumber;
      const handedOut = isFirst ? this.#after!.subSequenceNumber : -1;
      if (userRecords === undefined) {
        if (handedOut < 0) {
          records.push({
            partitionKey: record.PartitionKey ?? "",
            explicitHashKey: undefined,
            data,
            sequenceNumber,
            subSequenceNumber: 0,
            approximateArrivalMs: record.ApproximateArrivalTimestamp,
          });
        }
        end = { sequenceNumber, subSequenceNumber: 0 };
        continue;
      }
      for (const { partitionKey, explicitHashKey, data: userData, subSequenceNumber } of userRecords) {
        if (subSequenceNumber <= handedOut || !this.#isOfShard(partitionKey, explicitHashKey)) continue;
        records.push({
          partitionKey,
          explicitHashKey,
          data: userData,
          sequenceNumber,
          subSequenceNumber,
          approximateArrivalMs: record.ApproximateArrivalTimestamp,
        });
      }
      end = { sequenceNumber, subSequenceNumber: Math.max(userRecords.length - 1, 0) };
    }
    if (end !== undefined) this.#after = undefined;
    return { records, end, sizeBytes };
  }

  #isOfShard(partitionKey: string, explicitHashKey: string | undefined): boolean {
    const explicit = explicitHashKey === undefined ? undefined : parseHashKey(explicitHashKey);
    const hashKey = explicit === undefined ? hashKeyHexOf(partitionKey) : hashKeyHex(explicit);
    return this.#start <= hashKey && hashKey <= this.#end;
  }
}
