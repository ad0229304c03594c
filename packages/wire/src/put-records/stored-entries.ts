/**
 * The answer to a PutRecords whose records were all stored, as the log entries that they are in. Whoever asks for its
 * records gets objects; the encoders do not ask: records of an entry differ in the last digits of their numbers, so the
 * first of them is written and the digits are changed in copies of it.
 */
import type { OutputOf, PutRecords } from "@millrace/api";
import { SEQUENCE_NUMBER_DIGITS } from "@millrace/model";
import type { ByteWriter } from "../byte-writer.ts";
import { encodedText } from "../cbor/head.ts";

type Result = OutputOf<typeof PutRecords>["Records"][number];

export interface StoredEntry {
  /** As the model prints it: ASCII without quotes. */
  readonly shardId: string;
  /** Counts up by one from record to record. */
  sequenceNumber(recordIndex: number): string;
  /** The same as digits in `target`, from `at` on. */
  writeSequenceNumber(target: Uint8Array, at: number, recordIndex: number): void;
}

export interface StoredEntries {
  readonly entries: readonly StoredEntry[];
  /** Of each record of the request, in order: its entry in {@link entries}, and which record of the entry it is. */
  readonly entryOf: Int32Array;
  readonly recordIndexes: Int32Array;
}

const STORED = Symbol("stored entries");

/** An answer of which the entries make the member `Records`. */
export function withStoredEntries<Rest extends object>(
  stored: StoredEntries,
  rest: Rest,
): { readonly Records: Result[] } & Rest {
  let made: Result[] | undefined;
  return Object.defineProperties(rest as { readonly Records: Result[] } & Rest, {
    Records: { enumerable: true, get: () => (made ??= resultsOf(stored)) },
    [STORED]: { value: stored },
  });
}

/** The entries of an answer that has them. */
export function storedEntriesOf(answer: object): StoredEntries | undefined {
  return (answer as { readonly [STORED]?: StoredEntries })[STORED];
}

function resultsOf({ entries, entryOf, recordIndexes }: StoredEntries): Result[] {
  return Array.from(entryOf, (of, index) => {
    const entry = entries[of]!;
    return { SequenceNumber: entry.sequenceNumber(recordIndexes[index]!), ShardId: entry.shardId };
  });
}

/** Writes `[{"SequenceNumber":…,"ShardId":…},…]`. */
export function writeStoredEntriesJson(writer: ByteWriter, stored: StoredEntries): void {
  writer.text("[");
  write(writer, stored, JSON_RESULT);
  writer.text("]");
}

/** Writes a list of indefinite length of maps of indefinite length, as encoders of contracts do. */
export function writeStoredEntriesCbor(writer: ByteWriter, stored: StoredEntries): void {
  writer.byte(INDEFINITE_LIST);
  write(writer, stored, CBOR_RESULT);
  writer.byte(BREAK);
}

/** What stands around the two texts of a result. */
interface ResultForm {
  readonly separator: "" | ",";
  readonly beforeNumber: Buffer;
  readonly beforeShardId: (shardId: string) => Buffer;
  readonly after: Buffer;
}

const INDEFINITE_LIST = 0x9f;
const INDEFINITE_MAP = 0xbf;
const BREAK = 0xff;

const JSON_BEFORE_SHARD_ID = Buffer.from('","ShardId":"');
const JSON_RESULT: ResultForm = {
  separator: ",",
  beforeNumber: Buffer.from('{"SequenceNumber":"'),
  beforeShardId: () => JSON_BEFORE_SHARD_ID,
  after: Buffer.from('"}'),
};

/** By the length of the id: there is one for all ids that exist. */
const CBOR_BEFORE_SHARD_ID = Array.from({ length: 24 }, (_, length) => cborBeforeShardId(length));

function cborBeforeShardId(length: number): Buffer {
  return Buffer.concat([encodedText("ShardId"), cborHeadOfText(length)]);
}

function cborHeadOfText(length: number): Buffer {
  const text = encodedText("0".repeat(length));
  return text.subarray(0, text.length - length);
}

