/**
 * The numbers of records. One layout for every engine, described bit by bit in
 * `docs/internals/sequence-numbers.md`:
 *
 * ```
 * 2^185 | generation:36 | zero:36 | shard index:32 | entry index:64 | record index:16
 * bit     183..148        147..112  111..80          79..16           15..0
 * ```
 *
 * Written in decimal it always has 56 digits and starts with `49`, so that comparing two numbers of the
 * service as text, as many programs do, is comparing them as numbers.
 */
import { SHARD_INDEX_MAX } from "./shard-id.ts";

/** The fields of a sequence number. */
export interface SequenceNumber {
  /** max(the shard's creation second, the generation of every parent + 1). */
  readonly generation: number;
  /** The number in the shard's id. */
  readonly shardIndex: number;
  /** Which entry of the shard's log; the first is 1, so that 0 is a position before every record. */
  readonly entryIndex: number;
  /** Which record of the entry; the first is 0. */
  readonly recordIndex: number;
}

export const RECORD_INDEX_MAX = 65_535;

/** Every sequence number has so many decimal digits. */
export const SEQUENCE_NUMBER_DIGITS = 56;

/** The last generation with which every number still starts with `49` (in the year 2055). */
export const GENERATION_MAX = Number((5n * 10n ** 55n - (1n << 185n)) / (1n << 148n)) - 1;

const MARK = 1n << 185n;

/** Prints any sequence number. For the records of a shard, {@link sequenceNumberFormatter} is cheaper. */
export function formatSequenceNumber(fields: SequenceNumber): string {
  checkShard(fields);
  return String(
    MARK |
      (BigInt(fields.generation) << 148n) |
      (BigInt(fields.shardIndex) << 80n) |
      (BigInt(fields.entryIndex) << 16n) |
      BigInt(fields.recordIndex),
  );
}

/** The fields of a number that this system gave out; undefined for every other text. */
export function parseSequenceNumber(text: string): SequenceNumber | undefined {
  if (text.length !== 56 || !/^49\d{54}$/.test(text)) return undefined;
  const value = BigInt(text);
  if (value >> 184n !== 2n) return undefined;
  if (field(value, 112n, 36n) !== 0n) return undefined;
  const generation = Number(field(value, 148n, 36n));
  const shardIndex = Number(field(value, 80n, 32n));
  const entryIndex = field(value, 16n, 64n);
  // Some numbers of the generation behind the last one begin with 49 too.
  if (generation > GENERATION_MAX || shardIndex > SHARD_INDEX_MAX) return undefined;
  if (entryIndex > Number.MAX_SAFE_INTEGER) return undefined;
  return {
    generation,
    shardIndex,
    entryIndex: Number(entryIndex),
    recordIndex: Number(field(value, 0n, 16n)),
  };
}

export interface SequenceNumberFormatter {
  text(entryIndex: number, recordIndex: number): string;
  /** Puts the digits of {@link text} to `target[at..at + SEQUENCE_NUMBER_DIGITS)`, without a string. */
  write(target: Uint8Array, at: number, entryIndex: number, recordIndex: number): void;
}

const LEADING_DIGITS = 34;
const PREFIX_DIGITS = 48;
const LAST_DIGITS = SEQUENCE_NUMBER_DIGITS - PREFIX_DIGITS;
const ZERO = 0x30;

/**
 * Prints the numbers of one shard without big integers. Keep one per shard.
 *
 * The fixed fields are printed once, as 34 + 14 + 8 decimal digits; position counts into the lower two.
 * With `entryIndex = high * 10^8 + low`, `entryIndex * 2^16` adds `low * 2^16` (below 7e12) to the last
 * 8 digits and `high * 2^16` (below 6e12, as entry indexes stay below 2^53) to the middle 14, so every sum
 * is exact in a double and at most 1 is carried into the leading 34.
 */
export function sequenceNumberFormatter({
  generation,
  shardIndex,
}: {
  readonly generation: number;
  readonly shardIndex: number;
}): SequenceNumberFormatter {
  const base = formatSequenceNumber({ generation, shardIndex, entryIndex: 0, recordIndex: 0 });
  const leading = base.slice(0, LEADING_DIGITS);
  const leadingAfterCarry = String(BigInt(leading) + 1n);
  const baseMiddle = Number(base.slice(LEADING_DIGITS, PREFIX_DIGITS));
  const baseLast = Number(base.slice(PREFIX_DIGITS));
  // Neighbours share all but the last digits, so the rest is remembered.
  let rememberedMiddle = -1;
  let rememberedPrefix = "";
  const prefixBytes = new Uint8Array(PREFIX_DIGITS);

  /** Remembers the digits in front of the last ones, and returns those as a number. */
  const lastOf = (entryIndex: number, recordIndex: number): number => {
    const high = Math.floor(entryIndex / 1e8);
    const last = baseLast + (entryIndex - high * 1e8) * 65_536 + recordIndex;
    const carry = Math.floor(last / 1e8);
    const middle = baseMiddle + high * 65_536 + carry;
    if (middle !== rememberedMiddle) {
      rememberedMiddle = middle;
      rememberedPrefix =
        middle < 1e14
          ? leading + String(middle).padStart(14, "0")
          : leadingAfterCarry + String(middle - 1e14).padStart(14, "0");
      for (let i = 0; i < PREFIX_DIGITS; i += 1) prefixBytes[i] = rememberedPrefix.charCodeAt(i);
    }
    return last - carry * 1e8;
  };
  return {
    text(entryIndex, recordIndex) {
      const last = lastOf(entryIndex, recordIndex);
      return rememberedPrefix + String(last).padStart(LAST_DIGITS, "0");
    },
    write(target, at, entryIndex, recordIndex) {
      let left = lastOf(entryIndex, recordIndex) | 0;
      for (let i = 0; i < PREFIX_DIGITS; i += 1) target[at + i] = prefixBytes[i]!;
      for (let i = SEQUENCE_NUMBER_DIGITS - 1; i >= PREFIX_DIGITS; i -= 1) {
        const rest = (left / 10) | 0;
        target[at + i] = ZERO + left - rest * 10;
        left = rest;
      }
    },
  };
}

/** Negative, zero or positive as `one` comes before, is, or comes after `other`. */
export function compareSequenceNumbers(one: SequenceNumber, other: SequenceNumber): number {
  return (
    one.generation - other.generation ||
    one.shardIndex - other.shardIndex ||
    one.entryIndex - other.entryIndex ||
    one.recordIndex - other.recordIndex
  );
}

function field(value: bigint, lowestBit: bigint, width: bigint): bigint {
  return (value >> lowestBit) & ((1n << width) - 1n);
}

function checkShard({ generation, shardIndex }: { generation: number; shardIndex: number }): void {
  if (!Number.isSafeInteger(generation) || generation < 0 || generation > GENERATION_MAX) {
    throw new RangeError(`a sequence number has no room for generation ${generation}`);
  }
  if (!Number.isSafeInteger(shardIndex) || shardIndex < 0 || shardIndex > SHARD_INDEX_MAX) {
    throw new RangeError(`a sequence number has no room for shard index ${shardIndex}`);
  }
}
