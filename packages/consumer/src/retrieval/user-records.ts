import type { Decoded, KinesisRecord } from "@millrace/api";
import { type HashKeyRange, userRecordCountMax, visitAggregatedRecord, WHOLE_RING } from "@millrace/model";
import { type ExtendedSequenceNumber, isRecordPlace } from "../leases/extended-sequence-number.ts";
import { ShardKeys } from "./shard-keys.ts";

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
  readonly end: ExtendedSequenceNumber;
  /** Where to go on. */
  readonly next: number;
}

/**
 * Takes records of one shard apart. User records whose key lies outside the shard are dropped: their shard was split on the way,
 * and their producer puts them once more. The KCL drops all that were packed with such a one. Here the others stay, because the KPL may
 * take them for stored (`Retrier::succeed_if_correct_shard`, version 1.0.7); at worst they are seen twice.
 */
export class UserRecordReader {
  readonly #keys: ShardKeys;
  #after: ExtendedSequenceNumber | undefined;

  /** @param after a checkpoint: the records up to it are dropped, because a read may begin with them again. */
  constructor(range: HashKeyRange | undefined, after: ExtendedSequenceNumber) {
    this.#keys = new ShardKeys(range ?? WHOLE_RING);
    this.#after = isRecordPlace(after) ? after : undefined;
  }

  /**
   * The user records in `stored`, from the record at `from` on, which has to be in the list: all of them, or those of the first records
   * that have `enoughCount`. What a shard holds is to be read in its order.
   */
  read(stored: readonly StoredRecord[], from = 0, enoughCount = Infinity): UserRecords {
    const records: ConsumerRecord[] = [];
    let next = from;
    let end: ExtendedSequenceNumber;
    do {
      end = this.#takeApart(stored[next]!, records);
      next += 1;
    } while (next < stored.length && records.length < enoughCount);
    this.#after = undefined;
    return { records, end, next };
  }

  #takeApart(stored: StoredRecord, records: ConsumerRecord[]): ExtendedSequenceNumber {
    const { Data: data, SequenceNumber: sequenceNumber } = stored;
    const { ApproximateArrivalTimestamp: approximateArrivalMs } = stored;
    const isFirst = this.#after?.sequenceNumber === sequenceNumber;
    const handedOut = isFirst ? this.#after!.subSequenceNumber : -1;
    const before = records.length;
    const count = visitAggregatedRecord(data, this.#keys, (key, hashKey, userData, subSequenceNumber) => {
      if (subSequenceNumber <= handedOut || !(hashKey?.isOfShard ?? key.isOfShard)) return;
      records.push({
        partitionKey: key.text,
        explicitHashKey: hashKey?.text,
        data: userData,
        sequenceNumber,
        subSequenceNumber,
        approximateArrivalMs,
      });
    });
    if (count === undefined) {
      // Of an aggregate that breaks off nothing is one: it is an ordinary record, whatever was in it before that.
      records.length = before;
      if (handedOut < 0) {
        records.push({
          partitionKey: stored.PartitionKey ?? "",
          explicitHashKey: undefined,
          data,
          sequenceNumber,
          subSequenceNumber: 0,
          approximateArrivalMs,
        });
      }
    }
    return { sequenceNumber, subSequenceNumber: Math.max((count ?? 0) - 1, 0) };
  }
}

/** How many records {@link UserRecordReader.read} gives at most, and the bytes of the data as it is stored. */
export function sizesOf(stored: readonly StoredRecord[]): { recordCountMax: number; sizeBytes: number } {
  let recordCountMax = 0;
  let sizeBytes = 0;
  for (const { Data: data } of stored) {
    recordCountMax += userRecordCountMax(data);
    sizeBytes += data.byteLength;
  }
  return { recordCountMax, sizeBytes };
}
