import { PutRecords } from "@millrace/api";
import { sequenceNumberFormatter } from "@millrace/model";
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeCbor, encodeJson, withStoredEntries } from "../index.ts";

/** Few records of the first entry carry into digits that are not counted; many of the last do. */
const ENTRY_INDEXES = [1, 1_525, 1_526, 87_654_321, 100_000_000, 2 ** 53 - 1];

const shards = [0, 12, 2_147_483_647].map((shardIndex) => ({
  shardId: `shardId-${String(shardIndex).padStart(12, "0")}`,
  format: sequenceNumberFormatter({ generation: 1_800_000_000, shardIndex }),
}));

const entry = fc
  .record({ shard: fc.constantFrom(...shards), entryIndex: fc.constantFrom(...ENTRY_INDEXES) })
  .map(({ shard, entryIndex }) => ({
    shardId: shard.shardId,
    sequenceNumber: (recordIndex: number) => shard.format.text(entryIndex, recordIndex),
    writeSequenceNumber: (target: Uint8Array, at: number, recordIndex: number) =>
      shard.format.write(target, at, entryIndex, recordIndex),
  }));

const stored = fc.array(entry, { minLength: 1, maxLength: 4 }).chain((entries) =>
  fc
    .array(fc.tuple(fc.nat(entries.length - 1), fc.nat(65_535)), { minLength: 1, maxLength: 20 })
    .map((records) => ({
      entries,
      entryOf: Int32Array.from(records, ([entryOf]) => entryOf),
      recordIndexes: Int32Array.from(records, ([, recordIndex]) => recordIndex),
    })),
);

test.each([
  ["JSON", encodeJson],
  ["CBOR", encodeCbor],
] as const)("an answer of stored entries is written in %s like any other", (_, encode) => {
  fc.assert(
    fc.property(stored, fc.constantFrom({}, { EncryptionType: "KMS" as const }), (entries, rest) => {
      const bytesOf = (answer: Parameters<typeof encode<typeof PutRecords.output>>[0]) =>
        Buffer.concat(encode(answer, PutRecords.output)).toString("latin1");
      const answer = withStoredEntries(entries, { FailedRecordCount: 0, ...rest });
      const plain = { ...answer };
      expect(plain.Records.map(({ SequenceNumber }) => SequenceNumber)).toEqual(
        Array.from(entries.entryOf, (of, index) =>
          entries.entries[of]!.sequenceNumber(entries.recordIndexes[index]!),
        ),
      );
      expect(bytesOf(answer)).toBe(bytesOf(plain));
    }),
  );
});
