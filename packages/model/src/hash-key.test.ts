import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  areAdjacent,
  contains,
  HASH_KEY_MAX,
  HashKeyColumn,
  hashKeyHex,
  hashKeyHexOf,
  hashKeyOf,
  mergeRanges,
  parseHashKey,
  sizeOf,
  splitRange,
  tileRing,
  WHOLE_RING,
} from "./index.ts";

const hashKeys = fc.bigInt({ min: 0n, max: HASH_KEY_MAX });

describe("hash keys", () => {
  test("a partition key is placed by the MD5 of its UTF-8 bytes, read big-endian", () => {
    expect(hashKeyOf(Buffer.from("a"))).toBe(16955237001963240173058271559858726497n);
    expect(hashKeyHexOf("ü")).toBe(hashKeyHexOf(Buffer.from([0xc3, 0xbc])));
  });

  test("the order of the hexadecimal form is the order of the numbers", () => {
    fc.assert(
      fc.property(hashKeys, hashKeys, (one, other) => hashKeyHex(one) < hashKeyHex(other) === one < other),
    );
  });

  test("a decimal hash key beyond the ring is none", () => {
    expect(parseHashKey("340282366920938463463374607431768211455")).toBe(HASH_KEY_MAX);
    expect(parseHashKey("340282366920938463463374607431768211456")).toBeUndefined();
    expect(parseHashKey("0")).toBe(0n);
    expect(parseHashKey("00")).toBeUndefined();
    expect(parseHashKey("-1")).toBeUndefined();
  });
});

describe("hash key ranges", () => {
  test("the tiles of a ring are equal but for the last, and cover it without a gap", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3_000 }), (count) => {
        const tiles = tileRing(count);
        expect(tiles).toHaveLength(count);
        expect(tiles[0]!.startingHashKey).toBe(0n);
        expect(tiles.at(-1)!.endingHashKey).toBe(HASH_KEY_MAX);
        for (let i = 0; i < count - 1; i += 1) {
          expect(areAdjacent(tiles[i]!, tiles[i + 1]!)).toBe(true);
          expect(sizeOf(tiles[i]!)).toBe((1n << 128n) / BigInt(count));
        }
      }),
      { numRuns: 20 },
    );
  });

  test("three tiles are the ranges that the service gives", () => {
    expect(tileRing(3).map(({ endingHashKey }) => String(endingHashKey))).toEqual([
      "113427455640312821154458202477256070484",
      "226854911280625642308916404954512140969",
      "340282366920938463463374607431768211455",
    ]);
  });

  test("a split gives two neighbours whose merge, in either order, is the range before", () => {
    fc.assert(
      fc.property(hashKeys, hashKeys, hashKeys, (one, other, at) => {
        const range =
          one < other
            ? { startingHashKey: one, endingHashKey: other }
            : { startingHashKey: other, endingHashKey: one };
        const halves = splitRange(range, at);
        if (halves === undefined) {
          expect(contains(range, at) && at !== range.startingHashKey).toBe(false);
        } else {
          const [lower, upper] = halves;
          expect(upper.startingHashKey).toBe(at);
          expect(mergeRanges(lower, upper)).toEqual(range);
          expect(mergeRanges(upper, lower)).toEqual(range);
        }
      }),
    );
  });

  test("ranges that are not neighbours do not merge", () => {
    const [first, , third] = tileRing(3);
    expect(mergeRanges(first!, third!)).toBeUndefined();
    expect(contains(WHOLE_RING, HASH_KEY_MAX)).toBe(true);
  });
});

describe("a column of hash keys", () => {
  const hexDigits = fc.bigInt({ min: 0n, max: HASH_KEY_MAX }).map((key) => hashKeyHex(key));

  test("gives back what was set, and places keys as a single key is placed", () => {
    fc.assert(
      fc.property(hexDigits, fc.string(), (hashKey, key) => {
        const column = new HashKeyColumn(3);
        const bytes = Buffer.from(key);
        column.set(1, hashKey);
        column.place(2, bytes, 0, bytes.length);
        expect([column.hex(0), column.hex(1), column.hex(2)]).toEqual([
          "0".repeat(32),
          hashKey,
          hashKeyHexOf(key),
        ]);
      }),
      { seed: 1 },
    );
  });

  test("compares as the numbers do", () => {
    const near = fc.tuple(hexDigits, fc.bigInt({ min: -1n, max: 1n })).map(([hashKey, step]) => {
      const moved = BigInt(`0x${hashKey}`) + step;
      return [hashKey, hashKeyHex(moved < 0n || moved > HASH_KEY_MAX ? 0n : moved)] as const;
    });
    fc.assert(
      fc.property(fc.oneof(near, fc.tuple(hexDigits, hexDigits)), ([one, other]) => {
        const column = new HashKeyColumn(1);
        const others = new HashKeyColumn(2);
        column.set(0, one);
        others.set(1, other);
        expect(column.isAbove(0, others, 1)).toBe(BigInt(`0x${one}`) > BigInt(`0x${other}`));
      }),
      { seed: 1 },
    );
  });
});
