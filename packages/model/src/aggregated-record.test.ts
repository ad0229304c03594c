import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  AggregatedRecordWriter,
  readAggregatedRecord,
  userRecordCountMax,
  visitAggregatedRecord,
} from "./index.ts";

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

  test("the tables may stand behind the records", () => {
    const message = Buffer.concat([
      bytesField(3, Buffer.concat([numberField(1, 1), numberField(2, 0), bytesField(3, Buffer.from("d"))])),
      bytesField(1, Buffer.from("a")),
      bytesField(2, Buffer.from("42")),
      bytesField(1, Buffer.from("b")),
    ]);
    expect(readAggregatedRecord(aggregate(message))).toEqual([
      { partitionKey: "b", explicitHashKey: "42", data: Buffer.from("d"), subSequenceNumber: 0 },
    ]);
  });

  test("indices and lengths may take more than one byte, and two", () => {
    const sizes = [0, 127, 128, 16_383, 16_384, 2_097_152];
    const records = Array.from({ length: 17_000 }, (_, at) => Buffer.alloc(sizes[at] ?? 1, at));
    const message = Buffer.concat([
      ...records.map((_, at) => bytesField(1, Buffer.from(`key-${at}`))),
      ...records.map((data, at) => bytesField(3, Buffer.concat([numberField(1, at), bytesField(3, data)]))),
    ]);
    const read = readAggregatedRecord(aggregate(message))!;
    expect(read.map(({ partitionKey }) => partitionKey)).toEqual(records.map((_, at) => `key-${at}`));
    for (const [at, data] of records.entries()) expect(Buffer.compare(read[at]!.data, data)).toBe(0);
  });

  test("a key is read once, however many records have it", () => {
    const writer = new AggregatedRecordWriter();
    for (const partitionKey of ["a", "b", "a", "a"]) {
      const record = { partitionKey, partitionKeyBytes: 1, explicitHashKey: "7", data: Buffer.from("d") };
      writer.tryAdd(record, Infinity);
    }
    const read: string[] = [];
    const visited: string[] = [];
    const reader = (table: string) => (bytes: Buffer, start: number, end: number) => {
      read.push(`${table} ${bytes.toString("utf8", start, end)}`);
      return bytes.toString("utf8", start, end);
    };
    const keyReaders = { partitionKey: reader("key"), explicitHashKey: reader("hash key") };
    const count = visitAggregatedRecord(writer.finish(), keyReaders, (key, hashKey, _data, place) => {
      visited.push(`${key} ${hashKey} ${place}`);
    });
    expect(count).toBe(4);
    expect(read.toSorted()).toEqual(["hash key 7", "key a", "key b"]);
    expect(visited).toEqual(["a 7 0", "b 7 1", "a 7 2", "a 7 3"]);
  });

  test("how many there may be is known without reading them, and no fewer than there are", () => {
    const one = Buffer.concat([numberField(1, 0), bytesField(3, Buffer.from("d"))]);
    const whole = (count: number) =>
      aggregate(
        Buffer.concat([
          bytesField(1, Buffer.from("k")),
          ...Array.from({ length: count }, () => bytesField(3, one)),
        ]),
      );
    expect([1, 2, 300].map((count) => userRecordCountMax(whole(count)))).toEqual([1, 2, 300]);
    expect(userRecordCountMax(Buffer.from("ordinary"))).toBe(1);
    expect(userRecordCountMax(Buffer.alloc(0))).toBe(1);
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const data = aggregate(bytes);
        expect(userRecordCountMax(data)).toBeGreaterThanOrEqual(readAggregatedRecord(data)?.length ?? 1);
      }),
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
