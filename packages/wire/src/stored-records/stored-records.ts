/**
 * The records of an answer as the batches that they are stored in. Whoever asks for records gets objects; the
 * encoders do not ask, and copy from the batches, or take what was encoded for another reader.
 */
import type { Decoded, KinesisRecord } from "@millrace/api";

type Record = Decoded<typeof KinesisRecord>;

/** Records that arrived together. */
export interface StoredBatch {
  /** How many of its records are given. */
  readonly length: number;
  /** Milliseconds since the epoch. */
  readonly arrivalMs: number;
  /** Whether the records are told to be encrypted. */
  readonly encrypted: boolean;
  /** Where its records lie. */
  ranges(): RecordRanges;
  /** Of the record at `index` among those given. From each to the next it goes up by one. */
  sequenceNumber(index: number): string;
  /** The records as JSON, with a comma before each, if they were kept for the next reader. */
  readonly json: Buffer | undefined;
  /** Offers the JSON to be kept, in a copy: its memory is used again. */
  keepJson(json: Buffer): void;
}

export interface RecordRanges {
  /** What the ranges lie in. Shared: never written to. */
  readonly bytes: Buffer;
  /** Of each record: start and end of its key (UTF-8; nothing when it has none), start and end of its data. */
  readonly offsets: readonly number[];
}

export const RANGE_FIELDS = 4;

/** Makes the bytes that a batch is in the answer, which do not lie in those of the batch. */
export type BatchEncoder = (batch: StoredBatch) => Buffer;

export class StoredRecords {
  readonly batches: StoredBatch[] = [];
  readonly #encode: BatchEncoder | undefined;
  readonly #encoded: Buffer[] = [];
  #length = 0;
  #memory: (() => void)[] = [];

  /** @param encoderFor has batches encoded as they come, so that what they lie in is free for the next; nobody may ask for objects then. */
  constructor(encoderFor?: (records: StoredRecords) => BatchEncoder) {
    this.#encode = encoderFor?.(this);
  }

  /** Whether batches are encoded as they come: those who read them bring some at a time. */
  get encodesEarly(): boolean {
    return this.#encode !== undefined;
  }

  /** Of each batch, as far as they were encoded early. */
  get encoded(): readonly Buffer[] {
    return this.#encoded;
  }

  add(batch: StoredBatch): void {
    this.batches.push(batch);
    this.#length += batch.length;
  }

  get length(): number {
    return this.#length;
  }

  /** Has memory that the records, or what was encoded of them, lie in given back with them. */
  holdUntilReleased(giveBack: () => void): void {
    this.#memory.push(giveBack);
  }

  /** Has memory given back that the batches added last lie in: when they are encoded, which is now or when all are released. */
  settle(giveBack: (() => void) | undefined): void {
    const { batches } = this;
    if (this.#encode === undefined) {
      if (giveBack !== undefined) this.holdUntilReleased(giveBack);
      return;
    }
    for (let at = this.#encoded.length; at < batches.length; at += 1) {
      this.#encoded.push(this.#encode(batches[at]!));
    }
    giveBack?.();
  }

  /**
   * Says that nobody looks at the records, or at what was encoded of them, any more: their memory is used again. Where this is
   * never said it is left to the garbage collector.
   */
  release(): void {
    const memory = this.#memory;
    this.#memory = [];
    for (const giveBack of memory) giveBack();
  }

  toArray(): Record[] {
    if (this.#encoded.length > 0) throw new Error("the records were encoded, and are gone");
    return this.batches.flatMap((batch) => {
      const { bytes, offsets } = batch.ranges();
      return Array.from({ length: batch.length }, (_, index) => {
        const at = index * RANGE_FIELDS;
        const [keyStart, keyEnd] = [offsets[at]!, offsets[at + 1]!];
        return {
          SequenceNumber: batch.sequenceNumber(index),
          ApproximateArrivalTimestamp: batch.arrivalMs,
          Data: bytes.subarray(offsets[at + 2], offsets[at + 3]),
          ...(keyEnd > keyStart ? { PartitionKey: bytes.toString("utf8", keyStart, keyEnd) } : {}),
          ...(batch.encrypted ? { EncryptionType: "KMS" as const } : {}),
        };
      });
    });
  }
}

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
