import type { ByteWriter } from "../byte-writer.ts";
import { RANGE_FIELDS } from "./stored-records.ts";
import type { StoredRecords } from "./stored-records.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Writes a list of records as the reference encoder would write the objects. What stands between the data of two records is put
 * together as one text, since each write to a buffer costs a call.
 */
export function writeRecordsJson(writer: ByteWriter, records: StoredRecords): void {
  const { sequenceNumbers, arrivalMs, encrypted, bytes, ranges, length } = records;
  let before = "[";
  let lastMs = NaN;
  let seconds = "";
  for (let index = 0; index < length; index += 1) {
    const at = index * RANGE_FIELDS;
    const stored = bytes[index]!;
    if (arrivalMs[index] !== lastMs) {
      lastMs = arrivalMs[index]!;
      seconds = String(Math.round(lastMs) / 1000);
    }
    writer.ascii(
      `${before}{"SequenceNumber":"${sequenceNumbers[index]!}","ApproximateArrivalTimestamp":${seconds},"Data":"`,
    );
    writer.ascii(stored.toString("base64", ranges[at + 2], ranges[at + 3]));
    const encryption = encrypted[index] === true ? ',"EncryptionType":"KMS"}' : "}";
    const keyStart = ranges[at]!;
    const keyEnd = ranges[at + 1]!;
    if (keyEnd === keyStart) {
      before = `"${encryption},`;
    } else if (isPlain(stored, keyStart, keyEnd)) {
      before = `","PartitionKey":"${stored.toString("latin1", keyStart, keyEnd)}"${encryption},`;
    } else {
      writer.ascii('","PartitionKey":');
      writer.text(JSON.stringify(stored.toString("utf8", keyStart, keyEnd)));
      before = `${encryption},`;
    }
  }
  // The last comma, or the whole list when it is empty.
  writer.ascii(length === 0 ? "[]" : `${before.slice(0, -1)}]`);
}

/** Whether a key is printable ASCII that JSON writes as it is. */
function isPlain(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at]!;
    if (byte < 0x20 || byte > 0x7e || byte === QUOTE || byte === BACKSLASH) return false;
  }
  return true;
}
