import { BytePool, POOLED_BYTES_MIN } from "@millrace/runtime";
import type { ByteWriter } from "../byte-writer.ts";
import { Base64Text } from "../webassembly/base64-text.ts";
import { RANGE_FIELDS, StoredRecords } from "./stored-records.ts";
import type { BatchEncoder, RecordRanges, StoredBatch } from "./stored-records.ts";

const KEY_BEGINS = '","PartitionKey":"';
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** What a record is in JSON beside its key and data, at most. */
const FRAME_BYTES_MAX = 200;
/** A byte of a key may become an escape. */
const ESCAPE_BYTES_MAX = 6;
/** Batches are written side by side. The memory for those that follow is larger each time, up to this size. */
const PIECE_BYTES_MAX = 1 << 20;
const PIECE_GROWTH = 4;
/** Text that is put together before it is written, where the machine has no better way. */
const TEXT_LENGTH_MAX = 16 * 1024;

/** Four answers of the largest kind, in base64, as so many consumers that catch up have them. */
const IDLE_ANSWER_BYTES_MAX = 64 << 20;

/** What answers are written to, until they are sent. Of the thread, as the processor's caches are. */
const answers = new BytePool({ idleBytesMax: IDLE_ANSWER_BYTES_MAX });

/** What base64 is written with: where the machine has nothing better, the platform's strings. */
type Means = Base64Text | "strings";
let best: Means | undefined;

/** Records that are written as JSON while they are read. */
export function recordsForJson(): StoredRecords {
  return new StoredRecords((records) => batchEncoder(records));
}

/** Writes a list of records as the reference encoder would write the objects. */
export function writeRecordsJson(writer: ByteWriter, records: StoredRecords, means?: Means): void {
  const encode = batchEncoder(records, means);
  writer.ascii("[");
  let isFirst = true;
  for (const [at, batch] of records.batches.entries()) {
    if (batch.length === 0) continue;
    const json = records.encoded[at] ?? encode(batch);
    writer.bytes(isFirst ? json.subarray(1) : json);
    isFirst = false;
  }
  writer.ascii("]");
}

/** Gives the records of a batch with a comma before each. */
function batchEncoder(
  records: StoredRecords,
  means: Means = (best ??= Base64Text.create() ?? "strings"),
): BatchEncoder {
  const writing = new BatchWriting(records, means);
  return (batch) => {
    if (batch.length === 0) return NOTHING;
    const kept = batch.json;
    if (kept !== undefined) return kept;
    const json = writing.write(batch);
    batch.keepJson(json);
    return json;
  };
}

/** Writes batches to memory that is given back with the records. */
class BatchWriting {
  readonly #records: StoredRecords;
  readonly #means: Means;
  #piece: Buffer = NOTHING;
  #end = 0;

  constructor(records: StoredRecords, means: Means) {
    this.#records = records;
    this.#means = means;
  }

