/**
 * Everything that PutRecords costs besides keeping the records: the body is scanned, the data decoded, every key
 * hashed and placed on a shard, and the answer for all records is written. Nothing is stored.
 */
import { Base64Memory } from "@millrace/wire";
import { forward, operationOf } from "./exchange.ts";
import type { Answer, Asked } from "./exchange.ts";
import { md5 } from "./md5.ts";
import { PutRecordsAnswers } from "./put-records-answer.ts";
import { ScannedRecords, scanCbor, scanJson } from "./scanned-records.ts";

export interface PutRecordsDecoder {
  /** The answer to a PutRecords body. Throws on one that does not have the form that load generators send. */
  answer(body: Buffer): Buffer;
  /** Decoded bytes of data seen so far, so that nobody can leave the decoding out. */
  readonly dataBytes: number;
}

/** Any second does: what a shard's numbers begin with does not change what they cost. */
const CREATED_SECOND = 1_800_000_000;

export function putRecordsDecoder(format: "json" | "cbor", shardCount: number): PutRecordsDecoder {
  const records = new ScannedRecords();
  const answers = new PutRecordsAnswers(format, shardCount, CREATED_SECOND);
  const hashKey = new Uint32Array(4);
  const shards = new Int32Array(records.keyStarts.length);
  // A ceiling decodes no slower than what stands under it.
  const memory = format === "json" ? requireMemory() : undefined;
  let dataBytes = 0;
  return {
    answer(body) {
      if (format === "json") scanJson(body, records);
      else scanCbor(body, records);
      const { count, dataStarts, dataEnds, keyStarts, keyEnds } = records;
      const copy = memory?.copyOf(body);
      if (memory !== undefined && copy === undefined)
        throw new Error(`no room for a body of ${body.length} bytes`);
      let decoded = 0;
      for (let index = 0; index < count; index += 1) {
        const start = dataStarts[index]!;
        const end = dataEnds[index]!;
        // CBOR carries bytes as they are: their range is all there is to decode.
        decoded += copy === undefined ? end - start : copy.decode(start);
        md5(body, keyStarts[index]!, keyEnds[index]!, hashKey);
        shards[index] = answers.shardOf(hashKey);
      }
      copy?.release();
      dataBytes += decoded;
      return answers.write(shards, count);
    },
    get dataBytes() {
      return dataBytes;
    },
  };
}

function requireMemory(): Base64Memory {
  const memory = Base64Memory.create("own");
  if (memory === undefined) throw new Error("this machine does not have the instructions that decode base64");
  return memory;
}

/** A service that answers PutRecords by decoding alone, and leaves all else to the server at `endpoint`. */
export function decode(endpoint: string, shardCount: number): (asked: Asked) => Answer | Promise<Answer> {
  const json = putRecordsDecoder("json", shardCount);
  const cbor = putRecordsDecoder("cbor", shardCount);
  return (asked) => {
    if (operationOf(asked) !== "PutRecords") return forward(endpoint, asked);
    const contentType = asked.headers["content-type"] ?? "";
    const body = Buffer.from(asked.body.buffer, asked.body.byteOffset, asked.body.byteLength);
    const decoder = contentType.includes("cbor") ? cbor : json;
    return { status: 200, headers: { ...HEADERS, "Content-Type": contentType }, body: decoder.answer(body) };
  };
}

/** As many bytes as Millrace sends, which are not worth drawing at random for a ceiling. */
const HEADERS = {
  "x-amzn-RequestId": "00000000-0000-4000-8000-000000000000",
  "x-amz-id-2": "A".repeat(96),
  Date: "Thu, 01 Jan 1970 00:00:00 GMT",
};
