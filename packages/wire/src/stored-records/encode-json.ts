import { ByteWriter, joined } from "../byte-writer.ts";
import { RANGE_FIELDS } from "./stored-records.ts";
import type { StoredBatch, StoredRecords } from "./stored-records.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** What a record is in JSON beside its key and data, at most. */
const FRAME_BYTES_MAX = 200;
/** Text that is put together before it is written. */
const TEXT_LENGTH_MAX = 16 * 1024;

/** Writes a list of records as the reference encoder would write the objects. */
export function writeRecordsJson(writer: ByteWriter, { batches }: StoredRecords): void {
  writer.ascii("[");
  let isFirst = true;
  for (const batch of batches) {
    if (batch.length === 0) continue;
    const json = batch.json ?? encodedBatch(batch);
    writer.bytes(isFirst ? json.subarray(1) : json);
    isFirst = false;
  }
  writer.ascii("]");
}

/**
 * The records of a batch, with a comma before each. They are put together as text and written many at a time, since each
 * write to a buffer costs a call.
 */
function encodedBatch(batch: StoredBatch): Buffer {
  const { bytes, offsets } = batch.ranges();
  const { encrypted, length } = batch;
  const seconds = String(Math.round(batch.arrivalMs) / 1000);
  const encryption = encrypted ? ',"EncryptionType":"KMS"}' : "}";
  const writer = new ByteWriter(sizeEstimate(offsets, length));
  let text = "";
  for (let index = 0; index < length; index += 1) {
    const at = index * RANGE_FIELDS;
    text +=
      `,{"SequenceNumber":"${batch.sequenceNumber(index)}","ApproximateArrivalTimestamp":${seconds},"Data":"` +
      bytes.toString("base64", offsets[at + 2], offsets[at + 3]);
    const keyStart = offsets[at]!;
    const keyEnd = offsets[at + 1]!;
    if (keyEnd === keyStart) {
      text += `"${encryption}`;
    } else if (isPlain(bytes, keyStart, keyEnd)) {
      text += `","PartitionKey":"${bytes.toString("latin1", keyStart, keyEnd)}"${encryption}`;
    } else {
      writer.ascii(`${text}","PartitionKey":`);
      writer.text(JSON.stringify(bytes.toString("utf8", keyStart, keyEnd)));
      text = encryption;
    }
    if (text.length < TEXT_LENGTH_MAX) continue;
    writer.ascii(text);
    text = "";
  }
  writer.ascii(text);
  const json = joined(writer.pieces());
  batch.keepJson(json);
  return json;
}

/** Enough for one piece unless keys need escapes. */
function sizeEstimate(offsets: readonly number[], length: number): number {
  let sizeBytes = length * FRAME_BYTES_MAX;
  for (let at = 0; at < length * RANGE_FIELDS; at += RANGE_FIELDS) {
    sizeBytes += offsets[at + 1]! - offsets[at]!;
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
