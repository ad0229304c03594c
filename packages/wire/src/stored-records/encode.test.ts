import { GetRecords, SubscribeToShardEvent } from "@millrace/api";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeCbor, encodeJson, StoredRecords, withRecords } from "../index.ts";
import type { StoredBatch } from "../index.ts";
import { ByteWriter } from "../byte-writer.ts";
import { recordsForJson, writeRecordsJson } from "./encode-json.ts";

const keys = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: "grapheme", maxLength: 8 }),
  fc.constantFrom("", '"', "\\", "\u0000", "\u007f", "ü", "\u2028", "k".repeat(256)),
);
interface Sample {
  readonly key: Buffer;
  readonly data: Uint8Array;
}

/** A batch with something before, between and behind its records, that keeps JSON like a cache would. */
function batchOf(
  records: readonly Sample[],
  { first = 0, arrivalMs = 1_500, encrypted = false } = {},
): StoredBatch & { readonly kept: () => Buffer | undefined } {
  const pieces: Uint8Array[] = [];
  const offsets: number[] = [];
  let end = 0;
  const push = (bytes: Uint8Array) => {
    pieces.push(bytes);
    end += bytes.length;
  };
  for (const { key, data } of records) {
    push(Buffer.from("x"));
    const keyStart = end;
    push(key);
    offsets.push(keyStart, end);
    push(Buffer.from("y"));
    offsets.push(end, end + data.length);
    push(data);
  }
  push(Buffer.from("z"));
  const bytes = Buffer.concat(pieces);
  let json: Buffer | undefined;
  return {
    length: records.length,
    arrivalMs,
    encrypted,
    ranges: () => ({ bytes, offsets }),
    sequenceNumber: (index) => `49${String(first + index).padStart(54, "0")}`,
    get json() {
      return json;
    },
    keepJson(made) {
      json = Buffer.from(made);
    },
    kept: () => json,
  };
}

const sample = fc.record({
  key: keys.map((key) => Buffer.from(key)),
  data: fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.constantFrom(...[300, 5_000, 70_000].map((length) => new Uint8Array(length).fill(7))),
  ),
});
const batch = fc
  .tuple(
    fc.array(sample, { maxLength: 4 }),
    fc.record({
      first: fc.nat(1e6),
      arrivalMs: fc.oneof(fc.integer({ min: 0, max: 5e9 }), fc.integer({ min: 1.7e12, max: 1.8e12 })),
      encrypted: fc.boolean(),
    }),
  )
  .map(([records, options]) => batchOf(records, options));

function storedOf(...batches: StoredBatch[]): StoredRecords {
  const stored = new StoredRecords();
  for (const one of batches) stored.add(one);
  return stored;
}

const records = fc.array(batch, { maxLength: 4 }).map((batches) => storedOf(...batches));

const FIRST = `49${"0".repeat(54)}`;

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
          // Twice: at first each batch is encoded, then what was kept of it is used.
          const twice = [1, 2].map(() =>
            Buffer.concat(encode(withRecords(stored, { ...rest }), GetRecords.output)),
          );
          const reference = Buffer.concat(encode({ Records: stored.toArray(), ...rest }, GetRecords.output));
          expect(twice.map((quick) => quick.equals(reference))).toEqual([true, true]);
        }),
        RUNS,
      );
    });
  }

  test("write the same JSON where the machine has nothing better than strings", () => {
    fc.assert(
      fc.property(records, (stored) => {
        const writer = new ByteWriter();
        writeRecordsJson(writer, stored, "strings");
        const reference = encodeJson({ Records: stored.toArray() }, GetRecords.output);
        expect(`{"Records":${Buffer.concat(writer.pieces()).toString()}}`).toBe(
          Buffer.concat(reference).toString(),
        );
      }),
      RUNS,
    );
  });

  test("records that are encoded as they are read are the same JSON, and what they lay in is given back at once", () => {
    fc.assert(
      fc.property(fc.array(fc.array(batch, { maxLength: 3 }), { maxLength: 3 }), (steps) => {
        const early = recordsForJson();
        const expected = Buffer.concat(
          encodeJson(withRecords(storedOf(...steps.flat()), {}), GetRecords.output),
        );
        for (const step of steps) {
          let isGivenBack = false;
          for (const one of step) early.add(one);
          early.settle(() => (isGivenBack = true));
          expect(isGivenBack).toBe(true);
          // Whoever looks at it now sees something else.
          for (const one of step) one.ranges().bytes.fill(0);
        }
        const encoded = Buffer.concat(encodeJson(withRecords(early, {}), GetRecords.output));
        expect(encoded.toString("latin1")).toBe(expected.toString("latin1"));
      }),
      RUNS,
    );
  });

  test("records that are not encoded early keep what they lie in until they are released", () => {
    const stored = storedOf(batchOf([{ key: Buffer.from("key"), data: Buffer.from("data") }]));
    let isGivenBack = false;
    stored.settle(() => (isGivenBack = true));
    expect(isGivenBack).toBe(false);
    stored.release();
    expect(isGivenBack).toBe(true);
  });

  test("what one reader had encoded is not encoded again for the next", () => {
    const one = batchOf([{ key: Buffer.from("key"), data: Buffer.from("data") }]);
    const encode = () => Buffer.concat(encodeJson(withRecords(storedOf(one), {}), GetRecords.output));
    const first = encode();
    const kept = one.kept()!;
    expect(first.includes(kept.subarray(1))).toBe(true);
    one.keepJson(Buffer.from(',{"kept":1}'));
    expect(encode().toString()).toContain('[{"kept":1}]');
  });

  test("memory of an answer that is released is that of the next one, and not before", () => {
    const stored = () => storedOf(batchOf([{ key: Buffer.from("key"), data: new Uint8Array(100_000) }]));
    const memoryOf = (records: StoredRecords) =>
      encodeJson(withRecords(records, {}), GetRecords.output).reduce((most, piece) =>
        piece.length > most.length ? piece : most,
      ).buffer;
    const [first, second, third] = [stored(), stored(), stored()] as const;
    const memory = memoryOf(first);
    expect(memoryOf(second)).not.toBe(memory);
    first.release();
    expect(memoryOf(third)).toBe(memory);
    first.release();
    expect(memoryOf(stored())).not.toBe(memory);
  });

  test("an answer with stored records looks like one with objects to whoever asks, and can be taken apart", () => {
    const stored = storedOf(
      batchOf([{ key: Buffer.from("key"), data: Buffer.from("data") }], { encrypted: true }),
    );
    const expected = {
      Records: [
        {
          SequenceNumber: FIRST,
          ApproximateArrivalTimestamp: 1_500,
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
    const stored = storedOf(batchOf([{ key: Buffer.from("key"), data: Buffer.from("data") }]));
    const event = withRecords(stored, { ContinuationSequenceNumber: "50", MillisBehindLatest: 0 });
    expect(Buffer.concat(encodeJson(event, SubscribeToShardEvent)).toString()).toBe(
      `{"Records":[{"SequenceNumber":"${FIRST}",` +
        '"ApproximateArrivalTimestamp":1.5,"Data":"ZGF0YQ==","PartitionKey":"key"}],' +
        '"ContinuationSequenceNumber":"50","MillisBehindLatest":0}',
    );
  });
});
