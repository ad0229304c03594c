import type { ByteWriter } from "../byte-writer.ts";
import { bytesType, encodedText, textType, writeHead, writeInteger } from "../cbor/head.ts";
import { RANGE_FIELDS } from "./stored-records.ts";
import type { StoredRecords } from "./stored-records.ts";

/** Writes a list of records as the reference encoder would write the objects. */
export function writeRecordsCbor(writer: ByteWriter, { batches }: StoredRecords): void {
  writer.byte(INDEFINITE_LIST);
  for (const batch of batches) {
    const { bytes, offsets } = batch.ranges();
    for (let index = 0; index < batch.length; index += 1) {
      const at = index * RANGE_FIELDS;
      const sequenceNumber = batch.sequenceNumber(index);
      writer.bytes(BEFORE_SEQUENCE_NUMBER);
      writeHead(writer, textType, sequenceNumber.length);
      writer.ascii(sequenceNumber);
      writer.bytes(BEFORE_ARRIVAL);
      writeInteger(writer, Math.round(batch.arrivalMs));
      writer.bytes(BEFORE_DATA);
      writeRange(writer, bytesType, bytes, offsets[at + 2]!, offsets[at + 3]!);
      if (offsets[at + 1]! > offsets[at]!) {
        writer.bytes(BEFORE_KEY);
        writeRange(writer, textType, bytes, offsets[at]!, offsets[at + 1]!);
      }
      if (batch.encrypted) writer.bytes(ENCRYPTED);
      writer.byte(BREAK);
    }
  }
  writer.byte(BREAK);
}

function writeRange(writer: ByteWriter, type: number, bytes: Buffer, start: number, end: number): void {
  writeHead(writer, type, end - start);
  writer.bytes(bytes.subarray(start, end));
}

const INDEFINITE_LIST = 0x9f;
const INDEFINITE_MAP = 0xbf;
const BREAK = 0xff;
const EPOCH_TAG = 0xc1;

const BEFORE_SEQUENCE_NUMBER = Buffer.concat([Buffer.of(INDEFINITE_MAP), encodedText("SequenceNumber")]);
const BEFORE_ARRIVAL = Buffer.concat([encodedText("ApproximateArrivalTimestamp"), Buffer.of(EPOCH_TAG)]);
const BEFORE_DATA = encodedText("Data");
const BEFORE_KEY = encodedText("PartitionKey");
const ENCRYPTED = Buffer.concat([encodedText("EncryptionType"), encodedText("KMS")]);
