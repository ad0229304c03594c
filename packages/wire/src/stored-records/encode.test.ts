import { GetRecords, SubscribeToShardEvent } from "@millrace/api";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeCbor, encodeJson, StoredRecords, withRecords } from "../index.ts";

const keys = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: "grapheme", maxLength: 8 }),
  fc.constantFrom("", '"', "\\", "\u0000", "\u007f", "ü", "\u2028", "k".repeat(256)),
);
const record = fc.record({
  sequenceNumber: fc.integer({ min: 0, max: 1e9 }).map((n) => `49${String(n).padStart(54, "0")}`),
  arrivalMs: fc.oneof(fc.integer({ min: 0, max: 5e9 }), fc.integer({ min: 1.7e12, max: 1.8e12 })),
  encrypted: fc.boolean(),
  key: keys.map((key) => Buffer.from(key)),
  data: fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.constantFrom(...[300, 5_000, 70_000].map((length) => new Uint8Array(length).fill(7))),
  ),
});
const records = fc.array(record, { maxLength: 6 }).map((all) => {
  const stored = new StoredRecords();
  for (const { sequenceNumber, arrivalMs, encrypted, key, data } of all) {
    // Something stands before, between and behind.
    const bytes = Buffer.concat([Buffer.from("x"), key, Buffer.from("y"), data, Buffer.from("z")]);
    const keyEnd = 1 + key.length;
    stored.add(sequenceNumber, arrivalMs, encrypted, bytes, 1, keyEnd, keyEnd + 1, keyEnd + 1 + data.length);
  }
  return stored;
});

const RUNS = { seed: 11, numRuns: 400 };

describe("the quick encoders of records", () => {
  for (const [name, encode] of [
    ["JSON", encodeJson],
    ["CBOR", encodeCbor],
  ] as const) {
    test(`write the ${name} that the reference encoder writes of the objects`, () => {
      fc.assert(
        fc.property(records, (stored) => {
          const rest = { MillisBehindLatest: 5, NextShardIterator: "AAA" };
          const quick = Buffer.concat(encode(withRecords(stored, { ...rest }), GetRecords.output));
          const reference = Buffer.concat(encode({ Records: stored.toArray(), ...rest }, GetRecords.output));
          expect(quick.equals(reference)).toBe(true);
        }),
        RUNS,
      );
    });
  }

  test("an answer with stored records looks like one with objects to whoever asks, and can be taken apart", () => {
    const stored = new StoredRecords();
    stored.add("49", 1_000, true, Buffer.from("keydata"), 0, 3, 3, 7);
    const expected = {
      Records: [
        {
          SequenceNumber: "49",
          ApproximateArrivalTimestamp: 1_000,
          Data: Buffer.from("data"),
          PartitionKey: "key",
          EncryptionType: "KMS",
        },
      ],
      MillisBehindLatest: 0,
    };
    const answer = withRecords(stored, { MillisBehindLatest: 0 });
    expect(answer).toEqual(expected);
    const changed = { ...answer, Records: [] };
    expect(Buffer.concat(encodeJson(changed, GetRecords.output)).toString()).toBe(
      '{"Records":[],"MillisBehindLatest":0}',
    );
  });

  test("an event of a subscription carries the same list", () => {
    const stored = new StoredRecords();
    stored.add("49", 1_500, false, Buffer.from("keydata"), 0, 3, 3, 7);
    const event = withRecords(stored, { ContinuationSequenceNumber: "50", MillisBehindLatest: 0 });
    expect(Buffer.concat(encodeJson(event, SubscribeToShardEvent)).toString()).toBe(
      '{"Records":[{"SequenceNumber":"49","ApproximateArrivalTimestamp":1.5,"Data":"ZGF0YQ==","PartitionKey":"key"}],' +
        '"ContinuationSequenceNumber":"50","MillisBehindLatest":0}',
    );
  });
});
