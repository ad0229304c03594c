import type { Decoded, KinesisRecord } from "@millrace/api";
import {
  HashKeyColumn,
  hashKeyHex,
  type HashKeyRange,
  parseHashKey,
  visitAggregatedRecord,
  WHOLE_RING,
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

/** Rows of the column of hash keys: the one that is looked at, and the ends of the shard's range. */
const KEY = 0;
const START = 1;
const END = 2;
/** A partition key of the service has 256 characters at most; one that somebody packed may have more. */
const KEY_BYTES = 1_024;
const keyBytes = Buffer.allocUnsafeSlow(KEY_BYTES);
/** Keys come again: those that were found to be of the shard need not be hashed. A megabyte or two for each shard at most. */
const KNOWN_KEYS_MAX = 4_096;
const KNOWN_KEY_LENGTH_MAX = 256;

/**
 * User records whose key lies outside the shard are dropped: their shard was split on the way, and their producer puts them once
 * more. The KCL drops all that were packed with such a one. Here the others stay, because the KPL may take them for stored
 * (`Retrier::succeed_if_correct_shard`, version 1.0.7); at worst they are seen twice.
 */
export class UserRecordReader {
  /** Hashing the keys of packed records is what they cost most, so it makes no string and no bigint for each. */
  readonly #hashKeys = new HashKeyColumn(3);
  /** Partition keys of the shard that were seen lately. */
  readonly #knownKeys = new Set<string>();
  #after: ExtendedSequenceNumber | undefined;

  /** @param after a checkpoint: the records up to it are dropped, because a read may begin with them again. */
  constructor(range: HashKeyRange | undefined, after: ExtendedSequenceNumber) {
    const { startingHashKey, endingHashKey } = range ?? WHOLE_RING;
    this.#hashKeys.set(START, hashKeyHex(startingHashKey));
    this.#hashKeys.set(END, hashKeyHex(endingHashKey));
    this.#after = isRecordPlace(after) ? after : undefined;
  }

  read(stored: readonly StoredRecord[]): UserRecords {
    const records: ConsumerRecord[] = [];
    let end: ExtendedSequenceNumber | undefined;
    let sizeBytes = 0;
    for (const record of stored) {
      const { Data: data, SequenceNumber: sequenceNumber } = record;
      sizeBytes += data.byteLength;
      const isFirst = this.#after?.sequenceNumber === sequenceNumber;
      const handedOut = isFirst ? this.#after!.subSequenceNumber : -1;
      const { ApproximateArrivalTimestamp: approximateArrivalMs } = record;
      const before = records.length;
      const count =
        data[0] === 0xf3 && data[1] === 0x89
          ? visitAggregatedRecord(data, (partitionKey, explicitHashKey, userData, subSequenceNumber) => {
              if (subSequenceNumber <= handedOut || !this.#isOfShard(partitionKey, explicitHashKey)) return;
              records.push({
                partitionKey,
                explicitHashKey,
                data: userData,
                sequenceNumber,
                subSequenceNumber,
                approximateArrivalMs,
              });
            })
          : undefined;
      if (count === undefined) {
        // Of an aggregate that breaks off nothing is one: it is an ordinary record, whatever was in it before that.
        records.length = before;
        if (handedOut < 0) {
          records.push({
            partitionKey: record.PartitionKey ?? "",
            explicitHashKey: undefined,
            data,
            sequenceNumber,
            subSequenceNumber: 0,
            approximateArrivalMs,
          });
        }
      }
      end = { sequenceNumber, subSequenceNumber: Math.max((count ?? 0) - 1, 0) };
    }
    if (end !== undefined) this.#after = undefined;
    return { records, end, sizeBytes };
  }

  #isOfShard(partitionKey: string, explicitHashKey: string | undefined): boolean {
    const explicit = explicitHashKey === undefined ? undefined : parseHashKey(explicitHashKey);
    if (explicit !== undefined) {
      this.#hashKeys.set(KEY, hashKeyHex(explicit));
      return this.#isInRange();
    }
    if (this.#knownKeys.has(partitionKey)) return true;
    if (partitionKey.length * 3 <= KEY_BYTES) {
      this.#hashKeys.place(KEY, keyBytes, 0, keyBytes.write(partitionKey, "utf8"));
    } else {
      const bytes = Buffer.from(partitionKey);
      this.#hashKeys.place(KEY, bytes, 0, bytes.length);
    }
    if (!this.#isInRange()) return false;
    if (partitionKey.length > KNOWN_KEY_LENGTH_MAX) return true;
    if (this.#knownKeys.size >= KNOWN_KEYS_MAX) this.#knownKeys.clear();
    this.#knownKeys.add(partitionKey);
    return true;
  }

  #isInRange(): boolean {
    return (
      !this.#hashKeys.isAbove(START, this.#hashKeys, KEY) && !this.#hashKeys.isAbove(KEY, this.#hashKeys, END)
    );
  }
}
