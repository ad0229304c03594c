import type { Random } from "./random.ts";

/**
 * Chance that a seed repeats: sfc32, which is fast and passes the common statistical suites. The seed may be
 * any number; all 64 bits of it count.
 */
export function seededRandom(seed: number): Random {
  const halves = new Uint32Array(new Float64Array([seed]).buffer);
  return smallFastCounter(halves[0] as number, halves[1] as number, 0);
}

/** The generator behind {@link seededRandom}, started from 96 bits. */
export function smallFastCounter(seedA: number, seedB: number, seedC: number): Random {
  let a = seedA | 0;
  let b = seedB | 0;
  let c = seedC | 0;
  let counter = 1;

  function next(): number {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  // Seeds that differ in one bit start out alike; a dozen rounds spread the difference over the whole state.
  for (let round = 0; round < 12; round += 1) next();

  return {
    below(bound) {
      if (!(bound >= 1 && bound <= 0x1_0000_0000)) throw new RangeError(`there is no chance below ${bound}`);
      // Values past the last whole multiple of the bound would favour small results: draw again.
      const fair = 0x1_0000_0000 - (0x1_0000_0000 % bound);
      for (;;) {
        const value = next();
        if (value < fair) return value % bound;
      }
    },

    fraction() {
      // 53 bits: all that a number in [0, 1) can hold evenly.
      return ((next() >>> 5) * 0x400_0000 + (next() >>> 6)) / 0x20_0000_0000_0000;
    },

    bytes(count) {
      const bytes = new Uint8Array(count);
      // Each word is four bytes, the lowest first, whatever the order of the machine.
      const wholeBytes = count & ~3;
      let at = 0;
      for (; at < wholeBytes; at += 4) {
        const value = next();
        bytes[at] = value;
        bytes[at + 1] = value >>> 8;
        bytes[at + 2] = value >>> 16;
        bytes[at + 3] = value >>> 24;
      }
      if (at < count) {
        let value = next();
        for (; at < count; at += 1, value >>>= 8) bytes[at] = value;
      }
      return bytes;
    },
  };
}
