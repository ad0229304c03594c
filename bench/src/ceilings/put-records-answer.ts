/** Answers to PutRecords, made as cheaply as they can be: copies of a template in which digits are set. */
import { formatSequenceNumber, formatShardId, tileRing } from "@millrace/model";

/** Decimal digits that change from record to record of one shard; those before them are fixed. */
const CHANGING_DIGITS = 15;
/** They are written in two halves, so that division stays that of 32-bit integers. */
const LOW_DIGITS = 7;
const LOW_DIGITS_RANGE = 10 ** LOW_DIGITS;
/** A record's number is its entry's times 2^16 and its place in the entry (`docs/internals/sequence-numbers.md`). */
const NUMBERS_PER_ENTRY = 65_536;

interface Form {
  readonly before: Buffer;
  readonly separator: Buffer;
  readonly after: Buffer;
  readonly entry: (sequenceNumber: string, shardId: string) => Buffer;
}

const FORMS: Readonly<Record<"json" | "cbor", Form>> = {
  json: {
    before: Buffer.from('{"FailedRecordCount":0,"Records":['),
    separator: Buffer.from(","),
    after: Buffer.from("]}"),
    entry: (sequenceNumber, shardId) =>
      Buffer.from(JSON.stringify({ SequenceNumber: sequenceNumber, ShardId: shardId })),
  },
  // Maps and lists of indefinite length, as AWS and Millrace send them.
  cbor: {
    before: Buffer.concat([
      Buffer.of(0xbf),
      cborText("FailedRecordCount"),
      Buffer.of(0),
      cborText("Records"),
      Buffer.of(0x9f),
    ]),
    separator: Buffer.alloc(0),
    after: Buffer.of(0xff, 0xff),
    entry: (sequenceNumber, shardId) =>
      Buffer.concat([
        Buffer.of(0xbf),
        ...["SequenceNumber", sequenceNumber, "ShardId", shardId].map(cborText),
        Buffer.of(0xff),
      ]),
  },
};

function cborText(text: string): Buffer {
  const length = Buffer.byteLength(text);
  return Buffer.concat([length < 24 ? Buffer.of(0x60 | length) : Buffer.of(0x78, length), Buffer.from(text)]);
}

/** Numbers records of a stream with equal shards and writes the answers that tell the numbers. */
export class PutRecordsAnswers {
  readonly #form: Form;
  /** The entry of each shard with the number 0, and what that number's changing digits are. */
  readonly #templates: readonly Buffer[];
  readonly #firstNumbers: readonly number[];
  /** Where the last changing digit stands in a template. */
  readonly #lastDigit: number;
  /** Entries given so far, per shard. */
  readonly #entries: Float64Array;
  /** Records in the entry of the request at hand, per shard. */
  readonly #mates: Int32Array;
  /** For each shard the leading 32 bits of its last hash key, and the whole of it where those decide nothing. */
  readonly #endingWords: Float64Array;
  readonly #endingKeys: readonly bigint[];

  constructor(format: "json" | "cbor", shardCount: number, createdSecond: number) {
    this.#form = FORMS[format];
    const numbers = Array.from({ length: shardCount }, (_, shardIndex) =>
      formatSequenceNumber({ generation: createdSecond, shardIndex, entryIndex: 0, recordIndex: 0 }),
    );
    this.#templates = numbers.map((number, shardIndex) =>
      this.#form.entry(number, formatShardId(shardIndex)),
    );
    this.#firstNumbers = numbers.map((number) => Number(number.slice(-CHANGING_DIGITS)));
    this.#lastDigit = this.#templates[0]!.indexOf(numbers[0]!) + numbers[0]!.length - 1;
    this.#entries = new Float64Array(shardCount);
    this.#mates = new Int32Array(shardCount);
    this.#endingKeys = tileRing(shardCount).map(({ endingHashKey }) => endingHashKey);
    this.#endingWords = Float64Array.from(this.#endingKeys, (key) => Number(key >> 96n));
  }

  /** The index of the shard that owns a hash key of four words. */
  shardOf(hashKey: Uint32Array): number {
    const first = hashKey[0]!;
    const words = this.#endingWords;
    let low = 0;
    let high = words.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      const ending = words[middle]!;
      if (first < ending || (first === ending && hashKeyOf(hashKey) <= this.#endingKeys[middle]!))
        high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Writes the answer for records that belong to these shards, in order. */
  write(shards: Int32Array, count: number): Buffer {
    const { before, separator, after } = this.#form;
    const templates = this.#templates;
    const entryBytes = templates[0]!.length;
    const answer = Buffer.allocUnsafe(
      before.length + count * (entryBytes + separator.length) - separator.length + after.length,
    );
    this.#mates.fill(0);
    answer.set(before, 0);
    let at = before.length;
    for (let index = 0; index < count; index += 1) {
      const shard = shards[index]!;
      if (index > 0 && separator.length > 0) {
        answer[at] = separator[0]!;
        at += 1;
      }
      answer.set(templates[shard]!, at);
      const mate = this.#mates[shard]!;
      this.#mates[shard] = mate + 1;
      if (mate === 0) this.#entries[shard]! += 1;
      const number = this.#firstNumbers[shard]! + this.#entries[shard]! * NUMBERS_PER_ENTRY + mate;
      const high = Math.floor(number / LOW_DIGITS_RANGE);
      const last = at + this.#lastDigit;
      writeDigits(answer, last, number - high * LOW_DIGITS_RANGE, LOW_DIGITS);
      writeDigits(answer, last - LOW_DIGITS, high, CHANGING_DIGITS - LOW_DIGITS);
      at += entryBytes;
    }
    answer.set(after, at);
    return answer;
  }
}

/** Writes `value` so that its last digit stands at `last`. */
function writeDigits(bytes: Uint8Array, last: number, value: number, count: number): void {
  let left = value | 0;
  for (let digit = 0; digit < count; digit += 1) {
    const rest = (left / 10) | 0;
    bytes[last - digit] = 0x30 + left - rest * 10;
    left = rest;
  }
  // More entries than these digits can count would have to change those that are fixed.
  if (left !== 0) throw new RangeError("the ceiling has run out of sequence numbers");
}

function hashKeyOf(words: Uint32Array): bigint {
  return words.reduce((key, word) => (key << 32n) | BigInt(word), 0n);
}
