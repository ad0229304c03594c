import { createHash } from "node:crypto";
import { AggregatedRecordWriter, HASH_KEY_MAX, hashKeyOf, WHOLE_RING } from "@millrace/model";
import { describe, expect, test } from "vitest";
import { TRIM_HORIZON } from "../index.ts";
import { sizesOf, type StoredRecord, UserRecordReader } from "./user-records.ts";

/** As the KPL packs: short tables and records, so that every length is one byte. */
function aggregate(
  records: readonly (readonly [key: string, text: string, explicitHashKey?: string])[],
): Buffer {
  const field = (tag: number, bytes: Uint8Array) => Buffer.concat([Buffer.from([tag, bytes.length]), bytes]);
  const keys = [...new Set(records.map(([key]) => key))];
  const hashKeys = records.flatMap(([, , hashKey]) => hashKey ?? []);
  const message = Buffer.concat([
    ...keys.map((key) => field(0x0a, Buffer.from(key))),
    ...hashKeys.map((hashKey) => field(0x12, Buffer.from(hashKey))),
    ...records.map(([key, text, hashKey]) => {
      const index = hashKey === undefined ? [] : [0x10, hashKeys.indexOf(hashKey)];
      const head = Buffer.from([0x08, keys.indexOf(key), ...index]);
      return field(0x1a, Buffer.concat([head, field(0x1a, Buffer.from(text))]));
    }),
  ]);
  const md5 = createHash("md5").update(message).digest();
  return Buffer.concat([Buffer.from("f3899ac2", "hex"), message, md5]);
}

const stored = (SequenceNumber: string, Data: Uint8Array): StoredRecord => ({
  SequenceNumber,
  Data,
  PartitionKey: "a",
  ApproximateArrivalTimestamp: 7,
});

const three = stored(
  "20",
  aggregate([
    ["x", "one"],
    ["y", "two"],
    ["x", "three"],
  ]),
);

function read(reader: UserRecordReader, records: readonly StoredRecord[]) {
  const { records: found, end } = reader.read(records);
  const shown = found.map(
    ({ partitionKey, data, sequenceNumber, subSequenceNumber }) =>
      `${sequenceNumber}.${subSequenceNumber} ${partitionKey} ${Buffer.from(data).toString()}`,
  );
  return { shown, end };
}

