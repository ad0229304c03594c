import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AggregatedRecordWriter, readAggregatedRecord, type RecordToAggregate } from "./index.ts";

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
