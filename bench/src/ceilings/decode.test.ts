/** The ceiling that does all but storing must do all: it is only worth its name if its work is the same. */
import { hash } from "node:crypto";
import { kinesis } from "@millrace/api";
import { decodeResponse, encodeRequest } from "@millrace/wire";
import { startMillrace } from "millrace";
import { describe, expect, test } from "vitest";
import { putRecordsDecoder } from "./decode.ts";
import { md5 } from "./md5.ts";

const SHARDS = 7;

function bodyOf(format: "json" | "cbor", recordCount: number, dataBytes: number, more: object = {}): Buffer {
  const { body } = encodeRequest(
    kinesis,
    "PutRecords",
    {
      StreamName: "bench",
      Records: Array.from({ length: recordCount }, (_, index) => ({
        PartitionKey: `key-${index * 31}`,
        Data: Buffer.alloc(dataBytes, `${index} `),
        ...more,
      })),
    },
    format,
  );
  return Buffer.concat(body);
}

test("a key of any length has the MD5 that OpenSSL finds", () => {
  const digest = new Uint32Array(4);
  for (let length = 0; length < 300; length += 1) {
    const key = Buffer.from(Array.from({ length }, (_, index) => (index * 37 + length) & 0xff));
    md5(Buffer.concat([Buffer.from("before"), key]), 6, 6 + length, digest);
    const found = [...digest].map((word) => word.toString(16).padStart(8, "0")).join("");
    expect(found, `${length} bytes`).toBe(hash("md5", key, "hex"));
  }
});

describe.each(["json", "cbor"] as const)("PutRecords as %s", (format) => {
  const typed = { "content-type": `application/x-amz-${format}-1.1` };
  const answerOf = (body: Uint8Array) =>
    decodeResponse(kinesis, "PutRecords", { status: 200, headers: typed, body });

  test("is answered with the shards that Millrace answers, in as many bytes", async () => {
    const body = bodyOf(format, 100, 50);
    const server = await startMillrace({ streams: { bench: SHARDS } });
    try {
      const response = await fetch(server.endpoint, {
        method: "POST",
        headers: { ...typed, "x-amz-target": "Kinesis_20131202.PutRecords" },
        body,
      });
      const real = Buffer.from(await response.arrayBuffer());

      const ceiling = putRecordsDecoder(format, SHARDS).answer(body);
      expect(ceiling.length).toBe(real.length);
      const shardsOf = (answer: Buffer) => answerOf(answer).Records.map(({ ShardId }) => ShardId);
      expect(shardsOf(ceiling)).toEqual(shardsOf(real));
    } finally {
      await server.close();
    }
  });

  test("numbers each shard's records upwards, over requests too", () => {
    const decoder = putRecordsDecoder(format, SHARDS);
    const last = new Map<string, string>();
    for (let request = 0; request < 300; request += 1) {
      const answer = answerOf(decoder.answer(bodyOf(format, 40, 1)));
      expect(answer.FailedRecordCount).toBe(0);
      for (const { ShardId = "", SequenceNumber = "" } of answer.Records) {
        expect(SequenceNumber).toMatch(/^49\d{54}$/);
        expect(SequenceNumber > (last.get(ShardId) ?? "")).toBe(true);
        last.set(ShardId, SequenceNumber);
      }
    }
    expect(last.size).toBe(SHARDS);
  });

  test("is decoded to the last byte of data", () => {
    const decoder = putRecordsDecoder(format, SHARDS);
    decoder.answer(bodyOf(format, 500, 1_000));
    decoder.answer(bodyOf(format, 1, 1));
    expect(decoder.dataBytes).toBe(500_001);
  });

  test("throws on a body that is cut off, has more than 500 records, or has members it does not know", () => {
    const { answer } = putRecordsDecoder(format, SHARDS);
    const body = bodyOf(format, 2, 10);
    expect(() => answer(body.subarray(0, body.length - 1))).toThrow("not a body that the ceiling reads");
    expect(() => answer(bodyOf(format, 501, 1))).toThrow("more than 500 records");
    expect(() => answer(bodyOf(format, 1, 1, { ExplicitHashKey: "1" }))).toThrow(
      "not a body that the ceiling reads",
    );
  });
});