describe("user records", () => {
  test("of an aggregate whose last record names no key are none: it is an ordinary record, and whole", () => {
    const broken = aggregate([
      ["x", "one"],
      ["y", "two"],
    ]);
    const message = broken.subarray(4, -16);
    message[message.lastIndexOf(0x1a) - 1] = 9;
    const data = Buffer.concat([broken.subarray(0, 4), message, createHash("md5").update(message).digest()]);
    const { records, end } = new UserRecordReader(WHOLE_RING, TRIM_HORIZON).read([stored("10", data)]);
    expect(records).toMatchObject([{ partitionKey: "a", sequenceNumber: "10", subSequenceNumber: 0, data }]);
    expect(end).toEqual({ sequenceNumber: "10", subSequenceNumber: 0 });
  });

  test("of an aggregated record have its number and their own keys and sub-sequence numbers", () => {
    const reader = new UserRecordReader(WHOLE_RING, TRIM_HORIZON);
    const plain = stored("10", Buffer.from("plain"));
    expect(read(reader, [plain, three])).toEqual({
      shown: ["10.0 a plain", "20.0 x one", "20.1 y two", "20.2 x three"],
      end: { sequenceNumber: "20", subSequenceNumber: 2 },
    });
  });

  test("up to the checkpoint are not handed out again", () => {
    const after = { sequenceNumber: "20", subSequenceNumber: 1 };
    const reader = new UserRecordReader(WHOLE_RING, after);
    expect(read(reader, [three]).shown).toEqual(["20.2 x three"]);
    const done = new UserRecordReader(WHOLE_RING, { sequenceNumber: "20", subSequenceNumber: 2 });
    expect(read(done, [three, stored("30", Buffer.from("next"))]).shown).toEqual(["30.0 a next"]);
    const plain = new UserRecordReader(WHOLE_RING, { sequenceNumber: "10", subSequenceNumber: 0 });
    expect(read(plain, [stored("10", Buffer.from("plain"))])).toEqual({
      shown: [],
      end: { sequenceNumber: "10", subSequenceNumber: 0 },
    });
  });

  test("whose key lies in another shard are dropped, and the checkpoint still passes them", () => {
    const x = hashKeyOf(Buffer.from("x"));
    const reader = new UserRecordReader({ startingHashKey: x, endingHashKey: x }, TRIM_HORIZON);
    expect(read(reader, [three]).shown).toEqual(["20.0 x one", "20.2 x three"]);
    const none = new UserRecordReader({ startingHashKey: 1n, endingHashKey: 1n }, TRIM_HORIZON);
    expect(read(none, [three])).toEqual({ shown: [], end: { sequenceNumber: "20", subSequenceNumber: 2 } });
  });

  test("belong where their key lies, however long it is and whatever is in it", () => {
    for (const partitionKey of [
      "",
      "ключ",
      "x".repeat(55),
      "x".repeat(56),
      "ж".repeat(341),
      "€".repeat(2_000),
    ]) {
      const writer = new AggregatedRecordWriter();
      const partitionKeyBytes = Buffer.byteLength(partitionKey);
      const data = Buffer.from("data");
      writer.tryAdd({ partitionKey, partitionKeyBytes, explicitHashKey: undefined, data }, Infinity);
      const packed = stored("20", writer.finish());
      const at = hashKeyOf(Buffer.from(partitionKey));
      const there = new UserRecordReader({ startingHashKey: at, endingHashKey: at }, TRIM_HORIZON);
      expect(there.read([packed]).records).toMatchObject([{ partitionKey, data }]);
      for (const beside of [at - 1n, at + 1n]) {
        const elsewhere = { startingHashKey: beside, endingHashKey: beside };
        expect(new UserRecordReader(elsewhere, TRIM_HORIZON).read([packed]).records).toEqual([]);
      }
    }
  });

  test("are told from those of other shards by all of the key, also when it was seen before", () => {
    // Of the same letters, of the same bytes in another encoding, one the beginning of the other, and two pairs of the same FNV-1a digest.
    const keys = [
      "ab",
      "ba",
      "abc",
      "é",
      "\u00c3\u00a9",
      "e\u0301",
      "",
      "\u0000",
      "ab",
      "costarring",
      "liquid",
      "declinate",
      "macallums",
    ];
    const packed = stored("20", aggregate(keys.map((key) => [key, key])));
    for (const own of keys) {
      const at = hashKeyOf(Buffer.from(own));
      const reader = new UserRecordReader({ startingHashKey: at, endingHashKey: at }, TRIM_HORIZON);
      for (let time = 0; time < 2; time += 1) {
        const found = reader.read([packed]).records.map(({ partitionKey }) => partitionKey);
        expect(found).toEqual(keys.filter((key) => key === own));
      }
    }
  });

  test("have their own keys when there are more of them than are remembered", () => {
    const keys = Array.from({ length: 9_000 }, (_, at) => `key-${at}`);
    const reader = new UserRecordReader(WHOLE_RING, TRIM_HORIZON);
    for (let time = 0; time < 2; time += 1) {
      for (let from = 0; from < keys.length; from += 100) {
        const some = keys.slice(from, from + 100);
        const { records } = reader.read([stored("20", aggregate(some.map((key) => [key, key])))]);
        expect(records.map(({ partitionKey }) => partitionKey)).toEqual(some);
        expect(records.map(({ data }) => Buffer.from(data).toString())).toEqual(some);
      }
    }
  });

  test("come so many at a time as are asked for, and together they are all", () => {
    const hundred = (number: string) =>
      stored(number, aggregate(Array.from({ length: 100 }, (_, at) => ["x", String(at)])));
    const list = Array.from({ length: 40 }, (_, at) => hundred(String(100 + at)));
    const after = { sequenceNumber: "100", subSequenceNumber: 49 };
    const reader = new UserRecordReader(WHOLE_RING, after);
    const found: string[] = [];
    for (let next = 0; next < list.length;) {
      const piece = reader.read(list, next, 250);
      expect(piece.records.length).toBeLessThan(350);
      expect(piece.end).toEqual({
        sequenceNumber: list[piece.next - 1]!.SequenceNumber,
        subSequenceNumber: 99,
      });
      found.push(...piece.records.map((record) => `${record.sequenceNumber}.${record.subSequenceNumber}`));
      next = piece.next;
    }
    const all = list.flatMap(({ SequenceNumber }) =>
      Array.from({ length: 100 }, (_, at) => `${SequenceNumber}.${at}`),
    );
    expect(found).toEqual(all.slice(50));
    expect(sizesOf(list)).toEqual({
      recordCountMax: 4_000,
      sizeBytes: list.reduce((sum, { Data }) => sum + Data.byteLength, 0),
    });
  });

  test("have data of the kind that ordinary records have", () => {
    const reader = new UserRecordReader(WHOLE_RING, TRIM_HORIZON);
    const { records } = reader.read([stored("10", Buffer.from("plain")), three]);
    expect(records.map(({ data }) => Buffer.isBuffer(data) && data.toString())).toEqual([
      "plain",
      "one",
      "two",
      "three",
    ]);
    // A part of the answer, and no copy.
    expect(records[1]!.data.buffer).toBe(three.Data.buffer);
  });

  test("with an explicit hash key that is none belong where their partition key lies", () => {
    const x = hashKeyOf(Buffer.from("x"));
    const packed = stored(
      "20",
      aggregate([
        ["x", "own", "no number"],
        ["y", "stray", "no number"],
      ]),
    );
    const reader = new UserRecordReader({ startingHashKey: x, endingHashKey: x }, TRIM_HORIZON);
    expect(reader.read([packed]).records).toMatchObject([
      { partitionKey: "x", explicitHashKey: "no number", subSequenceNumber: 0 },
    ]);
  });

  test("with an explicit hash key belong where that lies", () => {
    const explicit = stored(
      "20",
      aggregate([
        ["x", "low", "0"],
        ["x", "high", String(HASH_KEY_MAX)],
      ]),
    );
    const lower = new UserRecordReader({ startingHashKey: 0n, endingHashKey: 5n }, TRIM_HORIZON);
    expect(read(lower, [explicit]).shown).toEqual(["20.0 x low"]);
  });

  test("that only look aggregated are handed out as they are", () => {
    const broken = Buffer.from(three.Data);
    broken[6]! ^= 1;
    const reader = new UserRecordReader(WHOLE_RING, TRIM_HORIZON);
    expect(reader.read([stored("20", broken)]).records).toMatchObject([
      { data: broken, subSequenceNumber: 0 },
    ]);
  });
});