  /** The records of a batch, with a comma before each. */
  write(batch: StoredBatch): Buffer {
    const ranges = batch.ranges();
    const start = this.#room(sizeBytesMax(ranges.offsets, batch.length));
    const means = this.#means;
    const end =
      means === "strings"
        ? writeAsStrings(batch, ranges, this.#piece, start)
        : writeAsBytes(means, batch, ranges, this.#piece, start);
    this.#end = end;
    return this.#piece.subarray(start, end);
  }

  /** Where the next `sizeBytes` go to. */
  #room(sizeBytes: number): number {
    if (this.#end + sizeBytes > this.#piece.length) {
      const wantedBytes = Math.max(sizeBytes, Math.min(this.#piece.length * PIECE_GROWTH, PIECE_BYTES_MAX));
      this.#piece =
        wantedBytes < POOLED_BYTES_MIN ? Buffer.allocUnsafe(wantedBytes) : this.#taken(wantedBytes);
      this.#end = 0;
    }
    return this.#end;
  }

  #taken(sizeBytes: number): Buffer {
    const piece = answers.take(sizeBytes);
    this.#records.holdUntilReleased(() => answers.give(piece));
    return piece;
  }
}

/** What stands between the keys and data of two records is put aside, and only the sequence number changes in it. */
function writeAsBytes(
  text: Base64Text,
  batch: StoredBatch,
  { bytes, offsets }: RecordRanges,
  target: Buffer,
  start: number,
): number {
  const { arrival, encryption } = framesOf(batch);
  const keyEnds = text.putAside(0, KEY_BEGINS);
  const recordEnds = text.putAside(keyEnds, `"${encryption}`);
  const numberEnds = text.putAside(recordEnds, `,{"SequenceNumber":"${batch.sequenceNumber(0)}`);
  const dataBegins = text.putAside(numberEnds, arrival);
  text.begin(target, start);
  text.from(bytes);
  text.repeat(recordEnds, dataBegins);
  for (let at = 0; ;) {
    const keyStart = offsets[at]!;
    const keyEnd = offsets[at + 1]!;
    text.base64(offsets[at + 2]!, offsets[at + 3]!);
    let closing = keyEnds;
    if (keyEnd > keyStart && isPlain(bytes, keyStart, keyEnd)) {
      text.repeat(0, keyEnds);
      text.copied(keyStart, keyEnd);
    } else if (keyEnd > keyStart) {
      text.repeat(0, keyEnds - 1);
      text.bytes(Buffer.from(JSON.stringify(bytes.toString("utf8", keyStart, keyEnd))));
      closing += 1;
    }
    at += RANGE_FIELDS;
    if (at === batch.length * RANGE_FIELDS) {
      text.repeat(closing, recordEnds);
      return text.finish();
    }
    text.countUp(numberEnds);
    text.repeat(closing, dataBegins);
  }
}

/** Many records at a time, since each write of text costs a call. */
function writeAsStrings(
  batch: StoredBatch,
  { bytes, offsets }: RecordRanges,
  target: Buffer,
  start: number,
): number {
  const { arrival, encryption } = framesOf(batch);
  let end = start;
  let text = "";
  for (let index = 0; index < batch.length; index += 1) {
    const at = index * RANGE_FIELDS;
    const keyStart = offsets[at]!;
    const keyEnd = offsets[at + 1]!;
    text += `,{"SequenceNumber":"${batch.sequenceNumber(index)}${arrival}`;
    text += bytes.toString("base64", offsets[at + 2], offsets[at + 3]);
    text +=
      keyEnd === keyStart
        ? `"${encryption}`
        : `","PartitionKey":${JSON.stringify(bytes.toString("utf8", keyStart, keyEnd))}${encryption}`;
    if (text.length < TEXT_LENGTH_MAX) continue;
    end += target.write(text, end);
    text = "";
  }
  return end + target.write(text, end);
}

/** The parts that are the same for all records of a batch. */
function framesOf({ arrivalMs, encrypted }: StoredBatch): {
  readonly arrival: string;
  readonly encryption: string;
} {
  return {
    arrival: `","ApproximateArrivalTimestamp":${Math.round(arrivalMs) / 1000},"Data":"`,
    encryption: encrypted ? ',"EncryptionType":"KMS"}' : "}",
  };
}

function sizeBytesMax(offsets: readonly number[], length: number): number {
  let sizeBytes = length * FRAME_BYTES_MAX;
  for (let at = 0; at < length * RANGE_FIELDS; at += RANGE_FIELDS) {
    sizeBytes += (offsets[at + 1]! - offsets[at]!) * ESCAPE_BYTES_MAX;
    sizeBytes += Math.ceil((offsets[at + 3]! - offsets[at + 2]!) / 3) * 4;
  }
  return sizeBytes;
}

/** Whether a key is printable ASCII that JSON writes as it is. */
function isPlain(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at]!;
    if (byte < 0x20 || byte > 0x7e || byte === QUOTE || byte === BACKSLASH) return false;
  }
  return true;
}

const NOTHING = Buffer.alloc(0);