const CBOR_RESULT: ResultForm = {
  separator: "",
  beforeNumber: Buffer.concat([
    Buffer.of(INDEFINITE_MAP),
    encodedText("SequenceNumber"),
    cborHeadOfText(SEQUENCE_NUMBER_DIGITS),
  ]),
  beforeShardId: ({ length }) => CBOR_BEFORE_SHARD_ID[length] ?? cborBeforeShardId(length),
  after: Buffer.of(BREAK),
};

/** So many digits at the end of a number are counted; when they do not suffice it is written anew. */
const COUNTED_DIGITS = 8;
const COUNTED_RANGE = 10 ** COUNTED_DIGITS;

const COMMA = 0x2c;
const ZERO = 0x30;

function write(
  writer: ByteWriter,
  { entries, entryOf, recordIndexes }: StoredEntries,
  form: ResultForm,
): void {
  const { separator, beforeNumber, after } = form;
  const count = entryOf.length;
  const lengths = Int32Array.from(
    entries,
    ({ shardId }) =>
      beforeNumber.length +
      SEQUENCE_NUMBER_DIGITS +
      form.beforeShardId(shardId).length +
      shardId.length +
      after.length,
  );
  /** Of each entry: where its first result stands, -1 before that; and the counted digits of record 0. */
  const firsts = new Int32Array(entries.length).fill(-1);
  const counts = new Int32Array(entries.length);
  let sizeBytes = (count - 1) * separator.length;
  for (let index = 0; index < count; index += 1) sizeBytes += lengths[entryOf[index]!]!;
  writer.fill(sizeBytes, (target, start) => {
    let at = start;
    for (let index = 0; index < count; index += 1) {
      if (index > 0 && separator !== "") {
        target[at] = COMMA;
        at += 1;
      }
      const of = entryOf[index]!;
      const length = lengths[of]!;
      const first = firsts[of]!;
      const recordIndex = recordIndexes[index]!;
      const numberAt = at + beforeNumber.length;
      if (first < 0) {
        const entry = entries[of]!;
        writeFirst(target, at, entry, recordIndex, form);
        firsts[of] = at;
        counts[of] = countedDigits(target, numberAt + SEQUENCE_NUMBER_DIGITS) - recordIndex;
      } else {
        target.copyWithin(at, first, first + length);
        const counted = counts[of]! + recordIndex;
        if (counted >= 0 && counted < COUNTED_RANGE)
          writeCounted(target, numberAt + SEQUENCE_NUMBER_DIGITS, counted);
        else entries[of]!.writeSequenceNumber(target, numberAt, recordIndex);
      }
      at += length;
    }
  });
}

function writeFirst(
  target: Buffer,
  start: number,
  entry: StoredEntry,
  recordIndex: number,
  { beforeNumber, beforeShardId, after }: ResultForm,
): void {
  const { shardId } = entry;
  const between = beforeShardId(shardId);
  target.set(beforeNumber, start);
  let at = start + beforeNumber.length;
  entry.writeSequenceNumber(target, at, recordIndex);
  at += SEQUENCE_NUMBER_DIGITS;
  target.set(between, at);
  at += between.length;
  for (let i = 0; i < shardId.length; i += 1) target[at + i] = shardId.charCodeAt(i);
  target.set(after, at + shardId.length);
}

/** The last {@link COUNTED_DIGITS} digits of the number that ends before `end`. */
function countedDigits(bytes: Uint8Array, end: number): number {
  let value = 0;
  for (let at = end - COUNTED_DIGITS; at < end; at += 1) value = value * 10 + bytes[at]! - ZERO;
  return value;
}

function writeCounted(target: Uint8Array, end: number, count: number): void {
  let left = count | 0;
  for (let at = end - 1; at >= end - COUNTED_DIGITS; at -= 1) {
    const rest = (left / 10) | 0;
    target[at] = ZERO + left - rest * 10;
    left = rest;
  }
}
