import { crc32 as platformCrc32 } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { crc32 } from "./crc32.ts";

/** Bytes that look like chance and are the same each time. */
function noise(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed | 1;
  for (let at = 0; at < length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

test("sums of any length are those of the platform", () => {
  const lengths = [
    0, 1, 4_799, 4_800, 4_816, 24_575, 24_576, 24_577, 24_591, 24_592, 37_568, 70_336, 1_000_003,
  ];
  for (const length of lengths) {
    const bytes = noise(length, length);
    expect([length, crc32(bytes)]).toEqual([length, platformCrc32(bytes)]);
  }
  fc.assert(
    fc.property(fc.nat(200_000), fc.nat(15), fc.nat(), (length, start, seed) => {
      const bytes = noise(start + length, seed).subarray(start);
      expect(crc32(bytes)).toBe(platformCrc32(bytes));
    }),
    { seed: 3, numRuns: 200 },
  );
});

test("one bit that differs, anywhere, makes another sum", () => {
  const bytes = noise(100_000, 7);
  const sum = crc32(bytes);
  fc.assert(
    fc.property(fc.nat(bytes.length * 8 - 1), (bit) => {
      const other = Buffer.from(bytes);
      other[bit >> 3]! ^= 1 << (bit & 7);
      expect(crc32(other)).toBe(platformCrc32(other));
      expect(crc32(other)).not.toBe(sum);
    }),
    { seed: 4, numRuns: 200 },
  );
});
