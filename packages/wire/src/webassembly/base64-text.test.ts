import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Base64Text } from "./base64-text.ts";

const text = Base64Text.create()!;

/** Pieces as one text: numbers are how many of the source's bytes come next as base64. */
function written(source: Buffer, pieces: readonly (string | number)[]): string {
  const target = Buffer.alloc(source.length * 2 + pieces.length * 1_100 + 10, "#");
  text.begin(target, 5);
  text.from(source);
  let at = 0;
  for (const piece of pieces) {
    if (typeof piece === "string") text.ascii(piece);
    else text.base64(at, (at += piece));
  }
  const end = text.finish();
  expect(target.subarray(0, 5).toString()).toBe("#####");
  expect(target.subarray(end).every((byte) => byte === 0x23)).toBe(true);
  return target.toString("latin1", 5, end);
}

function expected(source: Buffer, pieces: readonly (string | number)[]): string {
  let at = 0;
  return pieces
    .map((piece) =>
      typeof piece === "string" ? piece : source.subarray(at, (at += piece)).toString("base64"),
    )
    .join("");
}

describe("text with base64 in it", () => {
  test("has every byte at every place of a block as the platform writes it", () => {
    for (let shift = 0; shift < 3; shift += 1) {
      const source = Buffer.from(Array.from({ length: 256 * 3 + shift }, (_, at) => (at + shift) % 256));
      expect(written(source, [source.length])).toBe(source.toString("base64"));
    }
  });

  test("has every pair of bytes as the platform writes it", () => {
    const source = Buffer.alloc(65_536 * 2);
    for (let pair = 0; pair < 65_536; pair += 1) source.writeUInt16BE(pair, pair * 2);
    expect(written(source, [source.length])).toBe(source.toString("base64"));
  });

  test("may be of many pieces, longer than the memory it is made in, with ends at any place", () => {
    const piece = fc.oneof(
      fc.integer({ min: 0, max: 40 }),
      fc.integer({ min: 0, max: 3_000 }),
      fc.constantFrom(49_151, 49_152, 49_153, 65_536, 150_001),
      fc.string({ unit: "grapheme-ascii", maxLength: 1_000 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.nat(255), (pieces, seed) => {
        const length = pieces.reduce<number>((sum, one) => sum + (typeof one === "number" ? one : 0), 0);
        const source = Buffer.from(Array.from({ length }, (_, at) => (at * 31 + seed) % 251));
        expect(written(source, pieces)).toBe(expected(source, pieces));
      }),
      { seed: 7, numRuns: 200 },
    );
  });

  test("repeats what was put aside, with a number in it that goes up", () => {
    const target = Buffer.alloc(400_000);
    const numberEnds = text.putAside(0, "<0997");
    const end = text.putAside(numberEnds, ">");
    text.begin(target, 0);
    const numbers = Array.from({ length: 5_000 }, (_, index) => `<${String(997 + index).padStart(4, "0")}>`);
    for (const number of numbers) {
      text.repeat(0, end);
      text.repeat(end - 1, end);
      expect(number.length).toBe(end);
      text.countUp(numberEnds);
    }
    expect(target.toString("latin1", 0, text.finish())).toBe(numbers.map((number) => `${number}>`).join(""));
  });
});
