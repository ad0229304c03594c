import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readAggregatedRecord } from "./index.ts";

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
const bytesField = (field: number, bytes: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from([field * 8 + 2, ...varint(bytes.length)]), bytes]);
const numberField = (field: number, value: number): Buffer => Buffer.from([field * 8, ...varint(value)]);

function aggregate(message: Uint8Array): Buffer {
  const md5 = createHash("md5").update(message).digest();
  return Buffer.concat([Buffer.from("f3899ac2", "hex"), message, md5]);
}

describe("aggregated records", () => {
  test("user records come back in order with their keys and sub-sequence numbers", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.string(), fc.uint8Array({ maxLength: 300 })), { minLength: 1 }),
        (records) => {
          const message = Buffer.concat([
            ...records.map(([key]) => bytesField(1, Buffer.from(key, "utf8"))),
            bytesField(2, Buffer.from("42")),
            ...records.map(([, data], index) =>
              bytesField(
                3,
                Buffer.concat([
                  numberField(1, index),
                  ...(index === 0 ? [numberField(2, 0)] : []),
                  bytesField(3, data),
                  bytesField(4, bytesField(1, Buffer.from("tag"))),
                ]),
              ),
            ),
          ]);
          const read = readAggregatedRecord(aggregate(message))!;
          expect(read.map(({ subSequenceNumber }) => subSequenceNumber)).toEqual(
            records.map((_, index) => index),
          );
          expect(read.map(({ data }) => Buffer.from(data))).toEqual(
            records.map(([, data]) => Buffer.from(data)),
          );
          expect(read.map(({ partitionKey }) => Buffer.from(partitionKey))).toEqual(
            records.map(([key]) => Buffer.from(key, "utf8")),
          );
          expect(read[0]!.explicitHashKey).toBe("42");
        },
      ),
      { numRuns: 50 },
    );
  });

  test("data with a wrong magic or digest is an ordinary record", () => {
    const whole = aggregate(
      Buffer.concat([
        bytesField(1, Buffer.from("k")),
        bytesField(3, Buffer.concat([numberField(1, 0), bytesField(3, Buffer.from("d"))])),
      ]),
    );
    expect(readAggregatedRecord(whole)).toHaveLength(1);
    for (let at = 0; at < whole.length; at += 1) {
      const changed = Buffer.from(whole);
      changed[at]! ^= 1;
      expect(readAggregatedRecord(changed)).toBeUndefined();
    }
    expect(readAggregatedRecord(Buffer.alloc(0))).toBeUndefined();
  });

  test("a record that names a key outside the table makes the whole an ordinary record", () => {
    const message = bytesField(3, Buffer.concat([numberField(1, 5), bytesField(3, Buffer.from("d"))]));
    expect(readAggregatedRecord(aggregate(message))).toBeUndefined();
  });

  test("bytes of any kind are answered without an error", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const read = readAggregatedRecord(aggregate(bytes));
        expect(read === undefined || Array.isArray(read)).toBe(true);
      }),
    );
  });
});
