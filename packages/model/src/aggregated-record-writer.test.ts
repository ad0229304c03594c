import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  AggregatedRecordWriter,
  OneKeyAggregateWriter,
  readAggregatedRecord,
  type RecordToAggregate,
} from "./index.ts";

const record = (
  partitionKey: string,
  data: string | Uint8Array,
  explicitHashKey?: string,
): RecordToAggregate => ({
  partitionKey,
  partitionKeyBytes: Buffer.byteLength(partitionKey),
  explicitHashKey,
  data: Buffer.from(data),
});

function written(records: readonly RecordToAggregate[]): Uint8Array {
  const writer = new AggregatedRecordWriter();
  for (const one of records) expect(writer.tryAdd(one, Infinity)).toBe(true);
  return writer.finish();
}

describe("a written aggregated record", () => {
  test("has the bytes that AWS's own aggregator makes of the same user records", () => {
    // Made with aws-kinesis-agg 4.2.8, RecordAggregator.build().
    const expected =
      "f3899ac20a03616e610a0662c3b6727465120234321a0908001a0566697273741a0c080110001a067365636f6e641a870108001a8201070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707070707071a07080010001a017813db8ead2b817cb7ee94c286a0976c80";
    const bytes = written([
      record("ana", "first"),
      record("börte", "second", "42"),
      record("ana", Buffer.alloc(130, 7)),
      record("ana", "x", "42"),
    ]);
    expect(Buffer.from(bytes).toString("hex")).toBe(expected);
  });

  test("is read back as what went in, of the size that was foretold", () => {
    const userRecord = fc.tuple(
      fc.oneof(fc.constantFrom("a", "b", "ä"), fc.string({ unit: "binary" })),
      fc.oneof(fc.uint8Array({ maxLength: 100 }), fc.uint8Array({ minLength: 17_000, maxLength: 17_010 })),
      fc.option(fc.constantFrom("0", "42", "340282366920938463463374607431768211455"), { nil: undefined }),
    );
    fc.assert(
      fc.property(fc.array(userRecord, { minLength: 1, maxLength: 200 }), (tuples) => {
        const records = tuples.map(([key, data, hashKey]) => record(key, data, hashKey));
        const writer = new AggregatedRecordWriter();
        for (const one of records) writer.tryAdd(one, Infinity);
        const { sizeBytes } = writer;
        const bytes = writer.finish();
        expect(bytes).toHaveLength(sizeBytes);
        expect(
          readAggregatedRecord(bytes)?.map(({ data, partitionKey, explicitHashKey }) => [
            partitionKey,
            Buffer.from(data).toString("hex"),
            explicitHashKey,
          ]),
        ).toEqual(
          records.map(({ data, partitionKey, explicitHashKey }) => [
            partitionKey,
            Buffer.from(data).toString("hex"),
            explicitHashKey,
          ]),
        );
      }),
      { numRuns: 50 },
    );
  });

  test("never passes the size that it is given: the record that would is not added", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 40, max: 400 }),
        fc.integer({ min: 0, max: 90 }),
        (sizeBytesMax, dataBytes) => {
          const writer = new AggregatedRecordWriter();
          let count = 0;
          while (writer.tryAdd(record(`key ${count}`, Buffer.alloc(dataBytes)), sizeBytesMax)) count += 1;
          expect(writer.count).toBe(count);
          if (count === 0) return;
          const bytes = writer.finish();
          expect(bytes.length).toBeLessThanOrEqual(sizeBytesMax);
          expect(bytes.length + dataBytes + 20).toBeGreaterThan(sizeBytesMax);
          expect(readAggregatedRecord(bytes)).toHaveLength(count);
        },
      ),
    );
  });

  test("leaves nothing behind for the next one", () => {
    const writer = new AggregatedRecordWriter();
    writer.tryAdd(record("ana", "1", "7"), Infinity);
    writer.finish();
    expect(writer.count).toBe(0);
    writer.tryAdd(record("ben", "2"), Infinity);
    expect(Buffer.from(writer.finish())).toEqual(Buffer.from(written([record("ben", "2")])));
  });
});

describe("a writer for one key", () => {
  test("makes the same bytes of ranges, and takes what fits", () => {
    const records = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), records, fc.boolean(), (key, all, isBeside) => {
        const memory = Buffer.alloc(5_000 + 20 * 300);
        const writer = new OneKeyAggregateWriter(memory.subarray(100, 100 + 4_096));
        writer.begin("something that is forgotten");
        writer.begin(key);
        // Behind the writer's bytes in the same memory, or somewhere else.
        const source = isBeside ? memory.subarray(5_000) : Buffer.alloc(20 * 300);
        Buffer.concat(all).copy(source);
        const taken: Uint8Array[] = [];
        let start = 0;
        for (const data of all) {
          if (!writer.tryAdd(source, start, start + data.length)) break;
          taken.push(data);
          start += data.length;
        }
        expect(writer.count).toBe(taken.length);
        expect(writer.dataBytes).toBe(start);
        const bytes = writer.finish();
        expect(Buffer.compare(bytes, written(taken.map((data) => record(key, data))))).toBe(0);
        expect(bytes.length).toBeLessThanOrEqual(4_096);
        if (taken.length < all.length) {
          expect(bytes.length + 7 + all[taken.length]!.length).toBeGreaterThan(4_096);
        }
      }),
    );
  });
});
