import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  compareSequenceNumbers,
  formatSequenceNumber,
  GENERATION_MAX,
  parseSequenceNumber,
  RECORD_INDEX_MAX,
  SEQUENCE_NUMBER_DIGITS,
  sequenceNumberFormatter,
  SHARD_INDEX_MAX,
} from "./index.ts";

const fields = fc.record({
  generation: fc.integer({ min: 0, max: GENERATION_MAX }),
  shardIndex: fc.integer({ min: 0, max: SHARD_INDEX_MAX }),
  entryIndex: fc.oneof(fc.nat(1_000), fc.maxSafeNat()),
  recordIndex: fc.integer({ min: 0, max: RECORD_INDEX_MAX }),
});

describe("sequence numbers", () => {
  test("a number is the sum of its fields at their bits", () => {
    const text = formatSequenceNumber({
      generation: 1_795_184_401,
      shardIndex: 3,
      entryIndex: 7,
      recordIndex: 2,
    });
    const expected = (1n << 185n) + (1_795_184_401n << 148n) + (3n << 80n) + (7n << 16n) + 2n;
    expect(text).toBe(String(expected));
  });

  test("every number has 56 digits and starts with 49", () => {
    fc.assert(
      fc.property(fields, (number) => {
        expect(formatSequenceNumber(number)).toMatch(/^49\d{54}$/);
      }),
    );
    const last = {
      generation: GENERATION_MAX,
      shardIndex: SHARD_INDEX_MAX,
      entryIndex: Number.MAX_SAFE_INTEGER,
    };
    expect(formatSequenceNumber({ ...last, recordIndex: RECORD_INDEX_MAX })).toMatch(/^49\d{54}$/);
  });

  test("the layout has room until the year 2055", () => {
    expect(GENERATION_MAX).toBeGreaterThan(Date.UTC(2055, 0) / 1_000);
    expect(() =>
      formatSequenceNumber({ generation: GENERATION_MAX + 1, shardIndex: 0, entryIndex: 0, recordIndex: 0 }),
    ).toThrow(RangeError);
  });

  test("parsing gives back the fields that were printed", () => {
    fc.assert(
      fc.property(fields, (number) => {
        expect(parseSequenceNumber(formatSequenceNumber(number))).toEqual(number);
      }),
    );
  });

  test("the order of the texts is the order of generation, shard, entry and record", () => {
    fc.assert(
      fc.property(fields, fields, (one, other) => {
        const byText = formatSequenceNumber(one) < formatSequenceNumber(other);
        expect(compareSequenceNumbers(one, other) < 0).toBe(byText);
      }),
    );
  });

  test("a shard's own formatter prints the same numbers", () => {
    fc.assert(
      fc.property(
        fields,
        fc.array(fc.tuple(fc.maxSafeNat(), fc.nat(RECORD_INDEX_MAX))),
        (shard, positions) => {
          const format = sequenceNumberFormatter(shard);
          for (const [entryIndex, recordIndex] of [
            ...positions,
            [shard.entryIndex, shard.recordIndex] as const,
          ]) {
            const expected = formatSequenceNumber({ ...shard, entryIndex, recordIndex });
            expect(format.text(entryIndex, recordIndex)).toBe(expected);
            const target = Buffer.alloc(SEQUENCE_NUMBER_DIGITS + 2, " ");
            format.write(target, 1, entryIndex, recordIndex);
            expect(target.toString()).toBe(` ${expected} `);
          }
        },
      ),
    );
  });

  test("texts that are not ours have no fields", () => {
    for (const text of ["0", "1", "", "49", "4" + "9".repeat(55), "9".repeat(56), "49x".padEnd(56, "0")]) {
      expect(parseSequenceNumber(text)).toBeUndefined();
    }
    const reserved = (1n << 185n) + (1_795_184_401n << 148n) + (1n << 112n);
    expect(parseSequenceNumber(String(reserved))).toBeUndefined();
  });
});
