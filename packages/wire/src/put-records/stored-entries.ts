/**
 * The answer to a PutRecords whose records were all stored, as the log entries that they are in. Whoever asks for its
 * records gets objects; the encoders do not ask: records of an entry differ in the last digits of their numbers, so the
 * first of them is written and the digits are changed in copies of it.
 */
import type { OutputOf, PutRecords } from "@millrace/api";
import type { ByteWriter } from "../byte-writer.ts";
import { encodedText } from "../cbor/head.ts";

type Result = OutputOf<typeof PutRecords>["Records"][number];

export interface StoredEntries {
  /** Texts are as the model prints them: ASCII without quotes. */
  readonly entries: readonly {
    readonly shardId: string;
    /** Counts up by one from record to record of the entry, and has as many digits for each. */
    readonly sequenceNumber: (recordIndex: number) => string;
  }[];
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
  return Array.from(entryOf, (entry, index) => {
    const { sequenceNumber, shardId } = entries[entry]!;
    return { SequenceNumber: sequenceNumber(recordIndexes[index]!), ShardId: shardId };
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

/** How a result is written, one byte for each character of the texts. */
interface ResultForm {
  readonly separator: "" | ",";
  readonly beforeNumber: (sequenceNumber: string) => string;
  readonly afterNumber: (shardId: string) => string;
}

const INDEFINITE_LIST = 0x9f;
const INDEFINITE_MAP = "\xbf";
const BREAK = 0xff;

const JSON_RESULT: ResultForm = {
  separator: ",",
  beforeNumber: () => '{"SequenceNumber":"',
  afterNumber: (shardId) => `","ShardId":"${shardId}"}`,
};

const CBOR_RESULT: ResultForm = {
  separator: "",
  beforeNumber: (sequenceNumber) =>
    INDEFINITE_MAP + cborText("SequenceNumber") + cborText(sequenceNumber).slice(0, -sequenceNumber.length),
  afterNumber: (shardId) => cborText("ShardId") + cborText(shardId) + String.fromCharCode(BREAK),
};

function cborText(text: string): string {
  return encodedText(text).toString("latin1");
}

/** So many digits at the end of a number are counted; when they do not suffice it is written anew. */
const COUNTED_DIGITS = 8;
const COUNTED_RANGE = 10 ** COUNTED_DIGITS;

function write(writer: ByteWriter, stored: StoredEntries, form: ResultForm): void {
  const { entries, entryOf, recordIndexes } = stored;
  // What stands before and behind a number is the same in every result of an entry.
  const drafts = entries.map(({ sequenceNumber, shardId }) => {
    const number = sequenceNumber(0);
    const before = form.beforeNumber(number);
    const text = before + number + form.afterNumber(shardId);
    return {
      text,
      sequenceNumber,
      numberStart: before.length,
      numberEnd: before.length + number.length,
      firstCount: Number(number.slice(-COUNTED_DIGITS)),
      /** Where the first result of the entry stands; -1 before it is written. */
      writtenAt: -1,
    };
  });
  const separatorBytes = form.separator.length;
  let sizeBytes = (entryOf.length - 1) * separatorBytes;
  for (let index = 0; index < entryOf.length; index += 1) sizeBytes += drafts[entryOf[index]!]!.text.length;
  writer.fill(sizeBytes, (target, start) => {
    let at = start;
    for (let index = 0; index < entryOf.length; index += 1) {
      if (separatorBytes > 0 && index > 0) {
        target[at] = COMMA;
        at += 1;
      }
      const draft = drafts[entryOf[index]!]!;
      const { text } = draft;
      if (draft.writtenAt >= 0) target.copyWithin(at, draft.writtenAt, draft.writtenAt + text.length);
      else {
        target.write(text, at, "latin1");
        draft.writtenAt = at;
      }
      const recordIndex = recordIndexes[index]!;
      const count = draft.firstCount + recordIndex;
      if (count < COUNTED_RANGE) writeDigits(target, at + draft.numberEnd, count);
      else target.write(draft.sequenceNumber(recordIndex), at + draft.numberStart, "latin1");
      at += text.length;
    }
  });
}

const COMMA = 0x2c;
const ZERO = 0x30;

/** Writes `count` with {@link COUNTED_DIGITS} digits, the last of which stands before `end`. */
function writeDigits(target: Uint8Array, end: number, count: number): void {
  let left = count | 0;
  for (let at = end - 1; at >= end - COUNTED_DIGITS; at -= 1) {
    const rest = (left / 10) | 0;
    target[at] = ZERO + left - rest * 10;
    left = rest;
  }
}
