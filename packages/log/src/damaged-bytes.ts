/**
 * Bytes that come back other than they were written, for tests of decoders: flipped bits, torn ends, lost and
 * repeated parts, a part over another, zeros. A damage is plain data, so that a failing case prints it.
 *
 * Tests named `*.fuzz.test.ts` take one seed and a few runs, so that every `npm test` is like the last one;
 * with `FUZZ_SEED=7 FUZZ_RUNS=10000` they look further.
 */
import { seededRandom, type Random } from "@millrace/runtime";

/** Places and lengths are taken modulo what there is; negative places count from the end. */
export type Damage =
  | { readonly kind: "flip"; readonly bits: readonly number[] }
  | { readonly kind: "cut"; readonly at: number }
  | { readonly kind: "remove"; readonly at: number; readonly length: number }
  | { readonly kind: "insert"; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: "overwrite"; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: "zero"; readonly at: number; readonly length: number }
  | { readonly kind: "splice"; readonly from: number; readonly to: number; readonly length: number };

const ANYWHERE = 0x7fff_ffff;
/** What a length or count field may become: nothing, one, just beyond something, or as large as it gets. */
const FIELDS = ["00", "ff", "ffff", "ffffffff", "ffffffffffffffff", "00000000", "01000000"];

/** The damage of a seed; a property test draws seeds and prints the damage. */
export function damageOf(seed: number): Damage {
  const random = seededRandom(seed);
  switch (random.below(13)) {
    case 0:
    case 1:
      return { kind: "cut", at: placeOf(random) };
    case 2:
      return { kind: "remove", at: placeOf(random), length: random.below(ANYWHERE) };
    case 3:
      return { kind: "insert", at: placeOf(random), bytes: bytesOf(random) };
    case 4:
    case 5:
      return { kind: "overwrite", at: placeOf(random), bytes: bytesOf(random) };
    case 6:
      return { kind: "zero", at: placeOf(random), length: random.below(ANYWHERE) };
    case 7:
    case 8:
      return {
        kind: "splice",
        from: placeOf(random),
        to: placeOf(random),
        length: random.below(2) === 0 ? random.below(ANYWHERE) : random.below(200),
      };
    default:
      return flipsOf(random.below(ANYWHERE));
  }
}

/** One flipped bit, or a few. */
export function flipsOf(seed: number): Damage {
  const random = seededRandom(seed);
  const count = random.below(3) === 0 ? 2 + random.below(7) : 1;
  return { kind: "flip", bits: Array.from({ length: count }, () => placeOf(random) * 8 + random.below(8)) };
}

/** Anywhere, where a page begins, or near the end: headers and trailers lie there. */
function placeOf(random: Random): number {
  switch (random.below(6)) {
    case 0:
    case 1:
      return random.below(20) * 4096 + random.below(400);
    case 2:
      return -1 - random.below(300);
    default:
      return random.below(ANYWHERE);
  }
}

function bytesOf(random: Random): Uint8Array {
  if (random.below(2) === 0) return Buffer.from(FIELDS[random.below(FIELDS.length)]!, "hex");
  return Uint8Array.from({ length: 1 + random.below(16) }, () => random.below(256));
}

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
