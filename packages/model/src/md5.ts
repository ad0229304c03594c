/**
 * MD5 (RFC 1321) of short byte strings, without an object per hash: placing a record on the ring is the most frequent
 * thing that a stream does, and the platform's hash costs several times as much for a key of a few bytes.
 */
import { createHash } from "node:crypto";

/** Longer ones need more than one block, and go to the platform's hash. */
const ONE_BLOCK_BYTES_MAX = 55;

const block = new Int32Array(16);

/**
 * Writes the digest of `bytes[start..end)` to `words`, from `at` on, as four 32-bit words: read big-endian, the
 * digest is their digits one after the other.
 */
export function md5Words(
  bytes: Uint8Array,
  start: number,
  end: number,
  words: Uint32Array,
  at: number,
): void {
  const length = end - start;
  if (length > ONE_BLOCK_BYTES_MAX) {
    const digest = createHash("md5").update(bytes.subarray(start, end)).digest();
    for (let i = 0; i < 4; i += 1) words[at + i] = digest.readUInt32BE(i * 4);
    return;
  }
  block.fill(0);
  for (let i = 0; i < length; i += 1) block[i >> 2]! |= bytes[start + i]! << ((i & 3) << 3);
  block[length >> 2]! |= 0x80 << ((length & 3) << 3);
  block[14] = length << 3;
  digestBlock(words, at);
}

/** The sine table, by its definition: floor(2^32 * abs(sin(i + 1))). */
const SINES = Int32Array.from({ length: 64 }, (_, i) => Math.floor(2 ** 32 * Math.abs(Math.sin(i + 1))) | 0);

/** Written out, since the engine inlines no function as often as this one would have to be. */
function digestBlock(words: Uint32Array, at: number): void {
  let a = 0x67452301;
  let b = 0xefcdab89 | 0;
  let c = 0x98badcfe | 0;
  let d = 0x10325476;
  let sum: number;
  for (let i = 0; i < 16; i += 4) {
    sum = (a + ((b & c) | (~b & d)) + SINES[i]! + block[i]!) | 0;
    a = (b + ((sum << 7) | (sum >>> 25))) | 0;
    sum = (d + ((a & b) | (~a & c)) + SINES[i + 1]! + block[i + 1]!) | 0;
    d = (a + ((sum << 12) | (sum >>> 20))) | 0;
    sum = (c + ((d & a) | (~d & b)) + SINES[i + 2]! + block[i + 2]!) | 0;
    c = (d + ((sum << 17) | (sum >>> 15))) | 0;
    sum = (b + ((c & d) | (~c & a)) + SINES[i + 3]! + block[i + 3]!) | 0;
    b = (c + ((sum << 22) | (sum >>> 10))) | 0;
  }
  for (let i = 16; i < 32; i += 4) {
    sum = (a + ((d & b) | (~d & c)) + SINES[i]! + block[(5 * i + 1) & 15]!) | 0;
    a = (b + ((sum << 5) | (sum >>> 27))) | 0;
    sum = (d + ((c & a) | (~c & b)) + SINES[i + 1]! + block[(5 * i + 6) & 15]!) | 0;
    d = (a + ((sum << 9) | (sum >>> 23))) | 0;
    sum = (c + ((b & d) | (~b & a)) + SINES[i + 2]! + block[(5 * i + 11) & 15]!) | 0;
    c = (d + ((sum << 14) | (sum >>> 18))) | 0;
    sum = (b + ((a & c) | (~a & d)) + SINES[i + 3]! + block[(5 * i) & 15]!) | 0;
    b = (c + ((sum << 20) | (sum >>> 12))) | 0;
  }
  for (let i = 32; i < 48; i += 4) {
    sum = (a + (b ^ c ^ d) + SINES[i]! + block[(3 * i + 5) & 15]!) | 0;
    a = (b + ((sum << 4) | (sum >>> 28))) | 0;
    sum = (d + (a ^ b ^ c) + SINES[i + 1]! + block[(3 * i + 8) & 15]!) | 0;
    d = (a + ((sum << 11) | (sum >>> 21))) | 0;
    sum = (c + (d ^ a ^ b) + SINES[i + 2]! + block[(3 * i + 11) & 15]!) | 0;
    c = (d + ((sum << 16) | (sum >>> 16))) | 0;
    sum = (b + (c ^ d ^ a) + SINES[i + 3]! + block[(3 * i + 14) & 15]!) | 0;
    b = (c + ((sum << 23) | (sum >>> 9))) | 0;
  }
  for (let i = 48; i < 64; i += 4) {
    sum = (a + (c ^ (b | ~d)) + SINES[i]! + block[(7 * i) & 15]!) | 0;
    a = (b + ((sum << 6) | (sum >>> 26))) | 0;
    sum = (d + (b ^ (a | ~c)) + SINES[i + 1]! + block[(7 * i + 7) & 15]!) | 0;
    d = (a + ((sum << 10) | (sum >>> 22))) | 0;
    sum = (c + (a ^ (d | ~b)) + SINES[i + 2]! + block[(7 * i + 14) & 15]!) | 0;
    c = (d + ((sum << 15) | (sum >>> 17))) | 0;
    sum = (b + (d ^ (c | ~a)) + SINES[i + 3]! + block[(7 * i + 5) & 15]!) | 0;
    b = (c + ((sum << 21) | (sum >>> 11))) | 0;
  }
  words[at] = bigEndian((a + 0x67452301) | 0);
  words[at + 1] = bigEndian((b + 0xefcdab89) | 0);
  words[at + 2] = bigEndian((c + 0x98badcfe) | 0);
  words[at + 3] = bigEndian((d + 0x10325476) | 0);
}

function bigEndian(word: number): number {
  return ((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}
