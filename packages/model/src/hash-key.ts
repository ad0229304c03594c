/**
 * The ring on which records are placed: 128-bit hash keys, and ranges of them with both ends included.
 * Two forms are in use: a bigint for arithmetic, and 32 lower-case hexadecimal digits for the hot path,
 * where comparing fixed-width strings is comparing numbers.
 */
import { hash } from "node:crypto";
import { md5Words } from "./md5.ts";

/** An integer in `[0, 2^128 - 1]`. */
export type HashKey = bigint;

/** A hash key as exactly 32 lower-case hexadecimal digits: `<` on these strings is `<` on the numbers. */
export type HashKeyHex = string;

export const HASH_KEY_MAX: HashKey = (1n << 128n) - 1n;

/** A part of the ring. Both ends belong to it. */
export interface HashKeyRange {
  readonly startingHashKey: HashKey;
  readonly endingHashKey: HashKey;
}

/** The whole ring. */
export const WHOLE_RING: HashKeyRange = Object.freeze({ startingHashKey: 0n, endingHashKey: HASH_KEY_MAX });

/**
 * Places a partition key on the ring: the MD5 digest of its UTF-8 bytes, read big-endian.
 *
 * Source: Kinesis API reference, PutRecord: "An MD5 hash function is used to map partition keys to 128-bit
 * integer values and to map associated data records to shards".
 *
 * @example
 * hashKeyOf(Buffer.from("a")) === 16955237001963240173058271559858726497n
 */
export function hashKeyOf(partitionKey: Uint8Array): HashKey {
  return BigInt(`0x${hashKeyHexOf(partitionKey)}`);
}

/** {@link hashKeyOf} in the form that placement compares. Takes the key's UTF-8 bytes, or the string itself. */
export function hashKeyHexOf(partitionKey: Uint8Array | string): HashKeyHex {
  return hash("md5", partitionKey, "hex");
}

export function hashKeyHex(hashKey: HashKey): HashKeyHex {
  return hashKey.toString(16).padStart(32, "0");
}

/**
 * Hash keys of many records, as four 32-bit words each, the highest first. The third form, for the way of a put:
 * nothing is allocated per record.
 */
export class HashKeyColumn {
  readonly #words: Uint32Array;

  constructor(count: number) {
    this.#words = new Uint32Array(count * WORDS);
  }

  /** Places the partition key `bytes[start..end)`, as {@link hashKeyOf} does. */
  place(index: number, bytes: Uint8Array, start: number, end: number): void {
    md5Words(bytes, start, end, this.#words, index * WORDS);
  }

  set(index: number, hashKey: HashKeyHex): void {
    for (let i = 0; i < WORDS; i += 1) {
      this.#words[index * WORDS + i] = Number.parseInt(hashKey.slice(i * 8, i * 8 + 8), 16);
    }
  }

  hex(index: number): HashKeyHex {
    let digits = "";
    for (let i = 0; i < WORDS; i += 1) {
      digits += this.#words[index * WORDS + i]!.toString(16).padStart(8, "0");
    }
    return digits;
  }

  /** Whether the key here comes behind `other`'s at `otherIndex` on the ring. */
  isAbove(index: number, other: HashKeyColumn, otherIndex: number): boolean {
    const words = this.#words;
    const others = other.#words;
    let at = index * WORDS;
    let otherAt = otherIndex * WORDS;
    for (let i = 0; i < WORDS; i += 1, at += 1, otherAt += 1) {
      if (words[at] !== others[otherAt]) return words[at]! > others[otherAt]!;
    }
    return false;
  }
}

const WORDS = 4;

/** Reads a decimal hash key as it comes in a request; undefined when it lies beyond the ring. */
export function parseHashKey(decimal: string): HashKey | undefined {
  if (!/^(0|[1-9]\d{0,38})$/.test(decimal)) return undefined;
  const hashKey = BigInt(decimal);
  return hashKey <= HASH_KEY_MAX ? hashKey : undefined;
}

export function contains(range: HashKeyRange, hashKey: HashKey): boolean {
  return range.startingHashKey <= hashKey && hashKey <= range.endingHashKey;
}

/** How many hash keys the range holds. */
export function sizeOf(range: HashKeyRange): bigint {
  return range.endingHashKey - range.startingHashKey + 1n;
}

/**
 * Cuts a range in two, the second of which starts at `at`. Undefined when one of them would be empty.
 */
export function splitRange(
  range: HashKeyRange,
  at: HashKey,
): readonly [lower: HashKeyRange, upper: HashKeyRange] | undefined {
  if (at <= range.startingHashKey || at > range.endingHashKey) return undefined;
  return [
    { startingHashKey: range.startingHashKey, endingHashKey: at - 1n },
    { startingHashKey: at, endingHashKey: range.endingHashKey },
  ];
}

/** True when `upper` begins right after `lower` ends. The ring is not closed: its last key has no neighbour. */
export function areAdjacent(lower: HashKeyRange, upper: HashKeyRange): boolean {
  return lower.endingHashKey + 1n === upper.startingHashKey;
}

/** The union of two ranges in either order; undefined when they are not neighbours. */
export function mergeRanges(one: HashKeyRange, other: HashKeyRange): HashKeyRange | undefined {
  const [lower, upper] = one.startingHashKey < other.startingHashKey ? [one, other] : [other, one];
  if (!areAdjacent(lower, upper)) return undefined;
  return { startingHashKey: lower.startingHashKey, endingHashKey: upper.endingHashKey };
}

/**
 * Divides the ring as the service does when it creates a stream: every range holds floor(2^128 / count) keys,
 * and the last one also holds what remains.
 *
 * Source: recorded against the service by kinesalite (CreateStream).
 */
export function tileRing(count: number): HashKeyRange[] {
  if (!Number.isSafeInteger(count) || count < 1) throw new RangeError(`the ring has no ${count} tiles`);
  const size = (1n << 128n) / BigInt(count);
  return Array.from({ length: count }, (_, index) => ({
    startingHashKey: size * BigInt(index),
    endingHashKey: index === count - 1 ? HASH_KEY_MAX : size * BigInt(index + 1) - 1n,
  }));
}
