import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeBatch, encodeRanges, readBatch } from "./entry-codec.ts";

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
      const batch = encodeRanges(
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
      expect(batch).toEqual(encodeBatch(indexes.map((index) => records[index]!)));
      expect(readBatch(batch.payload).records).toHaveLength(indexes.length);
    }),
    { seed: 1 },
  );
});
