import fc from "fast-check";
import { expect, test } from "vitest";
import {
  batchOfRanges,
  encodeBatch,
  encodeImportedBatch,
  encodeRenumberedBatch,
  readBatch,
} from "./entry-codec.ts";

test("some records of a request, as ranges, become the batch that they would be as objects", () => {
  const bytes = fc.uint8Array({ maxLength: 30 });
  const requests = fc
    .array(fc.record({ key: bytes, data: bytes }), { minLength: 1, maxLength: 8 })
    .chain((records) =>
      fc.tuple(fc.constant(records), fc.shuffledSubarray([...records.keys()], { minLength: 1 })),
    );
  fc.assert(
    fc.property(requests, ([records, indexes]) => {
      const keys = Buffer.concat(records.map(({ key }) => key));
      const data = Buffer.concat(records.map((record) => record.data));
      const endOf = (field: "key" | "data", index: number) =>
        records.slice(0, index + 1).reduce((sum, record) => sum + record[field].length, 0);
      const batch = batchOfRanges(
        {
          keys,
          data,
          keyStart: (index) => endOf("key", index - 1),
          keyEnd: (index) => endOf("key", index),
          dataStart: (index) => endOf("data", index - 1),
          dataEnd: (index) => endOf("data", index),
        },
        indexes,
      );
      const expected = encodeBatch(indexes.map((index) => records[index]!));
      const target = Buffer.alloc(batch.byteLength + 10, 0xee);
      batch.writeTo(target, 5);
      expect(target.subarray(5, -5)).toEqual(expected.payload);
      expect([...target.subarray(0, 5), ...target.subarray(-5)]).toEqual(Array(10).fill(0xee));
      expect([batch.recordCount, readBatch(expected.payload).records.length]).toEqual([
        indexes.length,
        indexes.length,
      ]);
    }),
    { seed: 1 },
  );
});

test("the bytes of an imported batch are those that are documented", () => {
  const { payload } = encodeImportedBatch(
    [
      { key: Buffer.from("key"), data: Buffer.from("data") },
      { key: undefined, data: Buffer.from([7]) },
    ],
    0x1234n,
  );
  expect(payload.toString("hex")).toBe(
    [
      "02000200",
      "000000000000000000000000000000000000000000001234",
      `030004000000${Buffer.from("keydata").toString("hex")}`,
      "00000100000007",
    ].join(""),
  );
});

test("the bytes of a renumbered batch are those that are documented", () => {
  const { payload } = encodeRenumberedBatch(
    [{ key: Buffer.from("key"), data: Buffer.from("data") }],
    0x1234n,
  );
  expect(payload.toString("hex")).toBe(
    ["03000100", "1234".padStart(108, "0"), `030004000000${Buffer.from("keydata").toString("hex")}`].join(""),
  );
});
