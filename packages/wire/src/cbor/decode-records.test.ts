import { GetRecords, type OutputOf } from "@millrace/api";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeCbor, encodeCbor } from "../index.ts";
import { decodeRecordsQuickly } from "./decode-records.ts";

type Answer = OutputOf<typeof GetRecords>;

const record = fc.record(
  {
    SequenceNumber: fc.constantFrom("49", "4".repeat(56), ""),
    ApproximateArrivalTimestamp: fc.oneof(
      fc.integer({ min: 0, max: 2e12 }),
      fc.double({ noNaN: true, min: 0, max: 2e12 }),
    ),
    Data: fc.uint8Array({ maxLength: 300 }),
    PartitionKey: fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 40 }),
      fc.string({ minLength: 200, maxLength: 300 }),
    ),
    EncryptionType: fc.constantFrom("KMS" as const, "NONE" as const),
  },
  { requiredKeys: ["SequenceNumber", "ApproximateArrivalTimestamp", "Data", "PartitionKey"] },
);
const answers: fc.Arbitrary<Answer> = fc.record(
  {
    Records: fc.array(record, { maxLength: 40 }),
    NextShardIterator: fc.string({ minLength: 1 }),
    MillisBehindLatest: fc.integer({ min: 0, max: 1e12 }),
  },
  { requiredKeys: ["Records"] },
) as fc.Arbitrary<Answer>;

const encode = (answer: Answer) => Buffer.concat(encodeCbor(answer, GetRecords.output));
const plain = (answer: Answer | undefined) =>
  answer && { ...answer, Records: answer.Records.map((one) => ({ ...one, Data: Buffer.from(one.Data) })) };

/** The bytes cut at these places, some of which may be the same. */
function piecesOf(bytes: Buffer, places: readonly number[]): Buffer[] {
  const cuts = places.map((place) => place % (bytes.length + 1)).toSorted((one, other) => one - other);
  return [0, ...cuts].map((from, index) => bytes.subarray(from, cuts[index] ?? bytes.length));
}

