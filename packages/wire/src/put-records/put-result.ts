import type { ByteWriter } from "../byte-writer.ts";
import { encodedText, textType, writeHead } from "../cbor/head.ts";

/**
 * What became of a record of PutRecords that was stored, as it stands in the answer. Both texts are as the model prints
 * them, printable ASCII without quotes, so the encoders need not look.
 */
export class PutResult {
  readonly SequenceNumber: string;
  readonly ShardId: string;

  constructor(sequenceNumber: string, shardId: string) {
    this.SequenceNumber = sequenceNumber;
    this.ShardId = shardId;
  }
}

export function writePutResultJson(writer: ByteWriter, { SequenceNumber, ShardId }: PutResult): void {
  writer.text(`{"SequenceNumber":"${SequenceNumber}","ShardId":"${ShardId}"}`);
}

export function writePutResultCbor(writer: ByteWriter, { SequenceNumber, ShardId }: PutResult): void {
  writer.bytes(BEFORE_SEQUENCE_NUMBER);
  writeHead(writer, textType, SequenceNumber.length);
  writer.ascii(SequenceNumber);
  writer.bytes(BEFORE_SHARD_ID);
  writeHead(writer, textType, ShardId.length);
  writer.ascii(ShardId);
  writer.byte(BREAK);
}

const INDEFINITE_MAP = 0xbf;
const BREAK = 0xff;
const BEFORE_SEQUENCE_NUMBER = Buffer.concat([Buffer.of(INDEFINITE_MAP), encodedText("SequenceNumber")]);
const BEFORE_SHARD_ID = encodedText("ShardId");
