/**
 * The records of an answer as ranges of the bytes that they are stored in. Whoever asks for them gets objects; the
 * encoders do not ask, and copy from the ranges.
 */
import type { Decoded, KinesisRecord } from "@millrace/api";

type Record = Decoded<typeof KinesisRecord>;

export class StoredRecords {
  readonly sequenceNumbers: string[] = [];
  /** Milliseconds since the epoch. */
  readonly arrivalMs: number[] = [];
  /** Whether the record is told to be encrypted. */
  readonly encrypted: boolean[] = [];
  /** What the ranges of each record lie in. Shared: never written to. */
  readonly bytes: Buffer[] = [];
  /** Of each record: start and end of its key, start and end of its data. */
  readonly ranges: number[] = [];

  /** The next record: its key (UTF-8; nothing when it was put without one) and data as ranges of `bytes`. */
  add(
    sequenceNumber: string,
    arrivalMs: number,
    encrypted: boolean,
    bytes: Buffer,
    keyStart: number,
    keyEnd: number,
    dataStart: number,
    dataEnd: number,
  ): void {
    this.sequenceNumbers.push(sequenceNumber);
    this.arrivalMs.push(arrivalMs);
    this.encrypted.push(encrypted);
    this.bytes.push(bytes);
    this.ranges.push(keyStart, keyEnd, dataStart, dataEnd);
  }

  get length(): number {
    return this.sequenceNumbers.length;
  }

  toArray(): Record[] {
    return this.sequenceNumbers.map((sequenceNumber, index) => {
      const at = index * RANGE_FIELDS;
      const bytes = this.bytes[index]!;
      const [keyStart, keyEnd] = [this.ranges[at]!, this.ranges[at + 1]!];
      return {
        SequenceNumber: sequenceNumber,
        ApproximateArrivalTimestamp: this.arrivalMs[index]!,
        Data: bytes.subarray(this.ranges[at + 2], this.ranges[at + 3]),
        ...(keyEnd > keyStart ? { PartitionKey: bytes.toString("utf8", keyStart, keyEnd) } : {}),
        ...(this.encrypted[index] === true ? { EncryptionType: "KMS" as const } : {}),
      };
    });
  }
}

export const RANGE_FIELDS = 4;

const STORED = Symbol("stored records");

/** An answer, or an event, with stored records as its member `Records`. */
export function withRecords<Rest extends object>(
  records: StoredRecords,
  rest: Rest,
): { readonly Records: readonly Record[] } & Rest {
  let made: Record[] | undefined;
  return Object.defineProperties(rest as { readonly Records: readonly Record[] } & Rest, {
    Records: { enumerable: true, get: () => (made ??= records.toArray()) },
    [STORED]: { value: records },
  });
}

/** The stored records of an answer that has them. */
export function storedRecordsOf(answer: object): StoredRecords | undefined {
  return (answer as { readonly [STORED]?: StoredRecords })[STORED];
}