describe("the quick way to read records", () => {
  test("gives what the decoder of the contract gives, for every answer that the service gives", () => {
    fc.assert(
      fc.property(answers, (answer) => {
        const bytes = encode(answer);
        const quick = decodeRecordsQuickly([bytes]);
        const isLossy = answer.Records.some((one) => one.PartitionKey?.includes("\ufffd"));
        if (isLossy) return;
        expect(quick).toBeDefined();
        expect(plain(quick)).toEqual(plain(decodeCbor(bytes, GetRecords.output)));
      }),
      { numRuns: 300 },
    );
  });

  test("gives the same or nothing for bodies that are nearly right", () => {
    const reference = (bytes: Buffer): unknown => {
      try {
        return plain(decodeCbor(bytes, GetRecords.output));
      } catch {
        return "refused";
      }
    };
    // Anywhere: most bytes are data, and a change there leaves a body that can be read.
    const position = fc.noBias(fc.nat());
    const change = fc.tuple(position, fc.nat(255), fc.constantFrom("set", "insert", "remove", "cut"));
    let readCount = 0;
    fc.assert(
      fc.property(answers, fc.array(change, { minLength: 1, maxLength: 2 }), (answer, changes) => {
        let bytes = encode(answer);
        for (const [place, value, kind] of changes) {
          const at = place % (bytes.length + 1);
          const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
          if (kind === "cut") bytes = head;
          else if (kind === "remove") bytes = Buffer.concat([head, tail.subarray(1)]);
          else bytes = Buffer.concat([head, Buffer.from([value]), kind === "set" ? tail.subarray(1) : tail]);
        }
        const quick = decodeRecordsQuickly([bytes]);
        if (quick === undefined) return;
        readCount += 1;
        expect(plain(quick)).toEqual(reference(bytes));
      }),
      { numRuns: 2_000 },
    );
    expect(readCount).toBeGreaterThan(50);
  });

  test("gives the same wherever the body is cut into pieces", () => {
    fc.assert(
      fc.property(answers, fc.array(fc.noBias(fc.nat()), { maxLength: 30 }), (answer, places) => {
        const bytes = encode(answer);
        const quick = plain(decodeRecordsQuickly([bytes]));
        expect(plain(decodeRecordsQuickly(piecesOf(bytes, places)))).toEqual(quick);
        const single = Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
        expect(plain(decodeRecordsQuickly(single))).toEqual(quick);
      }),
      { numRuns: 200 },
    );
  });

  test("leaves a body that is cut short, or goes on behind its end, to the decoder", () => {
    const bytes = encode({
      Records: [
        { SequenceNumber: "49", ApproximateArrivalTimestamp: 1, Data: Buffer.alloc(300), PartitionKey: "a" },
      ],
      MillisBehindLatest: 0,
    });
    for (let length = 0; length < bytes.length; length += 1) {
      const short = bytes.subarray(0, length);
      for (const cut of [1, 40, 200]) expect(decodeRecordsQuickly(piecesOf(short, [cut]))).toBeUndefined();
    }
    expect(decodeRecordsQuickly([bytes, Buffer.alloc(1)])).toBeUndefined();
    expect(decodeRecordsQuickly([bytes, Buffer.alloc(0)])).toBeDefined();
    expect(decodeRecordsQuickly([])).toBeUndefined();
    // A megabyte of megabytes is announced, and none is made room for.
    const huge = Buffer.from("a1675265636f72647381a144446174615b000000ffffffffff", "hex");
    expect(decodeRecordsQuickly(piecesOf(huge, [12]))).toBeUndefined();
  });

  test("copies only data that lies in several pieces", () => {
    const one = { ApproximateArrivalTimestamp: 1, Data: Buffer.alloc(100, 7), PartitionKey: "a" };
    const bytes = encode({
      Records: [
        { SequenceNumber: "1", ...one },
        { SequenceNumber: "2", ...one },
      ],
    });
    const pieces = piecesOf(bytes, [bytes.lastIndexOf(7)]).map((piece) => new Uint8Array(piece));
    const [first, second] = decodeRecordsQuickly(pieces)!.Records;
    const isView = ({ Data }: { Data: Uint8Array }) => pieces.some(({ buffer }) => buffer === Data.buffer);
    expect([isView(first!), isView(second!)]).toEqual([true, false]);
    expect(Buffer.compare(second!.Data, one.Data)).toBe(0);
  });

  test("knows indefinite lists and maps, tags of times, and whole numbers", () => {
    const text = (value: string): Buffer =>
      Buffer.concat([Buffer.from([0x60 | value.length]), Buffer.from(value)]);
    const bytes = Buffer.concat([
      Buffer.from([0xbf]),
      text("MillisBehindLatest"),
      Buffer.from([0x19, 0x01, 0x00]),
      text("Records"),
      Buffer.from([0x9f, 0xbf]),
      text("Data"),
      Buffer.from([0x42, 1, 2]),
      text("PartitionKey"),
      text("a"),
      text("SequenceNumber"),
      text("495"),
      Buffer.from([0x78, 27]),
      Buffer.from("ApproximateArrivalTimestamp"),
      Buffer.from([0xc1, 0x1b, 0, 0, 0x01, 0x9b, 0, 0, 0, 0]),
      Buffer.from([0xff, 0xff, 0xff]),
    ]);
    const quick = decodeRecordsQuickly([bytes]);
    expect(quick?.Records).toHaveLength(1);
    expect(plain(quick)).toEqual(plain(decodeCbor(bytes, GetRecords.output)));
  });

  test("leaves the end of a shard and everything that it does not know to the decoder", () => {
    const child = {
      ShardId: "s",
      ParentShards: [],
      HashKeyRange: { StartingHashKey: "0", EndingHashKey: "1" },
    };
    expect(decodeRecordsQuickly([encode({ Records: [], ChildShards: [child] })])).toBeUndefined();
    expect(decodeRecordsQuickly([Buffer.from([0xa0])])).toBeUndefined();
    expect(decodeRecordsQuickly([Buffer.from([0xa1, 0x64, 0x44, 0x61, 0x74, 0x61, 0x40])])).toBeUndefined();
    expect(decodeRecordsQuickly([Buffer.alloc(0)])).toBeUndefined();
  });
});
