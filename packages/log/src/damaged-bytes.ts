/**
 * Bytes that come back other than they were written, for tests of decoders: flipped bits, torn ends, lost and
 * repeated parts, a part over another, zeros. A damage is plain data, so that a failing case prints it.
 *
 * Tests named `*.fuzz.test.ts` take one seed and a few runs, so that every `npm test` is like the last one;
 * with `FUZZ_SEED=7 FUZZ_RUNS=10000` they look further.
 */
import fc from "fast-check";

/** Places and lengths are taken modulo what there is; negative places count from the end. */
export type Damage =
  | { readonly kind: "flip"; readonly bits: readonly number[] }
  | { readonly kind: "cut"; readonly at: number }
  | { readonly kind: "remove"; readonly at: number; readonly length: number }
  | { readonly kind: "insert"; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: "overwrite"; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: "zero"; readonly at: number; readonly length: number }
  | { readonly kind: "splice"; readonly from: number; readonly to: number; readonly length: number };

/** Anywhere, where a page begins, or near the end: headers and trailers lie there. */
const place = fc.oneof(
  { weight: 3, arbitrary: fc.nat(0x7fff_ffff) },
  { weight: 2, arbitrary: fc.tuple(fc.nat(20), fc.nat(400)).map(([page, byte]) => page * 4096 + byte) },
  { weight: 1, arbitrary: fc.integer({ min: -300, max: -1 }) },
);
const length = fc.nat(0x7fff_ffff);
const bit = fc.tuple(place, fc.nat(7)).map(([byte, of]) => byte * 8 + of);
/** What a length or count field may become: small, just beyond something, or as large as it gets. */
const bytes = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 16 }),
  fc.constantFrom("00", "ff", "ffff", "ffffffff", "ffffffffffffffff", "00000000", "01000000").map(fromHex),
);

export const flips: fc.Arbitrary<Damage> = fc.record({
  kind: fc.constant("flip"),
  bits: fc.oneof(
    { weight: 2, arbitrary: fc.array(bit, { minLength: 1, maxLength: 1 }) },
    { weight: 1, arbitrary: fc.array(bit, { minLength: 2, maxLength: 8 }) },
  ),
});

export const damages: fc.Arbitrary<Damage> = fc.oneof(
  { weight: 4, arbitrary: flips },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("cut"), at: place }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("remove"), at: place, length }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("insert"), at: place, bytes }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("overwrite"), at: place, bytes }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("zero"), at: place, length }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("splice"), from: place, to: place, length }),
  },
);

/** A damaged copy. `donor`: what a splice takes its part from, if not from the bytes themselves. */
export function damaged(source: Uint8Array, damage: Damage, donor: Uint8Array = source): Buffer {
  const copy = Buffer.from(source);
  const at = (where: number) => placeIn(copy, where);
  switch (damage.kind) {
    case "flip":
      for (const flipped of damage.bits) {
        if (copy.length > 0) copy[at(Math.floor(flipped / 8))]! ^= 1 << (flipped & 7);
      }
      return copy;
    case "cut":
      return copy.subarray(0, at(damage.at));
    case "remove": {
      const from = at(damage.at);
      const end = from + (damage.length % (copy.length - from + 1));
      return Buffer.concat([copy.subarray(0, from), copy.subarray(end)]);
    }
    case "insert":
      return Buffer.concat([copy.subarray(0, at(damage.at)), damage.bytes, copy.subarray(at(damage.at))]);
    case "overwrite":
      Buffer.from(damage.bytes).copy(copy, at(damage.at));
      return copy;
    case "zero": {
      const from = at(damage.at);
      return copy.fill(0, from, from + (damage.length % (copy.length - from + 1)));
    }
    case "splice": {
      if (donor.length === 0) return copy;
      const from = placeIn(donor, damage.from);
      const end = from + 1 + (damage.length % (donor.length - from));
      Buffer.from(donor.subarray(from, end)).copy(copy, at(damage.to));
      return copy;
    }
  }
}

function placeIn({ length: size }: Uint8Array, where: number): number {
  if (size === 0) return 0;
  const place = where % size;
  return place < 0 ? place + size : place;
}

function fromHex(hex: string): Uint8Array {
  return Buffer.from(hex, "hex");
}

/** What `decode` gives; undefined when it refuses with one of `errors`. Every other error is a crash. */
export function decodedOrRefused<T>(
  decode: () => T,
  ...errors: readonly (abstract new (...parts: never[]) => Error)[]
): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (errors.some((known) => error instanceof known)) return undefined;
    throw error;
  }
}
